"""Files written beside their place and renamed when complete: a broken export leaves the previous file as it was.

Texts are written as texts: XLSX never gets a formula, CSV an apostrophe before what could be one.
"""

from __future__ import annotations

import csv
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final, Self

from xlsxwriter import Workbook  # type: ignore[import-untyped]
from xlsxwriter.format import Format  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from core import RowmillError
from workers.spreadsheets.model import Value
from workers.spreadsheets.rules.files import guarded

XLSX_ROWS: Final = 1_048_576  # Excel's limits, header included
XLSX_COLUMNS: Final = 16_384
XLSX_CHARACTERS: Final = 32_767  # in UTF-16 units
XLSX_DIGITS: Final = 15  # of a number; longer ones would be rounded and are written as text
CREATED: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - of every workbook, so that the same table is the same file


class TooLargeForXlsx(RowmillError):
    """The table does not fit into an XLSX sheet; nothing was written."""


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Value | None]]) -> int:
    """Writes UTF-8 with a byte order mark (Excel asks for it), formulas guarded; returns the number of rows."""
    count = 0
    with _replacement(path) as draft, draft.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([guarded(title) for title in header])
        for row in rows:
            writer.writerow([guarded(_written(value) or "") for value in row])
            count += 1
    return count


def write_xlsx(path: Path, header: Sequence[str], rows: Iterable[Sequence[Value | None]]) -> int:
    """Writes one sheet, texts as texts, numbers and dates as such; returns the number of rows.

    Raises TooLargeForXlsx, and then leaves what was there before.
    """
    if len(header) > XLSX_COLUMNS:
        raise TooLargeForXlsx(f"{len(header):,} columns do not fit, XLSX holds {XLSX_COLUMNS:,}; write CSV instead")
    count = 0
    with _replacement(path) as draft, Workbook(str(draft), {"constant_memory": True}) as book:
        book.set_properties({"created": CREATED})
        page = _Page.begun(book, header)
        for row in rows:
            count += 1
            page.put_row(count, row)
    return count


@contextmanager
def _replacement(path: Path) -> Iterator[Path]:
    """A new file beside `path` that takes its place, durably, once it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.part")
    try:
        yield draft
        _sync(draft)
        draft.replace(path)
        _sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _written(value: Value | None) -> str | None:
    """What a file shows of a cell; an error shows its sentence, so that it is seen."""
    if value is not None and value.cell_type == "error":
        return f"#ERROR: {(value.shown or {}).get('error', 'this cell has no value')}"
    return None if value is None else value.content


@dataclass(frozen=True, slots=True)
class _Page:
    """One sheet being written, row after row."""

    sheet: Worksheet
    day: Format
    error: Format

    @classmethod
    def begun(cls, book: Workbook, header: Sequence[str]) -> Self:
        bold = book.add_format({"bold": True})
        page = cls(
            book.add_worksheet(),
            book.add_format({"num_format": "yyyy-mm-dd"}),
            book.add_format({"font_color": "#B00000"}),
        )
        page.sheet.freeze_panes(1, 0)
        page.sheet.set_column(0, max(len(header) - 1, 0), 18)
        for column, title in enumerate(header):
            page.sheet.write_string(0, column, _fitting(title, 0, column), bold)
        return page

    def put_row(self, number: int, row: Sequence[Value | None]) -> None:
        if number >= XLSX_ROWS:
            raise TooLargeForXlsx(f"more than {XLSX_ROWS - 1:,} rows do not fit into XLSX; write CSV instead")
        if len(row) > XLSX_COLUMNS:
            raise TooLargeForXlsx(f"row {number:,} has more than {XLSX_COLUMNS:,} cells; write CSV instead")
        for column, value in enumerate(row):
            text = _written(value)
            if value is not None and text:
                self._put(number, column, text, value.cell_type)

    def _put(self, row: int, column: int, text: str, cell_type: str) -> None:
        day = _excel_day(text) if cell_type == "date" else None
        if day is not None:
            self.sheet.write_datetime(row, column, day, self.day)
        elif cell_type == "number" and _is_exact(text):
            self.sheet.write_number(row, column, float(text))
        else:
            self.sheet.write_string(
                row, column, _fitting(text, row, column), self.error if cell_type == "error" else None
            )


def _fitting(text: str, row: int, column: int) -> str:
    if len(text) > XLSX_CHARACTERS // 2 and len(text.encode("utf-16-le")) // 2 > XLSX_CHARACTERS:
        place = f"row {row:,}, column {column + 1:,}"
        raise TooLargeForXlsx(f"the text in {place} is longer than {XLSX_CHARACTERS:,} characters; write CSV instead")
    return text


def _excel_day(text: str) -> date | None:
    """The date, if Excel can hold it: its calendar begins in 1900 and is right from March on."""
    with suppress(ValueError):
        day = date.fromisoformat(text)
        return day if day >= date(1900, 3, 1) else None
    return None


def _is_exact(text: str) -> bool:
    """Whether a number keeps all its digits in Excel."""
    digits = text.lstrip("-")
    is_plain = digits.isascii() and digits.replace(".", "", 1).isdecimal()
    return is_plain and len(digits.replace(".", "").strip("0")) <= XLSX_DIGITS and len(digits) < 300  # noqa: PLR2004 - float's range
