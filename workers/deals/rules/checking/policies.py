"""Figures of rules and equipment: sizes of dogs, notice, rooms, spots, speed, cleaning, people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from workers.deals.rules.checking.claims import NUMBER, WORDS, Issue, Sentence, field_of, number_of
from workers.deals.rules.facts import Facts, Space

KIND: Final = "wrong_policy"


def _pattern(text: str) -> re.Pattern[str]:
    """NUMBER and NUMBER2 are its two places for a number."""
    named = text.replace("NUMBER2", rf"(?P<n2>{NUMBER})").replace("NUMBER", rf"(?P<n>{NUMBER})")
    return re.compile(named, re.IGNORECASE)


def _text(*path: str) -> Callable[[Space], str | None]:
    return lambda space: space.words(*path)


def _count(*path: str) -> Callable[[Space], str | None]:
    def read(space: Space) -> str | None:
        found = space.number(*path)
        return None if found is None else f"{found:g}"

    return read


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    path: str
    read: Callable[[Space], str | None]


RULES: Final = (
    _Rule(_pattern(r"\bNUMBER\s?(?:lbs?|pounds|kg|kilos?)\b"), "dogPolicy.sizeLimit", _text("dogPolicy", "sizeLimit")),
    _Rule(
        _pattern(
            r"\bNUMBER\s?(?:hours?|hrs?|days?)['’]?\s+(?:of\s+)?(?:advance\s+)?notice\b|"
            r"\bnotice of (?:at least )?NUMBER2"
        ),
        "access.advanceNotice",
        _text("access", "advanceNotice"),
    ),
    _Rule(
        _pattern(r"\b(?:has|have|with|are|offers|of|the)?\s*NUMBER\s+(?:\w+\s+)?(?:meeting|conference) rooms?\b"),
        "meetingRooms.count",
        _count("meetingRooms", "count"),
    ),
    _Rule(
        _pattern(r"\bNUMBER\s+(?:free |available |open )?(?:parking (?:spots?|spaces?|places?)|spots?|stalls?)\b"),
        "parking.spotsAvailable",
        _count("parking", "spotsAvailable"),
    ),
    _Rule(
        _pattern(r"\bNUMBER\s?(?:g|m)(?:bps|bit/s|bit|b/s)\b|\bNUMBER2 gigabits?\b"),
        "rentInclusions.internet",
        _text("rentInclusions", "internet"),
    ),
    _Rule(
        _pattern(r"\b(?:up to|at most|maximum of|max) NUMBER hours?(?: per booking| a booking| at a time)"),
        "meetingRooms.maxHoursPerBooking",
        _count("meetingRooms", "maxHoursPerBooking"),
    ),
)
_TEAM: Final = re.compile(
    rf"\b(?:with|for|all) (?P<d>{NUMBER}) of you\b|"
    rf"\b(?:team|group|staff|company) of (?P<a>{NUMBER})\b|\b(?P<b>{NUMBER})[- ](?:person|people|strong) team\b|"
    rf"\byour (?P<c>{NUMBER}) (?:people|employees|colleagues)\b",
    re.IGNORECASE,
)
_SIZES: Final = re.compile(
    r"\b(?:for|seats?|holds?|sits?) ((?:(?:\d+|and|or|to)[\s,]+)+)(?:people|persons|seats)\b", re.IGNORECASE
)
_ANY_SIZE: Final = re.compile(r"\b(?:dogs?|pets?) of (?:any|all|every) (?:sizes?|kinds?)\b", re.IGNORECASE)
_MEASURE: Final = re.compile(
    rf"\b(?P<number>\d[\d,.]*|{'|'.join(WORDS)})[\s-]"
    r"(?P<unit>months?|years?|weeks?|minutes?|miles?|blocks?|floors?|desks?|seats?|"
    r"square (?:feet|met(?:er|re)s)|sq\.? ?ft|sqm)\b",
    re.IGNORECASE,
)
_OFTEN: Final = re.compile(
    r"\b(?:daily|nightly|weekly|monthly|every day|every (?:other )?week|(?:once|twice|three times|"
    r"five times) (?:a|per) (?:day|week|month))\b",
    re.IGNORECASE,
)
_CLEANING: Final = re.compile(r"\b(?:clean(?:ing|ed|ers?)|janitorial)\b", re.IGNORECASE)


def check(sentence: Sentence, facts: Facts) -> Iterator[Issue]:
    for rule in RULES:
        for match in rule.pattern.finditer(sentence.text):
            yield from _figure(sentence, match, rule)
    for match in _TEAM.finditer(sentence.text):
        said = number_of(next(each for each in match.groups() if each))
        if said != facts.team_size:
            field = f"deals.{facts.deal_id}.teamSize"
            yield Issue(KIND, sentence.text, field, f"says {said} people; the team has {facts.team_size}")
    yield from _rooms(sentence)
    yield from _any_size(sentence)
    yield from _without_ground(sentence, facts)
    yield from _cleaning(sentence)


def _figure(sentence: Sentence, match: re.Match[str], rule: _Rule) -> Iterator[Issue]:
    said = number_of(next(value for value in match.groupdict().values() if value))
    spaces = sentence.spaces_at(match.start(), match.end())
    known = [text for space in spaces if (text := rule.read(space)) is not None]
    if not any(said in {int(each) for each in re.findall(r"\d+", text)} for text in known):
        held = " or ".join(known) or "not known"
        yield Issue(
            KIND, sentence.text, field_of(spaces, f"detailedAmenities.{rule.path}"), f"says {said}; it is {held}"
        )


def _any_size(sentence: Sentence) -> Iterator[Issue]:
    for match in _ANY_SIZE.finditer(sentence.text):
        spaces = sentence.spaces_at(match.start(), match.end())
        limits = [limit for space in spaces if (limit := space.words("dogPolicy", "sizeLimit"))]
        if limits:
            field = field_of(spaces, "detailedAmenities.dogPolicy.sizeLimit")
            yield Issue(KIND, sentence.text, field, f"says {match[0]}; it is {' or '.join(limits)}")


def _without_ground(sentence: Sentence, facts: Facts) -> Iterator[Issue]:
    """Terms, distances and sizes have no field: they may stand in a note or in the mail, else they are a warning."""
    for match in _MEASURE.finditer(sentence.text):
        if not sentence.is_claimed(match.start()):
            continue
        number, unit = match["number"].lower(), match["unit"].lower().rstrip("s")
        same = "|".join({number, str(number_of(number)) if number.isalpha() else number})
        if not facts.says(rf"\b(?:{same})[\s-]*(?:{re.escape(unit)})"):
            field = field_of(sentence.spaces_at(match.start(), match.end()), "detailedAmenities")
            yield Issue(KIND, sentence.text, field, f"says {match[0]}; nothing is known of that", fails=False)


def _rooms(sentence: Sentence) -> Iterator[Issue]:
    for match in _SIZES.finditer(sentence.text):
        spaces = sentence.spaces_at(match.start(), match.end())
        sizes = {
            size for space in spaces if isinstance(found := space.of("meetingRooms", "sizes"), list) for size in found
        }
        wrong = [int(each) for each in re.findall(r"\d+", match[1]) if int(each) not in sizes]
        if wrong and re.search(r"\brooms?\b", sentence.text, re.IGNORECASE):
            field = field_of(spaces, "detailedAmenities.meetingRooms.sizes")
            yield Issue(KIND, sentence.text, field, f"says {wrong}; the sizes are {sorted(sizes) or 'not known'}")


def _cleaning(sentence: Sentence) -> Iterator[Issue]:
    for match in _OFTEN.finditer(sentence.text):
        if _CLEANING.search(sentence.clause(match.start())):
            spaces = sentence.spaces_at(match.start(), match.end())
            known = [words for space in spaces if (words := space.words("rentInclusions", "janitorial"))]
            if not any(match[0].lower() in words.lower() for words in known):
                field = field_of(spaces, "detailedAmenities.rentInclusions.janitorial")
                yield Issue(KIND, sentence.text, field, f"says {match[0]}; it is {' or '.join(known) or 'not known'}")
