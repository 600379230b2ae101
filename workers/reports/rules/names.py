"""What the name of a file says: of what kind it is, of which day, of which week."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from workers.reports.model.parsed import About, Kind
from workers.reports.rules.dates import Reading, read_date

WEEK: Final = timedelta(days=6)
SUBTITLES: Final = frozenset({"vtt", "srt"})

_WORDS: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    ("jira", re.compile(r"(?<![a-z])(jira|epic|epics|epic_tree)(?![a-z])")),
    ("slack", re.compile(r"(?<![a-z])slack(?![a-z])")),
    ("transcript", re.compile(r"(?<![a-z])(transcripts?|meetings?|zoom|teams[ _-]meeting|call|recording)(?![a-z])")),
    ("daily", re.compile(r"(?<![a-z])(daily|dailies|standups?|stand-ups?|reports?)(?![a-z])")),
)
_STARTS: Final = re.compile(r"(?<![^\W_])(?=[^\W_])|(?<=[^\W\d_])(?=\d)")
_WEEKS: Final = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?<!\d)(?P<year>20\d{2})[-_/ ]{0,2}(?:W|week|KW|CW)[-_ ]?(?P<week>\d{1,2})(?!-?\d)",
        r"(?<![^\W_])(?:W|week|KW|CW)[-_ ]?(?P<week>\d{1,2})[-_/, ]{1,2}(?:of )?(?P<year>20\d{2})(?!\d)",
    )
)
_TO: Final = re.compile(r"\s*(?:\bto\b|\bbis\b|\buntil\b|_to_|-to-|[–—_]|--?|\.\.+)\s*", re.IGNORECASE)
_EXTENSION: Final = re.compile(r"\.(?P<ending>[A-Za-z0-9]{1,8})$")


def kind_of(about: About, head: str) -> Kind | None:
    """The kind that was said, else what the name says, its folders last, else what the text begins with."""
    if about.kind is not None:
        return about.kind
    if ending(about.name) in SUBTITLES or head.lstrip("\ufeff").startswith("WEBVTT"):
        return "transcript"
    for part in reversed(about.name.replace("\\", "/").lower().split("/")):
        for kind, words in _WORDS:
            if words.search(part):
                return kind
    if re.search(r"^\W*employee\W*:", head, re.IGNORECASE | re.MULTILINE):
        return "daily"
    return None


def base(name: str) -> str:
    """The name without its folders."""
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2]


def ending(name: str) -> str:
    found = _EXTENSION.search(base(name))
    return found["ending"].lower() if found else ""


def stem(name: str) -> str:
    return _EXTENSION.sub("", base(name))


def date_in_name(name: str, *, day_first: bool = False) -> Reading | None:
    """The first date in a file's name, in any of the forms of dates.py; `_` and `-` separate words. A name that has
    none may lie in a folder that has one."""
    for part in reversed(name.replace("\\", "/").split("/")):
        text = _EXTENSION.sub("", part)
        for candidate in (text, text.replace("_", " "), re.sub(r"[-_]+", " ", text)):
            if place := place_of_date(candidate, day_first=day_first):
                return place[2]
    return None


def place_of_date(text: str, *, year: int | None = None, day_first: bool = False) -> tuple[int, int, Reading] | None:
    """The first date in a text: where it begins and ends, and what it says."""
    for place in _STARTS.finditer(text):
        reading = read_date(text[place.end() :], year=year, day_first=day_first)
        if reading is not None:
            return place.end(), place.end() + reading.end, reading
    return None


def without_days(text: str) -> str:
    """A text with a space in place of each week and date in it."""
    for form in _WEEKS:
        text = form.sub(" ", text)
    while place := place_of_date(text):
        text = f"{text[: place[0]]} {text[place[1] :]}"
    return text


def week_of(day: date) -> tuple[date, date]:
    """Monday to Sunday."""
    monday = day - timedelta(days=day.weekday())
    return monday, monday + WEEK


def span_in(text: str, *, day_first: bool = False) -> tuple[date, date] | None:
    """A span of days: a week (2026-W03, Week 3, 2026, KW 3/2026), two dates with `to` or a dash between them. One date
    is no span."""
    if found := next((found for form in _WEEKS if (found := form.search(text))), None):
        try:
            return week_of(date.fromisocalendar(int(found["year"]), int(found["week"]), 1))
        except ValueError:
            return None
    for candidate in dict.fromkeys((text, text.replace("_", " "))):
        for place in _STARTS.finditer(candidate):
            rest = candidate[place.end() :]
            if (first := read_date(rest, day_first=day_first)) is None:
                continue
            between = _TO.match(rest, first.end)
            second = between and read_date(rest[between.end() :], year=first.day.year, day_first=day_first)
            if second and first.day <= second.day:
                return first.day, second.day
            break
    return None


def week_range(about: About, lines: list[str]) -> tuple[date, date] | None:
    """The days a capture is of: what was said, else what the text says near its top, else the name, else the folders; a
    single date stands for its week."""
    if about.week_start is not None:
        end = about.week_end or about.week_start + WEEK
        return (about.week_start, end) if about.week_start <= end else None
    for text in (*lines, stem(about.name), about.name):
        if span := span_in(text, day_first=about.day_first):
            return span
    named = date_in_name(about.name, day_first=about.day_first)
    return week_of(named.day) if named else None
