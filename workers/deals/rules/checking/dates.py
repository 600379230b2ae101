"""A date must be the weekday that is named with it, and a day that moves with the reader names none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from workers.deals.model import WEEKDAYS
from workers.deals.rules.checking.claims import Issue, Sentence, field_of
from workers.deals.rules.facts import Facts

KIND: Final = "wrong_weekday"
MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)"
)
_DAY: Final = rf"\b(?P<day>{'|'.join(WEEKDAYS)})"
_DATED: Final = re.compile(
    rf"{_DAY},?\s+(?:(?:the\s+)?(?P<m1>{_MONTH})\.?\s+(?P<d1>\d{{1,2}})|(?:the\s+)?(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\s+"
    rf"(?:of\s+)?(?P<m2>{_MONTH}))\b",
    re.IGNORECASE,
)
_ALONE: Final = re.compile(rf"\b(?:{_MONTH}\.? \d{{1,2}}|\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH})\b", re.IGNORECASE)
_MOVES: Final = re.compile(r"\b(?:tomorrow|tonight|today)\b", re.IGNORECASE)
_TOUR: Final = re.compile(r"\b(?:tour|visit|see|view(?:ing)?|come by|meet|show)\b|\d\s?[ap]m\b", re.IGNORECASE)


def check(sentence: Sentence, facts: Facts, today: date | None) -> Iterator[Issue]:
    """Without `today` nobody knows the year of a date."""
    spaces = sentence.spaces_at(0)
    field = field_of(spaces, "availability")
    for match in _DATED.finditer(sentence.text):
        is_ = match["day"].lower() if today is None else _weekday(match, today)
        if is_ != match["day"].lower():
            told = f"says {match[0]}, which is {f'a {is_.title()}' if is_ else 'no date'}"
            yield Issue(KIND, sentence.text, field, told)
    for match in _ALONE.finditer(sentence.text):
        if not facts.says(rf"\b{re.escape(match[0])}\b") and not _DATED.search(sentence.text):
            yield Issue(KIND, sentence.text, field, f"says {match[0]}; no field or mail names that date", fails=False)
    if (moves := _MOVES.search(sentence.text)) and _TOUR.search(sentence.text) and sentence.is_claimed(moves.start()):
        told = f"says {moves[0].lower()}, which is another day when it is read; name the weekday"
        yield Issue(KIND, sentence.text, field, told, fails=False)


def _weekday(match: re.Match[str], today: date) -> str | None:
    """In the year that puts it rather ahead than behind; None for February 30."""
    month = MONTHS.index((match["m1"] or match["m2"])[:3].lower()) + 1
    found = [each for more in (-1, 0, 1) if (each := _date(today.year + more, month, int(match["d1"] or match["d2"])))]
    if not found:
        return None
    return WEEKDAYS[min(found, key=lambda each: abs(each - today - timedelta(days=90))).weekday()]


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
