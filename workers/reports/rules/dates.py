"""Dates as people write them in headings and file names (D2.4). Closed: what is not one of these forms is no date.

- 2026-01-15, 2026/1/15, 2026.01.15, 2026_01_15, 20260115, 2026-W03-4 (ISO 8601), 2026 January 15
- 15 January 2026, 15. Januar 2026, 15-Jan-2026, 15th of January, 2026, 15 Jan 26
- January 15, 2026, Jan 15th 2026, and without a year where the surroundings give one
- 15.01.2026 (day first); 15/01/2026 and 01/15/2026: where only one order makes a date it is taken, where both do
  `day_first` decides and a note says so

A weekday before or behind is allowed; one that contradicts the date is noted, and the date counts. Month and day names
are those of English, German, French and Spanish. Two-digit years are of this century.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

from babel import Locale

LANGUAGES: Final = ("en", "de", "fr", "es")
FIRST_YEAR: Final = 1990  # before it nobody wrote daily reports; a larger number is rather something else
LAST_YEAR: Final = 2099
MONTHS: Final = 12
CENTURY: Final = 2000
MORE_MONTHS: Final = {
    "jän": 1, "jänner": 1, "fév": 2, "fev": 2, "mrz": 3, "marz": 3, "juil": 7, "aout": 8, "sept": 9, "déc": 12
}  # fmt: skip

_YEAR: Final = r"(?P<year>\d{4}(?!\d)|'\d{2}(?!\d)|\d{2}(?=\s*(?:$|[–—:|,(])))"
_MONTH: Final = r"(?P<name>[^\W\d_]+)\.?"
_DAY: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|ª)?(?!\d)"
_BETWEEN: Final = r"(?:[\s,./-]+|\s*(?:of|de|del)\s+)"
_FORMS: Final = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?P<year>\d{4})-?W(?P<week>\d{2})-?(?P<weekday>[1-7])(?!\d)",
        r"(?P<year>\d{4})(?P<between>[-/._])(?P<month>\d{1,2})(?P=between)(?P<day>\d{1,2})(?!\d)",
        r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})(?!\d)",
        rf"(?P<year>\d{{4}}){_BETWEEN}{_MONTH}{_BETWEEN}{_DAY}",
        rf"{_DAY}\.?{_BETWEEN}?{_MONTH}{_BETWEEN}{_YEAR}",
        rf"{_MONTH}{_BETWEEN}{_DAY}{_BETWEEN}{_YEAR}",
        r"(?P<day>\d{1,2})\. ?(?P<month>\d{1,2})\. ?(?P<year>\d{4}|\d{2})(?!\d)",
        r"(?P<first>\d{1,2})(?P<between>[/_-])(?P<second>\d{1,2})(?P=between)(?P<year>\d{4}|\d{2})(?!\d)",
        rf"{_DAY}\.?{_BETWEEN}{_MONTH}(?![^\W\d_])",
        rf"{_MONTH}{_BETWEEN}{_DAY}",
    )
)
_TIME: Final = re.compile(
    r"[T ]\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?(?:\s?[ap]\.?m\.?)?(?:Z|\s?UTC|[+-]\d{2}:?\d{2})?", re.IGNORECASE
)
_WORD: Final = re.compile(r"[^\W\d_]+")
_DAY_BEFORE: Final = re.compile(r"(?P<name>[^\W\d_]+)\.?,?\s+(?:the\s+)?(?=\S)", re.IGNORECASE)
_DAY_BEHIND: Final = re.compile(r",?\s*[(\[]?\s*(?P<name>[^\W\d_]+)\.?\s*[)\]]?(?=$|[\s,:|–—-])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """A date that was read: where it ends in the text, and what a person should know about it."""

    day: date
    end: int
    note: str | None = None


def read_date(text: str, *, year: int | None = None, day_first: bool = False) -> Reading | None:
    """The date that the text begins with, or None. `year` completes a date that has none."""
    start, told = _weekday_before(text)
    found = [_read(text, form, 0, None, year, day_first=day_first) for form in _FORMS]
    if start:
        found += [_read(text, form, start, told, year, day_first=day_first) for form in _FORMS]
    return max((each for each in found if each is not None), key=lambda each: each.end, default=None)


def _read(
    text: str, form: re.Pattern[str], start: int, told: int | None, year: int | None, *, day_first: bool
) -> Reading | None:
    found = form.match(text, start)
    made = None if found is None else _made(found.groupdict(), year, day_first=day_first)
    if found is None or made is None:
        return None
    day, note = made
    clock = _TIME.match(text, found.end()) if found.groupdict().get("month") else None
    behind, end = _weekday_behind(text, clock.end() if clock else found.end())
    return Reading(day, end, note or _contradiction(day, behind if told is None else told))


def looks_like_date(text: str) -> bool:
    """Whether a person meant a date: numbers with separators, or a month's name beside a number."""
    if re.match(r"\W*\d{1,4}[-/._]\d{1,2}\b", text) or re.match(r"\W*\d{8}\b", text):
        return True
    words = _WORD.findall(text.lower())[:3]
    return any(word in months() for word in words) and re.search(r"\d", text[:40]) is not None


