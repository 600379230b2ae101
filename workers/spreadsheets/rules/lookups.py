"""What a column of lookups becomes: pure decisions around one set-based read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from core import Cancel, Outcome, Row
from workers.spreadsheets.model import AddBlankCells, Lookup, SetCell
from workers.spreadsheets.rules.decisions import configured

LOOKUP: Final = "spreadsheets.lookup"
PIECE: Final = 2000  # rows of one read, and of one commit: a person's edit waits behind milliseconds


@dataclass(frozen=True, slots=True)
class Plan:
    """Which column is filled in, from which two, or what is wrong with all of it."""

    column_id: UUID
    match: UUID | None = None
    value: UUID | None = None
    missing: str | None = None
    problem: str | None = None


def key_of(column_id: UUID) -> str:
    """One computation of a column at a time; triggers.sql knows this key too."""
    return f"column:{column_id}"


def planned(column_id: UUID, columns: Sequence[Row], sources: Sequence[Row]) -> Plan | Outcome:
    """`sources`: the columns `match` and `value`, where they can be read."""
    if not columns:
        return Cancel("the column is gone")
    if columns[0]["operator"] != LOOKUP:
        return Cancel(f"column {columns[0]['title']!r} is no longer filled in by {LOOKUP}")
    config = configured(Lookup, columns[0]["config"])
    if isinstance(config, str):
        return Plan(column_id, problem=config)
    known = {each["column_id"] for each in sources if each["spreadsheet_id"] == config.spreadsheet_id}
    if not {config.match, config.value} <= known:
        return Plan(column_id, problem="The column that is looked up is gone; choose another.")
    return Plan(column_id, config.match, config.value, config.missing)


def blanks(spreadsheet_id: UUID, column_id: UUID, found: Sequence[Row]) -> list[AddBlankCells]:
    """Places without a cell get one."""
    rows = tuple(each["row_number"] for each in found if each["cell_id"] is None)
    return [AddBlankCells(spreadsheet_id, column_id, rows)] if rows else []


def changes(found: Sequence[Row]) -> list[SetCell]:
    """`found`: the cells that show otherwise than they should, with what they should show."""
    return [SetCell(each["cell_id"], each["content"], _shown(each), each["cell_type"]) for each in found]


def _shown(row: Row) -> dict[str, str] | None:
    if row["error"] is not None:
        return {"error": row["error"], "input": row["input"][:80]}
    return {"note": row["note"]} if row["note"] is not None else None
