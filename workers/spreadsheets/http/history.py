"""What happened to a cell, and who did it."""

from __future__ import annotations

from core.web import Call, Nothing, route
from workers.spreadsheets.http.models import AskedHistory, History, PastChange
from workers.spreadsheets.http.seeing import seen_sheet
from workers.spreadsheets.http.shown import past_change


@route("GET", "/api/spreadsheets/{id}/cells/{cell_id}/history", scope="read", refuses=(404,))
async def read_history(call: Call[AskedHistory, Nothing]) -> History:
    """The changes of a cell, newest first: by whom, when, from what to what. A cell without any has none."""
    asked = call.asked
    await seen_sheet(call, asked.id)
    rows = await call.read(
        "http_history", spreadsheet_id=asked.id, cell_id=asked.cell_id, before=asked.before, most=asked.limit + 1
    )
    changes = [PastChange(**past_change(row)) for row in rows[: asked.limit]]
    return History(changes=changes, more=len(rows) > asked.limit)
