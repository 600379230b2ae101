"""Days and times that are offered must stand in the availability of the space; opening hours in its access."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from workers.deals.model import WEEKDAYS
from workers.deals.rules.checking.claims import NEGATED, WORDS, Issue, Sentence, field_of, named, number_of
from workers.deals.rules.facts import Facts

KIND: Final = "wrong_weekday"
_DAY: Final = re.compile(
    rf"\b(?:{'|'.join(f'{day}s?' for day in WEEKDAYS)}|mon|tues?|wed|thur?s?|fri|sat|sun)\b(?!\w)", re.IGNORECASE
)
_TIME: Final = re.compile(
    r"(?<![\d$.,])(?P<hour>\d{1,2})(?:[:.](?P<minute>[0-5]\d))?\s?(?P<half>a\.?m\b\.?|p\.?m\b\.?)|"
    rf"\b(?P<clock>\d{{1,2}}|{'|'.join(WORDS)}) o['’]clock|(?<![\d$])(?P<h24>[01]?\d|"
    rf"2[0-3]):(?P<m24>[0-5]\d)(?!\s?[ap]\.?m)|"
    rf"\b(?P<spoken>\d{{1,2}}|{'|'.join(WORDS)}) in the (?P<part>morning|afternoon|evening)\b|"
    r"\b(?P<noon>noon|midday)\b",
    re.IGNORECASE,
)
_BARE: Final = re.compile(
    r"\bat (?:about )?(?P<clock>1[0-2]|[1-9])(?![\d:.,%-]*\d|\s?[ap]\.?m\b|\s(?:[A-Z]|in the|o['’]))"
)
_PART: Final = re.compile(r"\b(morning|afternoon|evening)s?\b", re.IGNORECASE)
_HOURS: Final = re.compile(
    r"\b(?:open(?:ing)?|hours|access(?:ible)?|closes?|from .{1,12} (?:to|until|till))\b|\d(?:am|pm)?\s?[-–]\s?\d",
    re.IGNORECASE,
)
_AGENT: Final = re.compile(
    r"\b(?:i|we)(?: will|'ll|’ll| can| shall)\b.{0,40}\b(?:call|write|e-?mail|come back|get back|"
    r"follow up|let you know|check|"
    r"send|ask|answer|reply)\b|\b(?:call|hear from) (?:me|us|you)\b|\bby (?:the end of )?(?:next |this )?$",
    re.IGNORECASE,
)
_ASKED: Final = re.compile(
    r"\byou(?:r)? (?:asked|mentioned|suggested|wanted|preferred|proposed|first choice)\b", re.IGNORECASE
)
_RANGE: Final = re.compile(
    r"\b(?:mon|tue|wed|thu|fri|sat|sun)\w*\s?(?:to|through|[-–])\s?(?:mon|tue|wed|thu|fri|sat|sun)\w*\b|\bweekdays\b",
    re.IGNORECASE,
)

_TAKEN: Final = re.compile(r"\b(?:(?:is|are|fully|already) booked|taken|closed)\b", re.IGNORECASE)
_NO_OFFER: Final = (_ASKED, _AGENT, _RANGE)


def check(sentence: Sentence, facts: Facts) -> Iterator[Issue]:  # noqa: ARG001 - the shape of all checks
    text = sentence.text
    days = [match for match in _DAY.finditer(text) if not _is_not_a_day(match)]
    if not days:
        if not any(marker.search(text) for marker in _NO_OFFER):
            yield from _without_day(sentence)
        return
    for at, day in enumerate(days):
        if not _offered(sentence, day) or any(sentence.is_under(marker, day.start()) for marker in _NO_OFFER):
            continue
        end = days[at + 1].start() if at + 1 < len(days) else len(text)
        start = _times_before(text, day, days[at - 1].end() if at else 0)
        yield from _offer(sentence, day, text[start:end])


def _is_not_a_day(match: re.Match[str]) -> bool:
    """`sat` and `sun` in small letters, and `wed` as a word, are no days."""
    return len(match[0]) <= 3 and match[0].islower()  # noqa: PLR2004 - an abbreviation


def _offered(sentence: Sentence, day: re.Match[str]) -> bool:
    clause = sentence.clause(day.start())
    return (
        not NEGATED.search(clause)
        and re.search(r"\b(?:(?:is|are|fully|already) booked|taken|closed)\b", clause, re.IGNORECASE) is None
    )


def _times_before(text: str, day: re.Match[str], since: int) -> int:
    """`at 2pm on Tuesday`: the time in front belongs to the day."""
    found = re.search(
        r"[\w:. ,]{0,40}(?:am|pm|o['’]clock|noon|\d:\d\d)\s+(?:on|this|next)?\s*(?:next |this )?$",
        text[since : day.start()],
        re.IGNORECASE,
    )
    return since + found.start() if found else day.start()


def _offer(sentence: Sentence, day: re.Match[str], segment: str) -> Iterator[Issue]:
    name = next(each for each in WEEKDAYS if each.startswith(day[0].lower()[:3]))
    spaces = sentence.spaces_at(day.start(), day.end())
    field = field_of(spaces, f"availability.{name}")
    slots = {minutes for space in spaces for slot in space.availability.get(name, ()) for minutes in _minutes(slot)}
    if not slots:
        free = sorted(
            {each for space in spaces for each, times in space.availability.items() if times}, key=WEEKDAYS.index
        )
        told = ", ".join(each.title() for each in free) or "no day"
        yield Issue(KIND, sentence.text, field, f"offers {name.title()}; {named(spaces)} has {told}")
        return
    wrong = [match[0] for match in _TIME.finditer(segment) if not set(_minutes(match[0])) & slots]
    wrong += [match[0] for match in _BARE.finditer(segment) if not set(_halves(match["clock"])) & slots]
    if wrong:
        held = ", ".join(sorted({slot for space in spaces for slot in space.availability.get(name, ())}))
        yield Issue(KIND, sentence.text, field, f"offers {', '.join(wrong)} on {name.title()}; the times are {held}")
    for part in _PART.finditer(segment):
        if not any(_within(part[1].lower(), minute) for minute in slots):
            yield Issue(
                KIND, sentence.text, field, f"offers the {part[1].lower()} of {name.title()}; there is no such time"
            )


def _without_day(sentence: Sentence) -> Iterator[Issue]:
    """A time alone is one of opening hours, or one of the free times of some day."""
    found = list(_TIME.finditer(sentence.text))
    if not found:
        return
    spaces = sentence.spaces_at(found[0].start(), found[-1].end())
    hours = " ".join(words for space in spaces if (words := space.words("access", "hours")))
    if _HOURS.search(sentence.text):
        known = set(_minutes(hours))
        wrong = [match[0] for match in found if not set(_minutes(match[0])) & known]
        if wrong:
            yield Issue(
                "wrong_policy",
                sentence.text,
                field_of(spaces, "detailedAmenities.access.hours"),
                f"says {', '.join(wrong)}; the hours are {hours or 'not known'}",
            )
        return
    slots = {
        minute
        for space in spaces
        for times in space.availability.values()
        for slot in times
        for minute in _minutes(slot)
    }
    wrong = [match[0] for match in found if not set(_minutes(match[0])) & slots]
    if wrong:
        yield Issue(
            KIND,
            sentence.text,
            field_of(spaces, "availability"),
            f"offers {', '.join(wrong)}; {named(spaces)} has no such time",
        )


def _minutes(text: str) -> Iterator[int]:
    """Minutes after midnight; a time without half of the day may be either. `7am-10pm` are two."""
    for match in _TIME.finditer(text):
        if match["noon"]:
            yield 720
        elif match["h24"]:
            hour, minute = int(match["h24"]), int(match["m24"])
            yield hour * 60 + minute
            if 0 < hour < 12:  # noqa: PLR2004 - noon
                yield (hour + 12) * 60 + minute
        elif match["clock"]:
            yield from _halves(match["clock"])
        elif match["spoken"]:
            yield number_of(match["spoken"]) % 12 * 60 + 720 * (match["part"].lower() != "morning")
        else:
            late = match["half"].lower().startswith("p")
            yield (int(match["hour"]) % 12 + 12 * late) * 60 + int(match["minute"] or 0)


def _halves(hour: str) -> tuple[int, int]:
    """An hour of the clock, in the morning and after noon."""
    return number_of(hour) % 12 * 60, (number_of(hour) % 12 + 12) * 60


def _within(part: str, minute: int) -> bool:
    first, last = {"morning": (0, 719), "afternoon": (720, 1079), "evening": (1020, 1439)}[part]
    return first <= minute <= last
