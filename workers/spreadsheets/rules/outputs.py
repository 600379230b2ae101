"""What an outside call is about: one cell of an operator, the plain cells of its row that it fills in, their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from core import Cancel, Outcome, Row
from workers.spreadsheets.model import BeginFetch, SetCell
from workers.spreadsheets.rules.values import is_blank, problem, storable

MAX_VALUE: Final = 30_000  # characters: what a cell of a workbook can hold
MAX_VALUES: Final = 200  # of a path that finds many


@dataclass(frozen=True, slots=True)
class Target:
    """The cell, its row, and where further values go. `places` are cells, known once they exist."""

    cell_id: UUID
    spreadsheet_id: UUID
    row: int
    inputs: tuple[str | None, ...]
    outputs: Mapping[str, UUID]  # what -> column
    places: Mapping[UUID, UUID]  # column -> cell

    @property
    def is_blank(self) -> bool:
        return all(each is None or is_blank(each) for each in self.inputs)

    def begun(self, words: str, at: datetime) -> BeginFetch:
        return BeginFetch(
            self.cell_id, tuple(self.outputs.values()), {"fetching": words[:500], "since": at.isoformat()}
        )

    def with_places(self, row: Sequence[Row]) -> Target:
        return replace(self, places={each["column_id"]: each["cell_id"] for each in row if each["cell_id"]})

    def blank(self) -> list[SetCell]:
        return [SetCell(self.cell_id, None, None, "blank"), *self._cleared()]

    def _cleared(self) -> list[SetCell]:
        return [SetCell(cell, None, None, "blank") for cell in map(self.places.get, self.outputs.values()) if cell]

    def wrong(self, reason: str, about: Mapping[str, Any] | None = None) -> list[SetCell]:
        """The reason stands in the cell, the outputs are blank."""
        sentence = reason[:1].upper() + reason[1:]
        shown = problem(sentence if sentence.endswith(".") else f"{sentence}.", self.inputs[0] or "").shown
        return [SetCell(self.cell_id, None, {**(shown or {}), **(about or {})}, "error"), *self._cleared()]

    def right(self, value: object, others: Mapping[str, object], about: Mapping[str, Any]) -> list[SetCell]:
        """The values of a JSON answer, each where it belongs."""
        text, kind = written(value)
        cells = [SetCell(self.cell_id, text, dict(about), kind)]
        for what, column in self.outputs.items():
            if (place := self.places.get(column)) is not None:
                text, kind = written(others.get(what))
                cells.append(SetCell(place, text, None, kind))
        return cells


def target_of(
    task_type: str, cell_id: UUID, columns: Sequence[Row], cells: Sequence[Row], row: Sequence[Row]
) -> Target | Outcome:
    """`columns`: the cell's column, `cells`: the cell and its inputs, `row`: the columns of the sheet with its
    cells."""
    if not cells or not columns or not row:
        return Cancel("the cell or its column is gone")
    if columns[0]["operator"] != task_type:
        return Cancel(f"column {columns[0]['title']!r} is no longer filled in by {task_type}")
    inputs = tuple(cell["content"] for cell in cells if cell["ordinal"] > 0)
    bare = Target(cell_id, row[0]["spreadsheet_id"], row[0]["row_number"], inputs or (None,), {}, {})
    return bare.with_places(row)


def unfit(inputs: frozenset[int], outputs: Mapping[str, UUID], given: int, row: Sequence[Row]) -> str | None:
    """Why a configuration does not fit its sheet, in a sentence. `inputs`: the places of its template."""
    if given == 0:
        return "The column needs an input; choose the columns that it reads."
    if inputs and max(inputs) > given:
        return f"The place {{{max(inputs)}}} has no input; the column has {given}."
    return outputs_unfit(outputs, {each["column_id"]: each["operator"] for each in row})


def outputs_unfit(outputs: Mapping[Any, UUID], operators: Mapping[UUID, str | None]) -> str | None:
    """The same for the columns that are written into; `operators`: those of the sheet."""
    for what, column in outputs.items():
        if column not in operators:
            return f"The column for {what} is not in this sheet; choose another."
        if operators[column] is not None:
            return f"The column for {what} is filled in by {operators[column]}; choose a plain one."
    if len(set(outputs.values())) < len(outputs):
        return "Two parts go into one column; give each a column of its own."
    return None


def written(value: object) -> tuple[str | None, str]:
    """A value of JSON as a cell holds it, and its kind. Several texts stand one a line."""
    match value:
        case bool():
            return ("TRUE" if value else "FALSE"), "boolean"
        case int() | float():
            return orjson.dumps(value).decode().removesuffix(".0"), "number"
        case [only]:
            return written(only)
    text = storable(_text(value)).strip()
    return (None, "blank") if is_blank(text) else (_cut(text), "text")


def _text(value: object) -> str:
    match value:
        case None | []:
            return ""
        case dict() if not value:
            return ""
        case str():
            return value
        case list() if all(isinstance(each, (str, int, float)) for each in value):
            return "\n".join(str(each) for each in value[:MAX_VALUES])
    return orjson.dumps(value, default=str).decode()


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"
