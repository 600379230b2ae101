"""From the cells of a sheet to the question put to the calculator, and from its answer to what is written. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from core import Row
from workers.spreadsheets.model import AddBlankCells, Formulas, ShowValue
from workers.spreadsheets.rules.references import ANY, columns_read, feeding_themselves, refusal
from workers.spreadsheets.rules.values import SHOWN_INPUT, storable

FORMULA: Final = "spreadsheets.formula"
PIECE: Final = 2000  # rows of one insert
MAX_CELLS: Final = 500_000  # that the formulas of one sheet may read

SENTENCES: Final[Mapping[str, str]] = {
    "#DIV/0!": "The formula divides by zero.",
    "#REF!": "The formula names a cell or a sheet that is not there.",
    "#NAME?": "The formula names a function that is not known here.",
    "#N/IMPL!": "The formula names a function that is not supported here.",
    "#VALUE!": "The formula computes with a text where it needs a number.",
    "#NUM!": "The result is no number that can be shown.",
    "#N/A": "The formula finds no value.",
    "#NULL!": "The formula names areas that do not meet.",
    "#CIRC!": "The formula hangs on itself; remove the circle.",
    "#SPILL!": "The formula gives several values, and their cells are not free.",
    "#CALC!": "The formula cannot be computed.",
    "#ERROR!": "The formula cannot be read; look at its brackets, commas and names.",
}
LOOPED: Final = "The formula reads a column that is filled in from its own results; remove the circle."


@dataclass(frozen=True, slots=True)
class Place:
    """One formula cell: what is entered, what it computes, what it shows now."""

    cell_id: UUID
    row: int
    content: str | None
    text: str
    shown: str | None
    kind: str
    sentence: str | None


@dataclass(slots=True)
class Question:
    """All formulas of a sheet and the columns that they read. `plain` are values in columns of formulas."""

    revision: int
    places: dict[int, list[Place]] = field(default_factory=dict)
    refused: dict[UUID, tuple[str, str]] = field(default_factory=dict)  # cell -> what it shows, why
    plain: list[dict[str, Any]] = field(default_factory=list)
    reads: dict[int, set[int]] = field(default_factory=dict)

    def wanted(self, columns: Sequence[Row]) -> list[Row]:
        """The columns without formulas that some formula reads."""
        read = set().union(*self.reads.values()) if self.reads else set()
        return [each for each in columns if each["operator"] != FORMULA and (ANY in read or each["position"] in read)]

    @property
    def count(self) -> int:
        return sum(map(len, self.places.values()))

    def computed(self) -> list[tuple[int, list[Place]]]:
        """The formulas that are put to the calculator, column by column."""
        return [
            (position, [each for each in places if each.cell_id not in self.refused])
            for position, places in self.places.items()
        ]

    def asked(self) -> list[dict[str, Any]]:
        """The same, as the calculator takes them."""
        return [
            {"column": position, "rows": [each.row for each in places], "texts": [each.text for each in places]}
            for position, places in self.computed()
        ]


def key_of(spreadsheet_id: UUID) -> str:
    """One computation of a sheet at a time; triggers.sql knows this key too."""
    return f"sheet:{spreadsheet_id}"


def missing_cells(spreadsheet_id: UUID, formulas: Sequence[Row], last_row: int) -> list[AddBlankCells]:
    """A cell in every row up to the last one, in columns that have a formula for all of them."""
    made = []
    for column in formulas:
        if _everywhere(column["config"]) is not None:
            known = set(column["rows"] or ())
            rows = [row for row in range(1, last_row + 1) if row not in known]
            made += [
                AddBlankCells(spreadsheet_id, column["column_id"], tuple(rows[start : start + PIECE]))
                for start in range(0, len(rows), PIECE)
            ]
    return made


def question(formulas: Sequence[Row], filled: Sequence[Row]) -> Question:
    """`formulas`: a record per column of formulas, `filled`: which column is filled in from which."""
    made = Question(max((row["revision"] for row in formulas), default=0))
    for column in formulas:
        _gather(made, column)
    looped = feeding_themselves(made.reads, [(row["position"], row["input_position"]) for row in filled])
    for position in looped:
        made.refused |= {each.cell_id: ("#CIRC!", LOOPED) for each in made.places[position]}
    return made


def _gather(made: Question, column: Row) -> None:
    position, everywhere = column["position"], _everywhere(column["config"])
    places, plain = [], []
    arrays = (column[name] or () for name in ("ids", "rows", "contents", "shown", "types", "errors"))
    for cell_id, row, content, shown, kind, sentence in zip(*arrays, strict=True):
        text = content if content is not None else everywhere
        if text is None:
            continue
        if not text.startswith("="):
            plain.append((row, text, kind))
            continue
        text = text.replace("{row}", str(row)) if content is None else text
        places.append(Place(cell_id, row, content, text, shown, kind, sentence))
        if (why := refusal(text)) is not None:
            made.refused[cell_id] = ("#ERROR!", why)
    made.places[position] = places
    texts = {each.text for each in places if each.cell_id not in made.refused}
    made.reads[position] = set().union(*map(columns_read, texts)) if texts else set()
    if plain:
        made.plain.append(input_column(position, *zip(*plain, strict=True)))


def _everywhere(config: str) -> str | None:
    """The formula of a column's blank cells; an error of its own where the configuration does not fit."""
    try:
        return Formulas.model_validate_json(config).formula
    except ValidationError:
        return "=#NAME?"


