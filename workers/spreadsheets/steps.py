"""Steps of transformer sessions: what they share. Each step is an operator; those of one kind of session stand in
`contact_steps`, `file_steps` and `page_steps`.

A step reads what the one before has found, does its work in chunks that it can repeat, and ends by recording its
output, which enqueues the next one; or it asks, and waits. A run that dies leaves whole chunks: the next one reads the
sheet again and does what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from core import Backoff, Outcome, Row, Task
from workers.spreadsheets.model.sessions import SessionStep
from workers.spreadsheets.rules.sessions import mapping
from workers.spreadsheets.rules.sessions.steps import Session, opened

WORDS: Final = {**mapping.WORDS, "address": ("web", "url", "address", "site", "homepage", "www")}
STEP: Final[dict[str, Any]] = {
    "payload": SessionStep,
    "concurrency": 2,
    "run_timeout_s": 3600,
    "retry": Backoff(base_s=1.0, limit_s=60.0),
}
Cells = dict[int, tuple[UUID, str | None]]  # row -> the cell's id and content


async def session_of(task: Task[SessionStep]) -> Session | Outcome:
    """The session at this step; else how its task ends."""
    return opened(await task.read("session", task.payload.session_id), task.payload)


async def columns_of(task: Task[SessionStep], session: Session) -> Sequence[Row]:
    return await task.read("columns_of_sheet", session.spreadsheet_id)


async def cells_of(task: Task[SessionStep], column_id: UUID) -> Cells:
    """A column by row, blank cells included."""
    row = (await task.read("cells_of_column", column_id))[0]
    found = zip(row["rows"] or (), row["ids"] or (), row["contents"] or (), strict=True)
    return {number: (cell_id, content) for number, cell_id, content in found}


def content_of(cells: Cells, row: int) -> str:
    return (cells[row][1] or "") if row in cells else ""
