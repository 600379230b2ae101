"""Drafts: review, approve, edit, write anew, switch, send, archive, restore. Each change names the version it saw."""

from __future__ import annotations

from typing import Any

from core.web import Call, Nothing, route
from workers.deals.http.draft_models import (
    Approval,
    Archival,
    AskedDrafts,
    Draft,
    DraftList,
    Edit,
    Event,
    History,
    ListedDraft,
    Reason,
    Reasons,
    Regeneration,
    Resolution,
    Switch,
)
from workers.deals.http.models import ById, Changed, Versioned
from workers.deals.http.shown import row_of
from workers.deals.http.told import Work, acted_on_draft, looked

REFUSES = (404, 409, 422)


async def _changed(call: Call[ById, Any], verb: str, work: Work) -> Changed:
    return Changed(id=call.asked.id, version=await acted_on_draft(call, verb, work))


@route("GET", "/api/drafts", scope="read")
async def list_drafts(call: Call[AskedDrafts, Nothing]) -> DraftList:
    """The drafts of a status, newest first: those to review unless another is asked for."""
    asked = call.asked
    rows = await call.read(
        "list_drafts",
        visible=call.actor.visible,
        status=asked.status,
        deal_id=asked.deal,
        used_space=asked.space,
        before=asked.before,
        most=asked.limit + 1,
    )
    shown = [ListedDraft(**row_of(row, "validation")) for row in rows[: asked.limit]]
    return DraftList(drafts=shown, more=len(rows) > asked.limit)


@route("GET", "/api/drafts/reasons", scope="read")
async def archive_reasons(call: Call[Nothing, Nothing]) -> Reasons:
    """Why drafts were archived, counted."""
    rows = await call.read("archive_reasons", visible=call.actor.visible)
    return Reasons(reasons=[Reason(**row) for row in rows])


@route("GET", "/api/drafts/{id}", scope="read", refuses=(404,))
async def read_draft(call: Call[ById, Nothing]) -> Draft:
    """A draft with the mail it answers, all its versions, what the check found, and its delivery."""
    row = await looked(call, lambda desk: desk.draft(call.asked.id))
    return Draft(**row_of(row, "reasoning", "metadata", "validation", "draft_versions", without=("has_other",)))


@route("GET", "/api/drafts/{id}/history", scope="read", refuses=(404,))
async def read_history(call: Call[ById, Nothing]) -> History:
    """Everything that happened to a draft, with who did it."""
    await looked(call, lambda desk: desk.draft(call.asked.id))
    rows = await call.read("history_of_draft", draft_id=call.asked.id)
    return History(events=[Event(**row_of(row, "before", "after", without=("user_id",))) for row in rows])


@route("POST", "/api/drafts/{id}/approve", scope="operate", refuses=REFUSES)
async def approve(call: Call[ById, Approval]) -> Changed:
    """Approves the text of this version, after another check. One that fails it needs an override, which is audited."""
    body = call.body
    return await _changed(call, "approve", lambda desk: desk.approve(call.asked.id, body.version, body.override))


@route("POST", "/api/drafts/{id}/check", scope="operate", refuses=REFUSES)
async def check(call: Call[ById, Versioned]) -> Changed:
    """Checks a pending draft against what the database says now."""
    return await _changed(call, "check", lambda desk: desk.check(call.asked.id, call.body.version))


@route("POST", "/api/drafts/{id}/edit", scope="operate", refuses=REFUSES, body_bytes=400_000)
async def edit(call: Call[ById, Edit]) -> Changed:
    """Another text. It is a version of its own, is checked, and is pending again."""
    return await _changed(call, "edit", lambda desk: desk.edit(call.asked.id, call.body.version, call.body.body))


@route("POST", "/api/drafts/{id}/regenerate", scope="operate", refuses=(*REFUSES, 429))
async def regenerate(call: Call[ById, Regeneration]) -> Changed:
    """Has it written anew as told: three times, then 24 hours later again."""
    body = call.body
    return await _changed(
        call, "regenerate", lambda desk: desk.regenerate(call.asked.id, body.version, body.instruction)
    )


@route("POST", "/api/drafts/{id}/switch", scope="operate", refuses=REFUSES)
async def switch(call: Call[ById, Switch]) -> Changed:
    """Makes another version the active one. It is checked, and pending again."""
    return await _changed(
        call, "switch", lambda desk: desk.switch(call.asked.id, call.body.version, call.body.to_version)
    )


@route("POST", "/api/drafts/{id}/send", scope="operate", refuses=REFUSES)
async def send(call: Call[ById, Versioned]) -> Changed:
    """Sends an approved draft, once. A task does it; look at the draft's delivery."""
    return await _changed(call, "send", lambda desk: desk.send(call.asked.id, call.body.version))


@route("POST", "/api/drafts/{id}/resolve", scope="operate", refuses=REFUSES)
async def resolve(call: Call[ById, Resolution]) -> Changed:
    """Says what became of a mail whose answer was lost: it arrived, or it did not and may be sent again."""
    body = call.body
    return await _changed(call, "resolve", lambda desk: desk.resolve(call.asked.id, body.version, arrived=body.arrived))


@route("POST", "/api/drafts/{id}/archive", scope="operate", refuses=REFUSES)
async def archive(call: Call[ById, Archival]) -> Changed:
    """Takes a draft out of the lists, whatever its state. Nothing is deleted."""
    return await _changed(
        call, "archive", lambda desk: desk.archive(call.asked.id, call.body.version, call.body.reason)
    )


@route("POST", "/api/drafts/{id}/restore", scope="operate", refuses=REFUSES)
async def restore(call: Call[ById, Versioned]) -> Changed:
    """Brings an archived draft back to what it was."""
    return await _changed(call, "restore", lambda desk: desk.restore(call.asked.id, call.body.version))
