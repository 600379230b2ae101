"""XLSX, ODS and their relatives through calamine, which holds the sheet while it is open.

calamine aborts the process when it cannot have the memory for every cell between the corners of a sheet, filled or
not: two cells far apart are enough. Such workbooks are found and refused before calamine sees them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO, Final

import regex
from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from workers.spreadsheets.adapter.records import FileUnreadable, Reader, Record
from workers.spreadsheets.rules.files import cell_text

ZIP_START: Final = b"PK\x03\x04"
OLE_START: Final = b"\xd0\xcf\x11\xe0"
MAX_UNPACKED: Final = 1 << 30  # bytes of a workbook without compression
MAX_SHEET_CELLS: Final = 10_000_000  # of 32 bytes each in calamine

MAX_TAG: Final = 1 << 22  # bytes between two ends of tags: no text in a workbook is so long

_MAIN_PARTS: Final = frozenset({"xl/workbook.xml", "content.xml"})
_PLACE = regex.compile(rb"""<(?:\w+:)?(?:c|row)\s[^>]*?\br\s*=\s*["']([A-Za-z]*)([0-9]+)""")


def workbook_reader(path: Path) -> Reader:
    """A reader of the first visible sheet; what stands above its first row with content is left out."""
    _refuse_bombs(path)
    sheet = _first_sheet(path)

    def records() -> Generator[Record]:
        rows = ([cell_text(value) for value in row] for row in sheet.iter_rows())
        header = next((row for row in rows if any(row)), None)
        if header is not None:
            yield header
            yield from rows

    return records


def _first_sheet(path: Path) -> CalamineSheet:
    book = CalamineWorkbook.from_path(path)
    for sheet in book.sheets_metadata:
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible:
            return book.get_sheet_by_name(sheet.name)
    raise FileUnreadable(f"{path.name} has no visible sheet; show one")


def _refuse_bombs(path: Path) -> None:
    """Refuses workbooks that would unpack or spread out over more memory than there may be."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if not any(member.filename in _MAIN_PARTS for member in members):
            raise FileUnreadable(f"{path.name} is neither XLSX nor ODS; save it as one of them or as CSV")
        if sum(member.file_size for member in members) > MAX_UNPACKED:
            raise FileUnreadable(f"{path.name} unpacks to more than {MAX_UNPACKED >> 20} MiB; save it as CSV")
        for member in members:
            with archive.open(member) as stream:
                _refuse_spread(path, stream)


def _refuse_spread(path: Path, stream: IO[bytes]) -> None:
    """Looks at the places of all rows and cells, in whatever part they stand; other parts have none."""
    last_row = last_column = 1
    for tags in _whole_tags(path, stream):
        for column, row in _PLACE.findall(tags):
            last_row, last_column = max(last_row, int(row[:20])), max(last_column, _column_number(column[:10]))
    if last_row * last_column > MAX_SHEET_CELLS:
        size = f"{last_row:,} x {last_column:,} cells"
        raise FileUnreadable(f"{path.name} has a sheet of {size}; delete stray cells far out or save it as CSV")


def _whole_tags(path: Path, stream: IO[bytes]) -> Iterator[bytes]:
    """The part in pieces that end with a tag."""
    rest = b""
    while chunk := stream.read(1 << 20):
        tags, end, rest = (rest + chunk).rpartition(b">")
        if len(rest) > MAX_TAG:
            raise FileUnreadable(f"{path.name} is not a sound workbook; save it again or as CSV")
        yield tags + end


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number
