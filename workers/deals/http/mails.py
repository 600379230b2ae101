"""Mails that come in, and those that fit no deal."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from core.web import Call, CommandRefused, Nothing, Refused, route
from workers.deals.adapter import MailUnreadable
from workers.deals.http.models import (
    AskedMails,
    Assignment,
    ByMail,
    MailList,
    NewMail,
    TakenIn,
    UnassignedMail,
)
from workers.deals.http.shown import row_of
from workers.deals.http.told import Work, acted, looked


@route("POST", "/api/emails/inbound", scope="operate", status=202, refuses=(404, 409, 413, 422), body_bytes=14_000_000)
async def take_in(call: Call[Nothing, NewMail]) -> TakenIn:
    """Takes in a mail. The same mail again changes nothing; where it belongs is decided by a task."""
    raw = _decoded(call.body.eml_base64)
    try:
        mail = await looked(call, lambda desk: desk.inbound(raw, "http", call.body.workspace_id))
    except MailUnreadable as error:
        raise Refused(422, "unreadable_mail", str(error), field="eml_base64") from error
    await acted(call, "deals.take_in", lambda desk: desk.take_in(mail))
    return TakenIn(inbound_id=mail.inbound_id)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(
            422, "not_base64", "this is no base64; send the bytes of the .eml file in it", field="eml_base64"
        ) from error


@route("GET", "/api/emails/unassigned", scope="read")
async def list_unassigned(call: Call[AskedMails, Nothing]) -> MailList:
    """Mails that fit no deal or several, the oldest first, with the reason and the deals it may be."""
    asked = call.asked
    rows = await call.read("list_unassigned", visible=call.actor.visible, after=asked.after, most=asked.limit + 1)
    shown = [UnassignedMail(**row_of(row, "candidates")) for row in rows[: asked.limit]]
    return MailList(mails=shown, more=len(rows) > asked.limit)


@route("POST", "/api/emails/unassigned/{id}/assign", scope="operate", refuses=(404, 409, 422))
async def assign(call: Call[ByMail, Assignment]) -> TakenIn:
    """Puts a mail on the thread of a deal, and has a reply drafted."""
    return await _sorted(call, "deals.assign", lambda desk: desk.assign(call.asked.id, call.body.deal_id))


@route("POST", "/api/emails/unassigned/{id}/dismiss", scope="operate", refuses=(404, 409))
async def dismiss(call: Call[ByMail, Nothing]) -> TakenIn:
    """Takes a mail off the list: it belongs to no deal. It is kept, and may still be assigned."""
    return await _sorted(call, "deals.dismiss", lambda desk: desk.dismiss(call.asked.id))


async def _sorted(call: Call[ByMail, Any], kind: str, work: Work) -> TakenIn:
    try:
        await acted(call, kind, work)
    except CommandRefused as error:
        if error.why != "stale":
            raise
        raise Refused(409, "stale", "somebody else has just sorted this mail; look at the list again") from error
    return TakenIn(inbound_id=call.asked.id)
