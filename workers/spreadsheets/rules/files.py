"""What stands in files and what it means: titles, separators, canonical cell texts, guarded texts. Opens no file."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

import regex

from workers.spreadsheets.rules.text import trimmed

SEPARATORS: Final = (",", ";", "\t", "|")
ONE_COLUMN: Final = "\x1f"
MAX_TITLE: Final = 200  # characters of a column's title; longer ones are cut

_PLAIN_NUMBER = regex.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
# What spreadsheet programs take for the start of a formula (OWASP, CSV injection), full-width forms included.
_FORMULA_STARTS: Final = frozenset("=+-@\t\r\n\x00＝＋－＠")
_SEPARATOR_LINE = regex.compile(r"sep=([,;\t|])\s*", regex.IGNORECASE)


def unique_titles(cells: Sequence[str | None], width: int) -> tuple[str, ...]:
    """Titles for `width` columns: blank ones are named by their position, repeated ones are numbered."""
    written = [trimmed(cell or "")[:MAX_TITLE] for cell in cells] + [""] * (width - len(cells))
    taken = set(written)
    titles: list[str] = []
    for position, title in enumerate(written, start=1):
        name = title or f"Column {position}"
        is_first = bool(title) and title not in titles
        titles.append(name if is_first else _free_title(name, taken, is_numbered=not title))
        taken.add(titles[-1])
    return tuple(titles)


def _free_title(name: str, taken: set[str], *, is_numbered: bool) -> str:
    if is_numbered and name not in taken:
        return name
    number = 2
    while f"{name} {number}" in taken:
        number += 1
    return f"{name} {number}"


def separator_line(first_line: str) -> str | None:
    """The separator that Excel's line `sep=;` declares."""
    found = _SEPARATOR_LINE.fullmatch(first_line)
    return None if found is None else found[1]


def separator_of(lines: Sequence[str]) -> str:
    """The separator that parts these lines into the most columns most evenly; one no text has when none does."""
    best = max(SEPARATORS, key=lambda separator: _evenness(lines, separator))
    return best if _evenness(lines, best) else ONE_COLUMN


def _evenness(lines: Sequence[str], separator: str) -> float:
    """Zero where only the text below the header has the separator, unless many rows agree on three columns or more."""
    widths = [len(record) for record in csv.reader(lines, delimiter=separator) if record] or [1]
    width, rows = Counter(widths).most_common(1)[0]
    share = rows / len(widths)
    if widths[0] == 1 and (width < 3 or share < 0.8):  # noqa: PLR2004 - "Last, First" makes two
        return 0.0
    return (width - 1) * share**2 + (widths[0] - 1) / 100


def padded(cells: Iterable[str | None], width: int) -> tuple[str | None, ...]:
    """A row of exactly `width` cells; empty texts are blank."""
    row = [cell or None for cell in cells]
    return tuple(row + [None] * (width - len(row)))


def cell_text(value: object) -> str | None:
    """A workbook's cell as plain text: numbers without exponent, ISO dates, TRUE and FALSE."""
    match value:
        case None | str():
            return value or None
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return format(Decimal(repr(value)), "f").removesuffix(".0")
        case timedelta():
            return _duration_text(value)
    return _time_text(value)


def _time_text(value: object) -> str:
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _duration_text(value: timedelta) -> str:
    """Hours, minutes and seconds, as a spreadsheet shows [h]:mm:ss."""
    seconds = round(abs(value).total_seconds())
    sign = "-" if value < timedelta() else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def guarded(text: str) -> str:
    """The text with an apostrophe in front where a spreadsheet program might run it as a formula; numbers stay."""
    start = text.lstrip(" \u00a0")[:1] if text[:1] in {" ", "\u00a0"} else text[:1]
    if start not in _FORMULA_STARTS or _PLAIN_NUMBER.fullmatch(text):
        return text
    return "'" + text
