"""Which column of a sheet each column of a foreign file belongs into: proposed by titles and by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from rapidfuzz import fuzz, utils

from core import Row
from workers.spreadsheets.model.sessions import Choice, Question
from workers.spreadsheets.rules.sessions.steps import counted

NEW, OUT = "new", "out"
SURE: Final = 70  # percent
SAMPLES: Final = 100  # rows of the file that are looked at
MOST_COLUMNS: Final = 100  # of a file, in a question
KINDS: Final = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "phone": re.compile(r"\+?[\d\s()/.-]{7,20}"),
    "address": re.compile(r"(https?://|www\.)\S+", re.IGNORECASE),
    "date": re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4}"),
}
WORDS: Final = {  # words of titles that mean the same
    "email": ("mail", "e-mail", "email"),
    "phone": ("phone", "tel", "mobile", "fon", "handy"),
    "address": ("web", "url", "site", "homepage", "www"),
    "date": ("date", "datum", "day"),
    "name": ("name", "contact", "person", "kunde", "customer"),
    "company": ("company", "firm", "organi", "employer", "account"),
}


def kind_of(samples: Sequence[str | None]) -> str | None:
    """What most of the contents are."""
    filled = [each.strip() for each in samples if each and each.strip()]
    return next((kind for kind, form in KINDS.items() if filled and _most(filled, form)), None)


def _most(filled: Sequence[str], form: re.Pattern[str]) -> bool:
    return sum(form.fullmatch(each) is not None for each in filled) * 10 >= len(filled) * 8


def _meaning(title: str) -> str | None:
    plain = title.casefold()
    return next((kind for kind, words in WORDS.items() if any(word in plain for word in words)), None)


def likeness(title: str, kind: str | None, column: str) -> int:
    """How well a column of the file fits one of the sheet, in percent."""
    by_title = round(fuzz.token_sort_ratio(title, column, processor=utils.default_process))
    meant = _meaning(column)
    if meant is not None and meant == (kind or _meaning(title)):
        return max(by_title, 80 if _meaning(title) == meant else 75)
    return by_title if kind is None or meant is None or meant == kind else min(by_title, SURE - 1)


def proposed(header: Sequence[str], samples: Sequence[Sequence[str | None]], columns: Sequence[Row]) -> dict[int, UUID]:
    """The best column of the sheet for each of the file's, the surest first, each given once."""
    kinds = [kind_of([row[at] for row in samples]) for at in range(len(header))]
    scores = sorted(
        (
            (-likeness(title, kinds[at], column["title"]), at, place, column["id"])
            for at, title in enumerate(header)
            for place, column in enumerate(columns)
        ),
    )
    found: dict[int, UUID] = {}
    for score, at, _, column_id in scores:
        if -score >= SURE and at not in found and column_id not in found.values():
            found[at] = column_id
    return found


def question(
    file: str,
    header: Sequence[str],
    samples: Sequence[Sequence[str | None]],
    columns: Sequence[Row],
    rows: int,
    chosen: Mapping[str, str] | None = None,
) -> Question:
    """Asks for every column of the file. `chosen` is an answer that puts two into one: it is asked again."""
    twice = taken_twice(chosen) if chosen else None
    again = f" Two of them cannot both go into {_title(twice, columns)!r}." if twice is not None else ""
    guess = chosen or {str(at): str(place) for at, place in proposed(header, samples, columns).items()}
    options = {str(column["id"]): column["title"] for column in columns} | {NEW: "a new column", OUT: "leave it out"}
    choices = tuple(
        Choice(
            key=str(at),
            label=title,
            options=options,
            default=guess.get(str(at), NEW),
            detail=", ".join([row[at] or "" for row in samples if row[at]][:3]),
        )
        for at, title in enumerate(header)
    )
    return Question(
        f"{counted(len(header), 'column')} and {counted(rows, 'row')} of {file} are to be imported. "
        f"Where does each column belong?{again}",
        choices,
    )


def _title(column_id: str, columns: Sequence[Row]) -> str:
    return next((column["title"] for column in columns if str(column["id"]) == column_id), column_id)


def taken_twice(choices: Mapping[str, str]) -> str | None:
    """A column of the sheet that two of the file's would go into."""
    given = [place for place in choices.values() if place not in {NEW, OUT}]
    return next((place for place in given if given.count(place) > 1), None)


def picked(row: Sequence[str | None], places: Sequence[int]) -> tuple[str | None, ...]:
    return tuple(row[at] for at in places)


def outcome_of(choices: Mapping[str, Any], header: Sequence[str]) -> dict[str, list[Any]]:
    """Positions in the file that are imported, and where each goes."""
    kept = [at for at in range(len(header)) if choices[str(at)] != OUT]
    return {"places": kept, "columns": [choices[str(at)] for at in kept]}
