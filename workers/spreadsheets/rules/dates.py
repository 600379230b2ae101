"""Dates in the notations people write, as ISO 8601: `5. März 24` in de_DE becomes `2024-03-05`.

Tried in this order: the configured formats (strptime), Excel's serial numbers where allowed, ISO 8601 (also week and
ordinal dates), three numbers, a day and a year beside a month's name in the language of the locale or in English.

- Two-digit years are those of strptime: 69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068.
- Three numbers that start with a four-digit year are year, month, day. Otherwise the locale, or `day_first`, gives the
  order; where only the other order makes a date it is taken, and noted. Where both make one the locale decides, which
  is noted as well, unless `day_first` was configured.
- A time of day is left out and noted. A date that does not exist, or lacks its day or year, is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date as Day  # noqa: N812 - `date` is the step
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import regex
from babel import Locale
from dateutil.parser import isoparser

from workers.spreadsheets.model import Date, Value
from workers.spreadsheets.rules.values import in_ascii_digits, problem, result

MAX_DATE_TEXT: Final = 100  # characters; no date is longer
LAST_SERIAL: Final = 2_958_465  # Excel's 9999-12-31
FICTIONAL_SERIAL: Final = 60  # Excel's 1900-02-29, a day that never was
DAY_AND_YEAR: Final = 2  # the numbers beside a month's name
FULL_YEAR: Final = 4  # digits
SHORT_YEAR: Final = 2
PIVOT: Final = 69  # two-digit years from here on are of the last century

_ISO = isoparser("T")
_ISO_DATE = regex.compile(r"[0-9]{4}-(?:[0-9]{2}-[0-9]{2}|[0-9]{3}|W[0-9]{2}-[0-9])|[0-9]{8}|[0-9]{4}W[0-9]{3}")
_SERIAL = regex.compile(r"([0-9]{1,7})(?:\.[0-9]+)?")
_NUMBERS = regex.compile(r"([0-9]{1,4}) ?([./-]| ) ?([0-9]{1,2}) ?\2 ?([0-9]{1,4})\.?")
_CLOCK = r"[0-2]?[0-9]:[0-5][0-9](?::[0-6][0-9](?:[.,][0-9]+)?)?"
_TIME = regex.compile(
    r"(?<=[0-9]{2})(?:T|,? )" + _CLOCK + r"(?: ?(?:[ap]\.?m\.?|uhr))?(?: ?(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?$",
    regex.IGNORECASE,
)
_ORDINAL = regex.compile(r"(?<=[0-9])(?:st|nd|rd|th|er|º|ª)\b", regex.IGNORECASE)
_TOKENS = regex.compile(r"[0-9]+|[\p{L}\p{M}]+")
_NOT_IN_DATES = regex.compile(r"[^\p{L}\p{M}0-9 .,/'’-]")
_EAST_ASIAN = str.maketrans({"年": "-", "月": "-", "日": "", "년": "-", "월": "-", "일": ""})

_FILLERS: Final = frozenset({"of", "the", "de", "del", "den", "der", "le", "el", "il", "on", "am"})
_MORE_MONTHS: Final = {"sept": 9, "mrz": 3, "jänner": 1, "feber": 2}

_NOT_A_DATE = "This is not a date; write it like 2024-03-31."
_IMPOSSIBLE = "This date does not exist; correct the day, the month or the year."
_INCOMPLETE = "A date needs a day, a month and a year; add what is missing."
_YEAR = "The year must have two or four digits; correct it."
_TIME_LEFT_OUT = "The time of day was left out."
_AMBIGUOUS = "Day and month could change places; read {} first, as the locale has it."
_SWAPPED = "Read {} first, since the other order makes no date."


class _Refused(Exception):
    """The text is not a date; the message is the sentence for the reader."""


class _Reading(NamedTuple):
    day: Day
    note: str | None = None


def date(text: str, step: Date, locale: str) -> Value:
    if len(text) > MAX_DATE_TEXT:
        return problem(_NOT_A_DATE, text)
    try:
        reading = _read(" ".join(in_ascii_digits(text).split()), step, step.locale or locale)
    except _Refused as refusal:
        return problem(str(refusal), text)
    return result(reading.day.isoformat(), "date", note=reading.note)


def _read(text: str, step: Date, locale: str) -> _Reading:
    configured = _by_format(text, step.formats) or (_by_serial(text) if step.excel_serials else None)
    if configured is not None:
        return _Reading(configured)
    timeless = _TIME.sub("", text)
    reading = _by_iso(timeless) or _by_numbers(timeless, step, locale) or _by_name(timeless, locale)
    if reading is None:
        raise _Refused(_NOT_A_DATE)
    if timeless == text:
        return reading
    return _Reading(reading.day, f"{reading.note} {_TIME_LEFT_OUT}" if reading.note else _TIME_LEFT_OUT)


def _by_format(text: str, formats: tuple[str, ...]) -> Day | None:
    for written in formats:
        with suppress(ValueError, OverflowError):
            return datetime.strptime(text, written).date()  # noqa: DTZ007 - a date without a place
    return None


def _by_serial(text: str) -> Day | None:
    """Day 1 is 1900-01-01; from day 61 on the count is one ahead, because of the day that never was."""
    serial = _SERIAL.fullmatch(text)
    if serial is None or not 1 <= int(serial[1]) <= LAST_SERIAL:
        return None
    days = int(serial[1])
    if days == FICTIONAL_SERIAL:
        raise _Refused(_IMPOSSIBLE)
    return Day(1899, 12, 31 if days < FICTIONAL_SERIAL else 30) + timedelta(days=days)


def _by_iso(text: str) -> _Reading | None:
    if _ISO_DATE.fullmatch(text) is None:
        return None
    try:
        return _Reading(_ISO.parse_isodate(text))
    except (ValueError, OverflowError) as reason:
        raise _Refused(_IMPOSSIBLE) from reason


def _by_numbers(text: str, step: Date, locale: str) -> _Reading | None:
    found = _NUMBERS.fullmatch(text.translate(_EAST_ASIAN))
    if found is None:
        return None
    first, second, third = found[1], found[3], found[4]
    order = _order(locale)
    is_asked = step.day_first is not None
    is_short_year_first = order == "ymd" and not is_asked and len(first) == len(third) == SHORT_YEAR
    if len(first) == FULL_YEAR or is_short_year_first:
        return _Reading(_existing(_year(first), int(second), int(third)))
    is_day_first = step.day_first if step.day_first is not None else order != "mdy"
    return _in_order(int(first), int(second), _year(third), is_day_first=is_day_first, is_asked=is_asked)


def _in_order(first: int, second: int, year: int, *, is_day_first: bool, is_asked: bool) -> _Reading:
    day_first, month_first = _calendar(year, second, first), _calendar(year, first, second)
    preferred, other = (day_first, month_first) if is_day_first else (month_first, day_first)
    names = ("day", "month") if is_day_first else ("month", "day")
    if preferred is None:
        if other is None:
            raise _Refused(_IMPOSSIBLE)
        return _Reading(other, _SWAPPED.format(names[1]))
    is_open = other is not None and other != preferred and not is_asked
    return _Reading(preferred, _AMBIGUOUS.format(names[0]) if is_open else None)


def _by_name(text: str, locale: str) -> _Reading | None:
    names, ignored = _month_names(locale), _ignored_words(locale)
    if _NOT_IN_DATES.search(text):
        return None
    tokens = _TOKENS.findall(_ORDINAL.sub("", text.casefold()))
    words = [word for word in tokens if not word.isdecimal() and word not in ignored]
    if len(words) != 1 or words[0] not in names:
        return None
    numbers = [token for token in tokens if token.isdecimal()]
    if len(numbers) < DAY_AND_YEAR:
        raise _Refused(_INCOMPLETE)
    if len(numbers) > DAY_AND_YEAR:
        return None
    day, year = numbers if len(numbers[1]) == FULL_YEAR or len(numbers[0]) != FULL_YEAR else reversed(numbers)
    return _Reading(_existing(_year(year), names[words[0]], int(day)))


def _year(digits: str) -> int:
    if len(digits) == FULL_YEAR:
        return int(digits)
    if len(digits) == SHORT_YEAR:
        return int(digits) + (1900 if int(digits) >= PIVOT else 2000)
    raise _Refused(_YEAR)


def _calendar(year: int, month: int, day: int) -> Day | None:
    try:
        return Day(year, month, day)
    except (ValueError, OverflowError):
        return None


def _existing(year: int, month: int, day: int) -> Day:
    found = _calendar(year, month, day)
    if found is None:
        raise _Refused(_IMPOSSIBLE)
    return found


@lru_cache(maxsize=256)
def _order(locale: str) -> str:
    """The order of day, month and year in the locale's short form: dmy, mdy, ymd."""
    pattern = Locale.parse(locale).date_formats["short"].pattern.lower()
    return "".join(sorted("dmy", key=pattern.find))


@lru_cache(maxsize=256)
def _month_names(locale: str) -> Mapping[str, int]:
    names = dict(_MORE_MONTHS)
    for language in (Locale.parse("en"), Locale.parse(locale)):
        for forms in language.months.values():
            for width in ("wide", "abbreviated"):
                names.update({name.casefold().strip("."): number for number, name in forms.get(width, {}).items()})
    return names


@lru_cache(maxsize=256)
def _ignored_words(locale: str) -> frozenset[str]:
    """The names of the days, in full and short, and words such as `of`."""
    days = set(_FILLERS)
    for language in (Locale.parse("en"), Locale.parse(locale)):
        for forms in language.days.values():
            for width in ("wide", "abbreviated"):
                days.update(name.casefold().strip(".") for name in forms.get(width, {}).values())
    return frozenset(days) - _month_names(locale).keys()
