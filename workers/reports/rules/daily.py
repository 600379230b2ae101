"""A file of daily reports becomes entries: one per employee and day (D2.4, K18).

The file is split at its date headings, which stand at level 2, or where there is none at the level that has them. Who
wrote it stands in a line `**Employee**: Name`: before the first date it counts for all dates below, inside a date it
begins that employee's entry. A heading above the level of the dates ends the day, so that a file may hold one part per
employee. A date heading that cannot be read, and a day that nobody signed, are problems with their line; the rest of
the file counts all the same.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.reports.model.parsed import About, DailyEntry, Problem
from workers.reports.rules.dates import Reading, looks_like_date, read_date
from workers.reports.rules.markdown import Heading, Line, Outline, outline, plain
from workers.reports.rules.names import place_of_date

USUAL_LEVEL: Final = 2
LONGEST_NAME: Final = 200

NO_DATES: Final = "there is no date heading; write one before each day, like ## 2026-01-15"
NO_AUTHOR: Final = "nobody is named for this day; write a line **Employee**: Name below the heading"
NO_SUCH_DATE: Final = "the heading {!r} is no date; write it like ## 2026-01-15"
NO_NAME: Final = "the line names nobody; write **Employee**: Name"
NO_DATE_HERE: Final = "this part stands below no date and belongs to no day; put a date heading before it"
TWICE: Final = "{} has two entries for {} in this file; they were put together"

_PREFIX: Final = re.compile(
    r"[\W_]*(?P<word>(?:daily\s+(?:status\s+)?(?:report|update|standup|stand-up)|daily|report|status|standup|date|day|datum|"
    r"fecha|tagesbericht)\b(?:\s+(?:for|of|vom|du))?)?[\W_]*",
    re.IGNORECASE,
)
_REST: Final = re.compile(r"\s*(?:$|[-–—:|,(\[/]|\s)")
_EMPLOYEE: Final = re.compile(
    r"[\W_]{0,8}(?:employee|author|team\s+member|mitarbeiter(?:in)?)\s*(?:name)?\s*"
    r"(?:[*_]{1,3}\s*[:：]|[:：]\s*[*_]{1,3}|[:：])\s*(?P<name>.*)$",
    re.IGNORECASE,
)
_DAILY_TITLE: Final = re.compile(r"\W*daily\b", re.IGNORECASE)


class Names:
    """The lines that name an employee."""

    def __init__(self, texts: Iterable[Line]) -> None:
        named = [(line.line, name) for line in texts if (name := employee(line.text)) is not None]
        self._lines, self._names = [line for line, _ in named], [name for _, name in named]

    def between(self, start: int, end: int) -> list[tuple[int, str]]:
        """Line and name of those in this span, in order."""
        first, last = bisect_left(self._lines, start), bisect_left(self._lines, end)
        return list(zip(self._lines[first:last], self._names[first:last], strict=True))


@dataclass(frozen=True, slots=True)
class _Day:
    """A date heading with what stands below it. `reading` None: it cannot be read."""

    heading: Heading
    start: int
    end: int
    default: str | None
    reading: Reading | None


def parsed_daily(text: str, about: About) -> tuple[tuple[DailyEntry, ...], tuple[Problem, ...]]:
    """The entries of a file in order of their lines, and what could not be read."""
    found = outline(text)
    dated = list(_dated(found, about))
    if not dated:
        return (), (Problem(line=None, reason=NO_DATES),)
    headings = (Line(heading.line, heading.text) for heading in found.headings)
    names = Names(sorted([*found.texts, *headings], key=lambda each: each.line))
    problems: list[Problem] = []
    entries: list[DailyEntry] = []
    author = person(about.author) if about.author else None
    for day in _days(found, dated, names, author or None):
        if isinstance(day, Problem):
            problems.append(day)
            continue
        if day.reading is None:
            reason = NO_SUCH_DATE.format(plain(day.heading.text)[:80])
            problems.append(Problem(line=day.heading.line + 1, reason=reason))
            continue
        if day.reading.note:
            problems.append(Problem(line=day.heading.line + 1, reason=day.reading.note, is_note=True))
        made, wrong = _entries(found, day, day.reading, names)
        entries += made
        problems += wrong
    together, notes = _together(entries)
    return together, tuple(sorted([*problems, *notes], key=lambda each: each.line or 0))


def employee(line: str) -> str | None:
    """The name in a line `**Employee**: Name`; "" where the line names nobody; None for any other line."""
    found = _EMPLOYEE.match(line.strip())
    if found is None:
        return None
    return person(found["name"])


def person(written: str) -> str:
    """A name as it is stored: without markup, address and role, its spaces and accents made one."""
    name = re.sub(r"<[^>]*@[^>]*>|\([^)]*\)\s*$", " ", written)
    name = " ".join(unicodedata.normalize("NFC", plain(name)).strip(" .,;:|–—-").split())
    return name[:LONGEST_NAME].rstrip()


def heading_date(text: str, *, year: int | None = None, day_first: bool = False) -> tuple[bool, Reading | None]:
    """Whether a heading is meant as a date, and what it says. A title may follow: `2026-01-15 – sprint review`; one
    that begins with `daily` may end in the date: `Daily report of Ann, 2026-01-15`."""
    shown = plain(text)
    found = _PREFIX.match(shown)
    start = found.end() if found else 0
    word = (found["word"] or "").lower() if found else ""
    for begin in dict.fromkeys((start, 0)):
        reading = read_date(shown[begin:], year=year, day_first=day_first)
        if reading is not None and _REST.match(shown[begin:], reading.end):
            return True, reading
    place = place_of_date(shown, year=year, day_first=day_first) if _DAILY_TITLE.match(shown) else None
    if place is not None and not shown[place[1] :].strip(" .:)]"):
        return True, place[2]
    return word in {"date", "datum", "fecha"} or looks_like_date(shown[start:]), None


def _dated(found: Outline, about: About) -> Iterator[tuple[Heading, Reading | None]]:
    """The date headings of the level that has them, good and bad ones."""
    year = _year_of(found.headings, about)
    meant = [
        (heading, reading)
        for heading in found.headings
        for is_date, reading in (heading_date(heading.text, year=year, day_first=about.day_first),)
        if is_date
    ]
    for at, (heading, reading) in enumerate(meant):
        if reading is None:
            meant[at] = heading, _line_below(found, heading, year, day_first=about.day_first)
    good = [heading.level for heading, reading in meant if reading is not None]
    levels = good or [heading.level for heading, _ in meant]
    if levels:
        level = USUAL_LEVEL if USUAL_LEVEL in levels else min(levels)
        yield from ((heading, reading) for heading, reading in meant if heading.level == level)


def _year_of(headings: Sequence[Heading], about: About) -> int | None:
    """The year that dates without one belong to: that of another heading, else the one in the file's name."""
    for heading in headings:
        _, reading = heading_date(heading.text, day_first=about.day_first)
        if reading is not None:
            return reading.day.year
    named = re.search(r"(?<!\d)(20\d{2})(?!\d{3})", about.name)
    return int(named[1]) if named else None


