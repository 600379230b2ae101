"""The proof: what every cell must hold, computed from the input file and the producer's log by code that knows nothing
of the engine, against what the database holds and the exported workbook shows; and the audit, replayed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from python_calamine import CalamineWorkbook

from demo.expected import Expected, expected_cells, read_rows
from demo.expected_formulas import computed_cells, figures
from demo.expected_pages import expected_pages
from demo.sheet import COMPUTED, DERIVED, SOURCE_TITLES

TITLES: Final = (*SOURCE_TITLES, *(column.title for column in (*DERIVED, *COMPUTED)))
ERROR_MARK: Final = "#ERROR: "  # a sentence follows it
SHOWN_EXAMPLES: Final = 5

Row = Mapping[str, Any]


@dataclass(slots=True)
class Verdict:
    """What the proof found. `lost`: cells that differ from what they must hold; `doubled`: surplus cells, and surplus
    audit rows of a (cell, task); `broken`: audit rows that do not continue their cell's history; `misshown`: cells of
    the exported workbook that differ from what they must show."""

    cells: int = 0
    lost: int = 0
    doubled: int = 0
    broken: int = 0
    misshown: int = 0
    pages: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return self.cells > 0 and not (self.lost or self.doubled or self.broken or self.misshown)

    def tell(self, example: str) -> None:
        """Keeps the first few."""
        if len(self.examples) < SHOWN_EXAMPLES:
            self.examples.append(example)


def sources(contacts: Path, edits: Path) -> dict[int, dict[str, str | None]]:
    """The source cells by row number: the file, then every acknowledged edit in order."""
    rows = {number: dict(row) for number, row in enumerate(read_rows(contacts), start=1)}
    if edits.exists():
        for line in edits.read_text(encoding="utf-8").splitlines():
            edit = json.loads(line)
            rows[edit["row"]][edit["title"]] = edit["content"]
    return rows


def expected_sheet(contacts: Path, edits: Path) -> list[dict[str, Expected]]:
    """Every row of the sheet, its source cells and then its derived ones, by title."""
    rows = []
    for source in sources(contacts, edits).values():
        cells = expected_cells(source)
        rows.append({title: Expected(content) for title, content in source.items()} | cells | computed_cells(cells))
    for row, shown in zip(rows, figures(rows), strict=False):
        row["Figures"] = Expected(shown)
    return rows


def prove(contacts: Path, edits: Path, cells: Sequence[Row], events: Iterable[Row]) -> Verdict:
    """Compares cell by cell, both ways, and replays the audit."""
    verdict = Verdict()
    _compare(verdict, expected_sheet(contacts, edits), cells)
    _replay(verdict, cells, events)
    return verdict


def prove_pages(verdict: Verdict, site: str, cells: Sequence[Row], events: Iterable[Row]) -> None:
    """The same for the sheet of pages; adds to the verdict."""
    rows = expected_pages(site)
    _compare(verdict, rows, cells)
    _replay(verdict, cells, events)
    errors = {cell["row_number"] for cell in cells if cell["title"] == "Page" and cell["cell_type"] == "error"}
    wrong = errors ^ {number for number, row in enumerate(rows, start=1) if row["Page"].is_error}
    verdict.lost += len(wrong)
    for number in sorted(wrong):
        verdict.tell(f"page {number}, {rows[number - 1]['Address'].content!r}: its error is not as it must be")
    verdict.pages = len(rows)


def prove_session(
    verdict: Verdict, rows: Sequence[Mapping[str, Expected]], cells: Sequence[Row], events: Iterable[Row]
) -> None:
    """The same for the sheet over which a session was held."""
    _compare(verdict, rows, cells)
    _replay(verdict, cells, events)


def _compare(verdict: Verdict, rows: Sequence[Mapping[str, Expected]], cells: Sequence[Row]) -> None:
    held = {(cell["row_number"], cell["title"]): cell["content"] for cell in cells}
    surplus = len(cells) - len(held)  # two cells at one place
    for number, row in enumerate(rows, start=1):
        for title, (content, _) in row.items():
            verdict.cells += 1
            found = held.pop((number, title), None)
            if found != content:
                verdict.lost += 1
                verdict.tell(f"row {number}, {title!r}: holds {found!r}, must hold {content!r}")
    for (number, title), found in held.items():
        verdict.tell(f"row {number}, {title!r}: holds {found!r}, must not be there")
    verdict.doubled += surplus + len(held)


def prove_export(verdict: Verdict, contacts: Path, edits: Path, exported: Path) -> None:
    """Reads the exported workbook back and compares it cell by cell, its header and its length included."""
    must = [[Expected(title) for title in TITLES]]
    must += [[row.get(title, Expected(None)) for title in TITLES] for row in expected_sheet(contacts, edits)]
    shown = CalamineWorkbook.from_path(exported).get_sheet_by_index(0).to_python(skip_empty_area=False)
    for line, (shown_row, must_row) in enumerate(zip_longest(shown, must, fillvalue=()), start=1):
        for column, (value, expected) in enumerate(zip_longest(shown_row, must_row), start=1):
            found = _shown_text(value)
            if not _shows(found, expected):
                verdict.misshown += 1
                verdict.tell(f"export, line {line}, column {column}: shows {found!r}, must show {expected!r}")


def _shows(found: str | None, expected: Expected | None) -> bool:
    if expected is not None and expected.is_error:
        return found is not None and found.startswith(ERROR_MARK) and len(found) > len(ERROR_MARK)
    return found == (None if expected is None else expected.content)


def _shown_text(value: object) -> str | None:
    """A workbook's cell by its canonical text: plain decimals, ISO dates; an empty cell is None."""
    match value:
        case bool():
            return str(value)
        case float() | int():
            return format(Decimal(repr(value)), "f").removesuffix(".0")
        case datetime():
            return value.date().isoformat()
        case date():
            return value.isoformat()
    return str(value) if value else None


def _is_entered(event: Row) -> bool:
    """Whether a person has entered a formula; its robot's events tell what it shows."""
    return event.get("sql_user") is not None and (event["new_content"] or "").startswith("=")


def _replay(verdict: Verdict, cells: Sequence[Row], events: Iterable[Row]) -> None:
    writes: Counter[tuple[Any, Any]] = Counter()
    value: dict[Any, str | None] = {}
    for event in events:
        cell = event["cell_id"]
        if _is_entered(event):
            value[cell] = None  # what it shows comes with the next event
            continue
        if event["task_id"] is not None:
            writes[cell, event["task_id"]] += 1
        verdict.broken += value.get(cell) != event["old_content"]
        value[cell] = event["new_content"]
    verdict.doubled += sum(count - 1 for count in writes.values())
    verdict.broken += sum(value.get(cell["id"]) != cell["content"] for cell in cells)
