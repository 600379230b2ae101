"""CSV as it comes: any usual encoding and separator, quoted line breaks, NUL bytes, in bounded memory."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Generator, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Final

from charset_normalizer import from_bytes

from workers.spreadsheets.adapter.records import FileUnreadable, Reader, Record
from workers.spreadsheets.rules.files import separator_line, separator_of

MAX_FIELD: Final = 1 << 22  # characters of one cell; beyond it a quote was probably never closed
BINARY: Final = 0.02  # share of control characters above which a file is not text

_SNIFFED_LINES: Final = 200
_SNIFFED_CHARACTERS: Final = 1 << 20
_SURROUNDINGS: Final = 1 << 17  # bytes before and after the first one that is not UTF-8
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OLD_ENCODINGS: Final = ["cp1252", "cp1251", "cp1253", "cp1254", "shift_jis", "gb18030", "big5", "euc_kr"]
_CONTROL: Final = bytes(set(range(32)) - set(b"\x00\t\n\v\f\r\x1b")) + b"\x7f"


def csv_reader(path: Path, sample: bytes) -> Reader:
    """A reader of the file, whose encoding and separator are found out from the sample and the first lines."""
    encoding = _encoding(path, sample)
    csv.field_size_limit(MAX_FIELD)  # of the whole process; always this value
    with path.open(encoding=encoding, errors="replace", newline="") as stream:
        lines = list(_first_lines(_lines(path, stream)))
    declared = separator_line(lines[0]) if lines else None
    separator = declared or separator_of(lines)

    def records() -> Generator[Record]:
        with path.open(encoding=encoding, errors="replace", newline="") as opened:
            below = islice(_lines(path, opened), 1 if declared else 0, None)
            yield from (record for record in csv.reader(below, delimiter=separator) if record)

    return records


def _first_lines(lines: Iterator[str]) -> Iterator[str]:
    """Enough lines to know the separator by, but no more than a sample's worth."""
    read = 0
    for line in islice(lines, _SNIFFED_LINES):
        yield line
        read += len(line)
        if read > _SNIFFED_CHARACTERS:
            return


def _lines(path: Path, stream: IO[str]) -> Iterator[str]:
    """The lines without NUL; a line of impossible length is refused before it fills the memory."""
    while line := stream.readline(MAX_FIELD * 2):
        if len(line) == MAX_FIELD * 2:
            raise FileUnreadable(f"{path.name} has a line of more than {len(line):,} characters; it is not a table")
        yield line.replace("\x00", "")


def _encoding(path: Path, sample: bytes) -> str:
    for mark, name in _BOMS:
        if sample.startswith(mark):
            return name
    without_mark = _utf16_without_mark(sample)
    if without_mark is not None:
        return without_mark
    if sample and len(sample.translate(None, _CONTROL)) < len(sample) * (1 - BINARY):
        raise FileUnreadable(f"{path.name} is neither text nor a workbook; save it as CSV or XLSX")
    foreign = _not_utf8(path)
    return "utf-8" if foreign is None else _old_encoding(foreign)


def _utf16_without_mark(sample: bytes) -> str | None:
    """UTF-16 of western text has NUL in nearly every other place, and in no other."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > len(sample) * 0.3 and not even:
        return "utf-16-le"
    return "utf-16-be" if even > len(sample) * 0.3 and not odd else None


def _not_utf8(path: Path) -> bytes | None:
    """The surroundings of the first byte that is not UTF-8; a character cut off at the very end is forgiven."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as stream:
        try:
            while chunk := stream.read(1 << 20):
                decoder.decode(chunk)
        except UnicodeDecodeError as place:
            return place.object[max(0, place.start - _SURROUNDINGS) : place.start + _SURROUNDINGS]
    return None


def _old_encoding(sample: bytes) -> str:
    """The likeliest of the encodings before Unicode; western Windows unless another one fits better.

    A guess from letter frequencies: a file of a few short cells can be misread, which UTF-8 never is.
    """
    matches = from_bytes(sample, cp_isolation=_OLD_ENCODINGS)
    best = matches.best()
    western = next((match for match in matches if "cp1252" in match.could_be_from_charset), None)
    if best is None or (western is not None and western.chaos <= best.chaos and western.coherence >= best.coherence):
        return "cp1252"
    return best.encoding