def _line_below(found: Outline, heading: Heading, year: int | None, *, day_first: bool) -> Reading | None:
    """`## Date` alone: the date is the first line below it."""
    if re.sub(r"\W", "", plain(heading.text)).lower() not in {"date", "datum", "fecha"}:
        return None
    below = next((line for line in found.texts if line.line >= heading.end), None)
    if below is None or any(heading.end <= other.line < below.line for other in found.headings):
        return None
    return heading_date(below.text, year=year, day_first=day_first)[1]


def _days(
    found: Outline, dated: Sequence[tuple[Heading, Reading | None]], names: Names, default: str | None
) -> Iterator[_Day | Problem]:
    """Each date heading with its lines and the author of the part it stands in."""
    level = dated[0][0].level
    by_line = {heading.line: (heading, reading) for heading, reading in dated}
    above = {heading.line: heading.end for heading in found.headings if heading.level < level}
    starts = sorted({0, *by_line, *above})
    for start, end in zip(starts, [*starts[1:], len(found.lines)], strict=True):
        if start in by_line:
            heading, reading = by_line[start]
            yield _Day(heading, heading.end, end, default, reading)
            continue
        said = [name for _, name in names.between(start, end) if name]
        default = said[-1] if said else default
        below = found.between(above.get(start, start), end)
        if start > dated[0][0].line and not said and below:
            yield Problem(line=start + 1, reason=NO_DATE_HERE, is_note=True)


def _entries(found: Outline, day: _Day, reading: Reading, names: Names) -> tuple[list[DailyEntry], list[Problem]]:
    """What stands below one date, employee by employee. Text before the first name belongs to the part's author, or to
    the first one named."""
    marks = names.between(day.start, day.end)
    problems = [Problem(line=line + 1, reason=NO_NAME) for line, name in marks if not name]
    marks = [(line, name) for line, name in marks if name]
    before = found.between(day.start, marks[0][0] if marks else day.end)
    pieces: list[tuple[int, str, str]] = []
    if not marks or (before and day.default):
        if day.default is None:
            return [], [*problems, Problem(line=day.heading.line + 1, reason=NO_AUTHOR)]
        pieces.append((day.heading.line, day.default, before))
        before = ""
    for at, (line, name) in enumerate(marks):
        end = marks[at + 1][0] if at + 1 < len(marks) else day.end
        text = found.between(line + 1, end)
        pieces.append((line, name, "\n\n".join(part for part in (before, text) if part)))
        before = ""
    made = [DailyEntry(author=name, day=reading.day, line=line + 1, content=text) for line, name, text in pieces]
    return made, problems


def _together(entries: Iterable[DailyEntry]) -> tuple[tuple[DailyEntry, ...], list[Problem]]:
    """Entries of one employee and day become one, in their order; nothing is dropped."""
    by_key: dict[tuple[str, object], DailyEntry] = {}
    notes: list[Problem] = []
    for entry in entries:
        key = entry.author, entry.day
        earlier = by_key.get(key)
        if earlier is None:
            by_key[key] = entry
        elif earlier.content != entry.content:
            text = "\n\n".join(part for part in (earlier.content, entry.content) if part)
            by_key[key] = earlier.model_copy(update={"content": text})
            told = TWICE.format(entry.author, entry.day.isoformat())
            notes.append(Problem(line=entry.line, reason=told, is_note=True))
    return tuple(by_key.values()), notes
