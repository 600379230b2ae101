"""Tables that are read in chunks, whatever kind of file they lie in."""

from __future__ import annotations

import csv
import os
import zipfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, Self

from python_calamine import CalamineError

from workers.spreadsheets.adapter.csv_files import csv_reader
from workers.spreadsheets.adapter.records import FileUnreadable, Reader, Record
from workers.spreadsheets.adapter.workbooks import OLE_START, ZIP_START, workbook_reader
from workers.spreadsheets.rules.files import padded, unique_titles

Row = tuple[str | None, ...]

MAX_COLUMNS: Final = 16_384  # as many as XLSX can have
SAMPLE: Final = 1 << 18  # bytes read to find out what a file is


@dataclass(slots=True)
class Table:
    """An open table: unique titles, the number of rows below them, the rows in chunks. `size` (bytes) and `mtime_ns`
    are the file's when it was opened. Rows are for one thread at a time; any thread may close."""

    header: tuple[str, ...]
    row_count: int
    size: int
    mtime_ns: int
    _path: Path
    _opened: Reader
    _records: Generator[Record] | None = field(default=None, init=False)
    _position: int = field(default=0, init=False)

    def rows(self, start: int, count: int) -> list[Row]:
        """At most `count` rows from row `start` (0 is the first below the header); shorter at the end, then empty.

        Asking in order reads on where the last call stopped; asking for an earlier row starts over.
        """
        with _sentences(self._path):
            records, position = self._records, self._position
            if records is None or start < position:
                records, position = self._opened(), 0
                self._records = records
            chunk = islice(records, start - position, start - position + count)
            found = [padded(record, len(self.header)) for record in chunk]
        self._position = start + len(found) if found else max(start, position)
        return found

    def close(self) -> None:
        """Forgets the records. A thread may be in the middle of them, where nobody else can end them: the last one
        who holds them closes the file by letting them go."""
        self._records, self._position = None, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_table(path: Path) -> Table:
    """Reads the file through once to learn its form, header and length. Raises FileUnreadable."""
    with _sentences(path):
        with path.open("rb") as stream:
            known = os.fstat(stream.fileno())
            sample = stream.read(SAMPLE)
        if sample.startswith(OLE_START):
            raise FileUnreadable(f"{path.name} is an old or a locked workbook; save it as XLSX without a password")
        opened = workbook_reader(path) if sample.startswith(ZIP_START) else csv_reader(path, sample)
        return _measured(path, opened, known)


def _measured(path: Path, opened: Reader, known: os.stat_result) -> Table:
    with closing(opened()) as records:
        header = next(records, None)
        if header is None:
            raise FileUnreadable(f"{path.name} is empty; it needs at least a header")
        width, count = len(header), 0
        for record in records:
            width, count = max(width, len(record)), count + 1
    if width > MAX_COLUMNS:
        raise FileUnreadable(f"{path.name} has {width:,} columns, the most is {MAX_COLUMNS:,}; check its separator")

    def below_header() -> Generator[Record]:
        with closing(opened()) as all_records:
            next(all_records, None)
            yield from all_records

    return Table(unique_titles(header, width), count, known.st_size, known.st_mtime_ns, path, below_header)


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Turns what goes wrong with a file into a sentence."""
    try:
        yield
    except FileNotFoundError as reason:
        raise FileUnreadable(f"{path.name} does not exist; check the name") from reason
    except OSError as reason:
        raise FileUnreadable(f"{path.name} cannot be read ({reason.strerror or reason}); check the file") from reason
    except csv.Error as reason:
        raise FileUnreadable(
            f"{path.name} is not a sound CSV file ({reason}); look for a quote without an end"
        ) from reason
    except (CalamineError, zipfile.BadZipFile, NotImplementedError, EOFError) as reason:
        raise FileUnreadable(f"{path.name} is not a sound workbook ({reason}); save it again or as CSV") from reason