def input_column(position: int, rows: Sequence[int], contents: Sequence[str], types: Sequence[str]) -> dict[str, Any]:
    return {"column": position, "rows": list(rows), "contents": list(contents), "types": list(types)}


def inputs(made: Question, wanted: Sequence[Row], values: Sequence[Sequence[Row]]) -> list[dict[str, Any]]:
    """What the formulas read: `values` holds a record for each wanted column."""
    read = [
        input_column(column["position"], found[0]["rows"], found[0]["contents"], found[0]["types"])
        for column, found in zip(wanted, values, strict=True)
        if found and found[0]["rows"]
    ]
    return [*made.plain, *read]


def too_many(made: Question, columns: Sequence[Mapping[str, Any]]) -> str | None:
    cells = sum(len(each["rows"]) for each in columns) + made.count
    return f"they read {cells:,} cells, the most is {MAX_CELLS:,}" if cells > MAX_CELLS else None


def changes(made: Question, answers: Sequence[Sequence[Sequence[str]]]) -> list[ShowValue]:
    """What is shown otherwise than before. `answers` stand in the order of `computed()`: (value, kind) of each."""
    found = {
        place.cell_id: (value, kind)
        for (_, places), answered in zip(made.computed(), answers, strict=True)
        for place, (value, kind) in zip(places, answered, strict=True)
    }
    written = []
    for place in _all(made):
        if place.cell_id in made.refused:
            written.append(_error(place, *made.refused[place.cell_id], made.revision))
        else:
            written.append(_result(place, *found[place.cell_id], made.revision))
    return [each for each in written if each is not None]


def failed(made: Question, reason: str) -> list[ShowValue]:
    """Every formula of the sheet shows why none could be computed."""
    sentence = f"The formulas of this sheet cannot be computed: {reason}."
    written = [_error(place, "#ERROR!", sentence, made.revision) for place in _all(made)]
    return [each for each in written if each is not None]


def _all(made: Question) -> Iterator[Place]:
    return chain.from_iterable(made.places.values())


def _result(place: Place, value: str, kind: str, revision: int) -> ShowValue | None:
    if kind == "error":
        return _error(place, value, SENTENCES.get(value, SENTENCES["#CALC!"]), revision)
    return _shown(place, {"value": storable(value)}, kind, revision)


def _error(place: Place, value: str, sentence: str, revision: int) -> ShowValue | None:
    return _shown(place, {"value": value, "error": sentence, "input": place.text[:SHOWN_INPUT]}, "error", revision)


def _shown(place: Place, shown: dict[str, str], kind: str, revision: int) -> ShowValue | None:
    """None where the cell shows it already."""
    if (place.shown, place.kind) == (shown["value"], kind) and place.sentence == shown.get("error"):
        return None
    return ShowValue(place.cell_id, place.content, shown, kind, revision)
