"""Who may see and change which sheet: its owner and the members of its workspace; a public one is seen by all."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from core.web import Call, Refused, absent
from workers.spreadsheets.http.shown import Row

SHEET = "spreadsheet"


def eyes(call: Call[Any, Any]) -> UUID | None:
    """The user whose rights count; None for an admin, who sees everything."""
    return None if call.actor.visible is None else call.actor.user_id


async def seen_sheet(call: Call[Any, Any], sheet_id: UUID) -> Row:
    """The sheet's row. Raises Refused 404."""
    rows = await call.read("http_sheet", spreadsheet_id=sheet_id, user_id=eyes(call))
    if not rows:
        raise absent(SHEET)
    return rows[0]


async def own_sheet(call: Call[Any, Any], sheet_id: UUID) -> Row:
    """The same of one that may be changed. Raises Refused 404 or 403."""
    sheet = await seen_sheet(call, sheet_id)
    if not sheet["may_edit"]:
        raise Refused(403, "read_only", "this sheet is public to read and yours not to change; ask its owner")
    return sheet


async def live_columns(call: Call[Any, Any], sheet_id: UUID) -> dict[UUID, Row]:
    """The sheet's columns by id, in their order."""
    return {row["id"]: row for row in await call.read("http_columns", spreadsheet_id=sheet_id)}
