"""`rowmill sessions`: list, show, start, answer, retry, cancel."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID, uuid4

import cyclopts
from cyclopts import Parameter

from core import Effect, Row, RowmillError
from core.cli.door import (
    Acting,
    DataDir,
    Json,
    acting,
    console,
    counted,
    moment,
    pairs,
    print_json,
    table,
    text,
)
from workers.spreadsheets import desk
from workers.spreadsheets.model.sessions import StartSession

PACKAGE: Final = "workers.spreadsheets"
COLUMNS: Final = ("id", "kind", "name", "state", "step", "started", "asks or problem")
DOCUMENTS: Final = ("initial_input", "step_data", "user_input_schema", "user_input_form", "rows_done")
DETAILS: Final = 20  # choices that are shown with their details
Done = TypeVar("Done")
User = Annotated[
    str | None, Parameter(name="--user", help="In whose name, an e-mail address; the only user where there is one.")
]
SessionId = Annotated[UUID, Parameter(name="SESSION", help="The id of a session.")]
SheetId = Annotated[UUID, Parameter(name="SHEET", help="The id of a spreadsheet.")]
Pairs = Annotated[str, Parameter(name="PAIR", help="As name=value; a value is read as JSON where it is JSON.")]
Choices = Annotated[str, Parameter(name="CHOICE", help="As key=value; what is not named takes its default.")]

app = cyclopts.App(name="sessions", help="Sessions over a sheet: list, show, start, answer, retry, cancel.")


@app.command(name="list")
def list_sessions(
    sheet: SheetId | None = None, /, *, limit: int = 50, as_json: Json = False, data_dir: DataDir = None
) -> None:
    """List sessions, newest first; of one sheet, or of all."""
    values = {"session_id": None, "spreadsheet_id": sheet, "most": limit}
    found = acting(data_dir, PACKAGE, None, lambda person: person.read("http_sessions", **values))
    rows: list[Row] = [dict(row) for row in found]
    if as_json:
        print_json({"sessions": [_plain(row) for row in rows]})
    elif rows:
        cells = (_cells(row) for row in rows)
        console().print(table(counted(len(rows), "session"), COLUMNS, cells, whole=("id", "state")))
    else:
        console().print("No session yet; start one with `rowmill sessions start SHEET clean_contacts`.")


def _cells(row: Row) -> tuple[object, ...]:
    step = f"{row['current_step']} of {row['total_steps']}"
    told = row["problem"] or row["user_input_prompt"]
    return row["id"], row["kind"], row["session_name"], row["state"], step, moment(row["created_at"]), told


@app.command
def show(session: SessionId, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show a session: its steps, what they have found, and what it asks."""
    row = acting(data_dir, PACKAGE, None, lambda person: _session(person, session))
    if as_json:
        print_json(_plain(row))
        return
    told = console()
    names = ("id", "kind", "session_name", "state", "spreadsheet_id", "task_id", "problem", "started_by")
    facts = [(name.replace("_", " "), row[name]) for name in names]
    told.print(pairs([*facts, ("step", f"{row['current_step']} of {row['total_steps']}")]))
    found: Mapping[str, Any] = json.loads(row["step_data"])
    for number, step in enumerate(row["steps"], start=1):
        told.print(text(f"{number}. {step}: {_brief(found.get(str(number)))}"), soft_wrap=True)
    if row["state"] == "asks":
        _print_question(row)


def _brief(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "-"
    short = {name: f"{len(item)} items" if isinstance(item, (list, dict)) else item for name, item in found.items()}
    return ", ".join(f"{name} {item}" for name, item in short.items())


def _print_question(row: Row) -> None:
    told, form = console(), json.loads(row["user_input_form"])
    told.print()
    told.print(text(row["user_input_prompt"]), soft_wrap=True)
    for choice in form[:DETAILS]:
        told.print(text(f"\n{choice['key']}: {choice['label']}"), soft_wrap=True)
        if choice["detail"]:
            told.print(text(choice["detail"]), soft_wrap=True)
        options = (
            f"{option['value']} ({option['label']}{', the default' if option['value'] == choice['default'] else ''})"
            for option in choice["options"]
        )
        told.print(text(f"   {' · '.join(options)}"), soft_wrap=True)
    if len(form) > DETAILS:
        told.print(text(f"\nand {len(form) - DETAILS} more; --json has all"))
    told.print(text(f"\nAnswer with `rowmill sessions answer {row['id']} KEY=VALUE …`"), soft_wrap=True)


@app.command
def start(
    sheet: SheetId,
    kind: str,
    /,
    *given: Pairs,
    name: str | None = None,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Start a session over a sheet, for example `rowmill sessions start SHEET clean_contacts name=Contact`."""
    checked = desk.checked_input(kind, {key: _value(value) for key, value in map(_pair, given)})

    async def work(person: Acting) -> UUID:
        rows = await person.read("http_sheet", spreadsheet_id=sheet, user_id=None)
        if not rows:
            raise RowmillError(f"there is no spreadsheet {sheet}; its id stands in the address of its page")
        made = uuid4()
        called = name or f"{kind.replace('_', ' ')} of {rows[0]['name']}"[:255]
        workspace = rows[0]["workspace_id"]
        effect = StartSession(made, sheet, workspace, kind, called, checked)
        await person.apply("sessions.start", [effect], workspace_id=workspace)
        return made

    made = acting(data_dir, PACKAGE, user, work)
    _say(f"started {made}; follow it with `rowmill sessions show {made}`", {"id": str(made)}, as_json=as_json)


@app.command
def answer(
    session: SessionId, /, *choices: Choices, user: User = None, as_json: Json = False, data_dir: DataDir = None
) -> None:
    """Answer what a session asks; without choices the defaults are taken."""
    given = {"choices": dict(map(_pair, choices))}
    decide = lambda row: desk.answering(row, row["current_step"], given)  # noqa: E731
    _change(session, "sessions.answer", decide, user, data_dir)
    _say("answered; the session goes on", {"id": str(session)}, as_json=as_json)


@app.command
def retry(session: SessionId, /, *, user: User = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Run the step that has failed again; what it has written already is not written twice."""
    _change(session, "sessions.retry", desk.retrying, user, data_dir)
    _say("the step runs again", {"id": str(session)}, as_json=as_json)


@app.command
def cancel(session: SessionId, /, *, user: User = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """End a session. What its steps have written stays."""
    _change(session, "sessions.cancel", desk.cancelling, user, data_dir)
    _say("cancelled", {"id": str(session)}, as_json=as_json)


def _change(
    session: UUID, kind: str, decide: Callable[[Row], Sequence[Effect]], user: str | None, data_dir: Any
) -> None:
    async def work(person: Acting) -> None:
        row = await _session(person, session)
        seen = {("transformer_sessions", session): row["version"]}
        await person.apply(kind, decide(row), seen=seen, workspace_id=row["workspace_id"])

    acting(data_dir, PACKAGE, user, work)


async def _session(person: Acting, session: UUID) -> Row:
    rows = await person.read("http_sessions", session_id=session, spreadsheet_id=None, most=1)
    if not rows:
        raise RowmillError(f"there is no session {session}; list them with `rowmill sessions list`")
    return dict(rows[0])


def _pair(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not name or not equals:
        raise RowmillError(f"{written!r} is no pair; write it as name=value")
    return name, value


def _value(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        return written


def _plain(row: Row) -> dict[str, Any]:
    return {
        name: json.loads(value) if name in DOCUMENTS and isinstance(value, str) else value
        for name, value in dict(row).items()
    }


def _say(sentence: str, told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        console().print(text(sentence), soft_wrap=True)
