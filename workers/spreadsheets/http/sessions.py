"""Sessions of a sheet: start, look, answer, retry, cancel."""

from __future__ import annotations

from typing import Any

from core.web import Call, Document, Nothing, Refused, absent, route
from workers.spreadsheets import desk
from workers.spreadsheets.http.models import Done
from workers.spreadsheets.http.seeing import own_sheet, seen_sheet
from workers.spreadsheets.http.session_models import (
    ANSWER_BYTES,
    Answer,
    AskedSession,
    AskedSessions,
    NewSession,
    Question,
    Session,
    SessionList,
)
from workers.spreadsheets.http.sheets import part_id
from workers.spreadsheets.http.shown import Row
from workers.spreadsheets.model.sessions import StartSession


@route("GET", "/api/spreadsheets/{id}/sessions", scope="read", refuses=(404,))
async def list_sessions(call: Call[AskedSessions, Nothing]) -> SessionList:
    """The sessions of a spreadsheet, newest first, with what each asks."""
    asked = call.asked
    await seen_sheet(call, asked.id)
    rows = await call.read("http_sessions", session_id=None, spreadsheet_id=asked.id, most=asked.limit + 1)
    return SessionList(sessions=[shown(row) for row in rows[: asked.limit]], more=len(rows) > asked.limit)


@route("POST", "/api/spreadsheets/{id}/sessions", scope="operate", status=201, refuses=(404, 409))
async def start_session(call: Call[AskedSessions, NewSession]) -> Done:
    """Starts a session; its first step begins at once."""
    sheet, body = await own_sheet(call, call.asked.id), call.body
    try:
        given = desk.checked_input(body.kind, body.input)
    except desk.SessionRefused as reason:
        raise _refused(reason) from reason
    made_id = part_id(call.command_id, "session")
    name = body.name or f"{body.kind.replace('_', ' ')} of {sheet['name']}"[:255]
    effect = StartSession(made_id, call.asked.id, sheet["workspace_id"], body.kind, name, given)
    await call.apply("sessions.start", [effect], workspace_id=sheet["workspace_id"])
    return Done(id=made_id)


@route("GET", "/api/sessions/{id}", scope="read", refuses=(404,))
async def read_session(call: Call[AskedSession, Nothing]) -> Session:
    """A session: its step, what was found so far, and its question."""
    row = await _session(call)
    await seen_sheet(call, row["spreadsheet_id"])
    return shown(row)


@route("POST", "/api/sessions/{id}/answer", scope="operate", refuses=(404, 409), body_bytes=ANSWER_BYTES)
async def answer_session(call: Call[AskedSession, Answer]) -> Done:
    """Answers the question of a session, which goes on at once. The answer is checked by the question's schema."""
    body = call.body
    return await _act(call, "sessions.answer", lambda row: desk.answering(row, body.step, body.answer), body.version)


@route("POST", "/api/sessions/{id}/retry", scope="operate", refuses=(404, 409))
async def retry_session(call: Call[AskedSession, Nothing]) -> Done:
    """Runs the step that has failed again; what it has written already is not written twice."""
    return await _act(call, "sessions.retry", desk.retrying)


@route("POST", "/api/sessions/{id}/cancel", scope="operate", refuses=(404, 409))
async def cancel_session(call: Call[AskedSession, Nothing]) -> Done:
    """Ends a session. What its steps have written stays, with its history."""
    return await _act(call, "sessions.cancel", desk.cancelling)


async def _act(call: Call[AskedSession, Any], kind: str, decide: Any, version: int | None = None) -> Done:
    row = await _session(call)
    sheet = await own_sheet(call, row["spreadsheet_id"])
    try:
        effects = decide(row)
    except desk.SessionRefused as reason:
        if not await _was_done(call):
            raise _refused(reason) from reason
        effects = []  # the same request again hears the first one's answer; another one with its key is refused
    seen = {} if version is None else {("transformer_sessions", call.asked.id): version}
    await call.apply(kind, effects, seen=seen, workspace_id=sheet["workspace_id"])
    return Done(id=call.asked.id)


async def _was_done(call: Call[AskedSession, Any]) -> bool:
    rows = await call.read("http_session_command", command_id=call.command_id, session_id=call.asked.id)
    return bool(rows)


async def _session(call: Call[AskedSession, Any]) -> dict[str, Any]:
    rows = await call.read("http_sessions", session_id=call.asked.id, spreadsheet_id=None, most=1)
    if not rows:
        raise absent("session")
    return dict(rows[0])


def _refused(reason: desk.SessionRefused) -> Refused:
    if reason.field is None:
        return Refused(409, "wrong_state", str(reason))
    return Refused(422, "unfit", str(reason), field=reason.field)


def shown(row: Row) -> Session:
    question = None
    if row["requires_user_input"] and row["state"] == "asks":
        form, schema = Document(row["user_input_form"]), Document(row["user_input_schema"])
        question = Question(prompt=row["user_input_prompt"], form=form, answer_schema=schema)
    same = (
        *("id", "spreadsheet_id", "kind", "state", "current_step", "total_steps", "steps", "problem", "task_id"),
        *("started_by", "version", "created_at", "updated_at", "completed_at", "cancelled_at"),
    )
    return Session(
        **{name: row[name] for name in same},
        name=row["session_name"],
        input=Document(row["initial_input"]),
        step_data=Document(row["step_data"]),
        rows_done=Document.of(row["rows_done"]),
        question=question,
    )
