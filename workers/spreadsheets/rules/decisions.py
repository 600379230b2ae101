"""From rows that were read to effects: what a cell becomes, where imported columns go, what an export shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from core import Cancel, Done, Effect, Enqueue, Fail, Outcome, Row, Snooze
from workers.spreadsheets.model import AddColumn, CellType, Classify, SetCell, Transform, Value
from workers.spreadsheets.rules import apply
from workers.spreadsheets.rules.classes import classified
from workers.spreadsheets.rules.values import problem

TRANSFORM = "spreadsheets.transform"
CLASSIFY = "spreadsheets.classify"
FILL = "spreadsheets.fill_cells"
PARTS = 5  # of a fill that was disturbed by an edit
UNDIVIDED = 10  # cells
FILL_PAUSE_S = 0.1  # of a cell whose fill is under way
IMPORT_CHUNK_CELLS = 4000

Config = TypeVar("Config", bound=BaseModel)
# What needs nothing but its row; these columns are filled in many cells at a time (triggers.sql names them, too).
PURE: Final[Mapping[str, tuple[type[BaseModel], Callable[..., Value]]]] = MappingProxyType(
    {TRANSFORM: (Transform, apply), CLASSIFY: (Classify, classified)}
)


def handed_over(cell_id: UUID, concurrency_key: str | None, task_type: str = TRANSFORM) -> Outcome | None:
    """A task of the cell's own key in place of one without it; None for a task that has the key.

    Runs of one cell go one after the other. Two at once could both be right about what they read, and the one that saw
    less could commit first: the other then ends superseded, and nothing is left that would see its input.
    """
    own_key = f"cell:{cell_id}"
    if concurrency_key == own_key:
        return None
    return Done([Enqueue(task_type, {"cell_id": str(cell_id)}, concurrency_key=own_key)])


def waiting(columns: Sequence[Row]) -> Snooze | None:
    """A run that fills many cells in holds this one: what it read may be older. It is over in a moment."""
    return Snooze(FILL_PAUSE_S, "its column is being filled in") if columns and columns[0].get("filling") else None


def parted(column_id: UUID, cell_ids: Sequence[UUID], key: str | None) -> Outcome:
    """The same cells in smaller fills: whoever edits one of them makes fewer others wait."""
    size = max(1, -(-len(cell_ids) // PARTS))
    parts = [cell_ids[start : start + size] for start in range(0, len(cell_ids), size)]
    told = [{"column_id": str(column_id), "cell_ids": [str(each) for each in part]} for part in parts]
    return Done([Enqueue(FILL, each, concurrency_key=key) for each in told])


def filled(columns: Sequence[Row], cells: Sequence[Row]) -> Outcome:
    """Many cells of a column by the same decision as each alone. `cells`: each cell and its inputs, one after the
    other."""
    if not columns or columns[0]["operator"] not in PURE:
        return Cancel("the column is gone, or is filled in otherwise by now")
    task_type, effects = columns[0]["operator"], list[Effect]()
    for cell_id, found in groupby(cells, key=itemgetter("cell_id")):
        outcome = computed(task_type, cell_id, columns, list(found))
        if isinstance(outcome, Done):
            effects += outcome.effects
    return Done(effects, output={"cells": len(effects)})


def computed(task_type: str, cell_id: UUID, columns: Sequence[Row], cells: Sequence[Row]) -> Outcome:
    """The new value of a cell from its column's configuration and its inputs.

    `columns`: the cell's column, `cells`: the cell itself (ordinal 0) and its inputs in order.
    """
    if not cells or not columns:
        return Cancel("the cell or its column is gone")
    if columns[0]["operator"] != task_type:
        return Cancel(f"column {columns[0]['title']!r} is no longer filled in by {task_type}")
    inputs = [cell["content"] for cell in cells if cell["ordinal"] > 0]
    value = _value(task_type, columns[0]["config"], inputs)
    return Done([SetCell(cell_id, value.content, dict(value.shown) if value.shown else None, value.cell_type)])


def _value(task_type: str, config: str, inputs: Sequence[str | None]) -> Value:
    model, rule = PURE[task_type]
    checked = configured(model, config)
    return problem(checked, "") if isinstance(checked, str) else rule(inputs, checked)


@lru_cache(maxsize=256)
def configured(model: type[Config], config: str) -> Config | str:
    """The checked configuration, or a sentence that says what is wrong with it. Cached by its text: thousands of cells
    share one."""
    try:
        return model.model_validate_json(config)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        return f"The column's configuration does not fit: {where}: {first['msg']}; correct it."


def import_columns(
    spreadsheet_id: UUID, header: Sequence[str], existing: Sequence[Row], new_ids: Sequence[UUID]
) -> tuple[list[UUID], list[AddColumn]]:
    """Where each column of a file goes: to the sheet's plain column of the same title, else to a new one at the end."""
    plain = {row["title"].casefold(): row["id"] for row in existing if row["operator"] is None}
    position = max((row["position"] for row in existing), default=0)
    places: list[UUID] = []
    added: list[AddColumn] = []
    for title, new_id in zip(header, new_ids, strict=True):
        known = plain.pop(title.casefold(), None)
        if known is None:
            position += 1
            added.append(AddColumn(new_id, spreadsheet_id, position, title))
        places.append(known or new_id)
    return places, added


def file_mark(size: int, mtime_ns: int, header: Sequence[str]) -> dict[str, Any]:
    """What a file is known by when its import goes on: bytes, time of its last change, digest of its header."""
    digest = sha256("\x1f".join(header).encode("utf-8", "surrogatepass")).hexdigest()
    return {"size": size, "mtime_ns": mtime_ns, "header": digest}


def resumed(progress: Mapping[str, Any] | None, mark: Mapping[str, Any]) -> dict[str, Any] | Fail:
    """The progress from which an import of this file goes on; {} for a fresh start.

    What a completed import has left is no progress, and before the first row has landed nothing binds it to a file.
    """
    if not progress or "column_ids" not in progress:
        return {}
    if progress.get("file") == mark:
        return dict(progress)
    if not progress["rows_done"]:
        return {}
    return Fail(
        f"the file has changed since row {progress['rows_done']:,} was imported; import it anew with a new task, after "
        "deleting the rows that are already in the sheet"
    )


def chunk_rows(columns: int) -> int:
    """Rows of one import chunk: a few thousand cells, so that a person's edit waits behind milliseconds."""
    return max(IMPORT_CHUNK_CELLS // max(columns, 1), 1)


def shown_row(cells: Mapping[str, Any], column_ids: Sequence[UUID]) -> list[Value | None]:
    """One row of an export in column order: shown values with their kinds, errors as errors with their sentence."""
    return [_shown(cells.get(str(column_id))) for column_id in column_ids]


def _shown(cell: Sequence[Any] | None) -> Value | None:
    if cell is None:
        return None
    content, kind, error = cell
    if kind == "error":
        return Value(None, {"error": error} if error else None, "error")
    known: CellType = kind if kind in {"number", "date", "phone", "email", "blank"} else "text"
    return Value(content, None, known)