def _made(parts: Mapping[str, str | None], year: int | None, *, day_first: bool) -> tuple[date, str | None] | None:
    written = parts.get("year")
    full = _full_year(written) if written else year
    if full is None:
        return None
    try:
        if parts.get("week"):
            return date.fromisocalendar(full, int(parts["week"] or 0), int(parts["weekday"] or 0)), None
        if parts.get("first"):
            return _either_order(full, int(parts["first"] or 0), int(parts["second"] or 0), day_first=day_first)
        month = int(parts["month"] or 0) if parts.get("month") else months().get((parts.get("name") or "").lower(), 0)
        return date(full, month, int(parts["day"] or 0)), None
    except ValueError:
        return None


def _full_year(written: str) -> int | None:
    digits = written.lstrip("'")
    full = int(digits) if len(digits) > 2 else CENTURY + int(digits)  # noqa: PLR2004 - digits of a short year
    return full if FIRST_YEAR <= full <= LAST_YEAR else None


def _either_order(year: int, first: int, second: int, *, day_first: bool) -> tuple[date, str | None]:
    """Raises ValueError where neither order makes a date."""
    if first > MONTHS or second > MONTHS or first == second:
        day, month = (first, second) if first > MONTHS else (second, first)
        return date(year, month, day), None
    day, month = (first, second) if day_first else (second, first)
    order = "day first" if day_first else "month first"
    return date(year, month, day), f"{first}/{second} could be read both ways; it was read {order}"


def _weekday_before(text: str) -> tuple[int, int | None]:
    """Where the date begins, and the weekday that was said before it (0 is Monday)."""
    found = _DAY_BEFORE.match(text)
    if found and (day := weekdays().get(found["name"].lower())) is not None:
        return found.end(), day
    return 0, None


def _weekday_behind(text: str, end: int) -> tuple[int | None, int]:
    found = _DAY_BEHIND.match(text, end)
    if found and (day := weekdays().get(found["name"].lower())) is not None:
        return day, found.end()
    return None, end


def _contradiction(day: date, told: int | None) -> str | None:
    if told is None or told == day.weekday():
        return None
    return f"{day.isoformat()} is a {day:%A}, not the day that is written beside it; the date was taken"


@cache
def months() -> Mapping[str, int]:
    """The number of each month's name, whole or short, in lower case."""
    found: dict[str, int] = {}
    for language in LANGUAGES:
        names = Locale.parse(language).months["format"]
        for width in ("wide", "abbreviated"):
            for number, name in names[width].items():
                found.setdefault(name.lower().rstrip("."), number)
    return {**found, **MORE_MONTHS}


@cache
def weekdays() -> Mapping[str, int]:
    """The number of each weekday's name; Monday is 0."""
    found: dict[str, int] = {}
    for language in LANGUAGES:
        names = Locale.parse(language).days["format"]
        for width in ("wide", "abbreviated"):
            for number, name in names[width].items():
                found.setdefault(name.lower().rstrip("."), number)
    return {**found, "tues": 1, "thur": 3, "thurs": 3, "weds": 2}
