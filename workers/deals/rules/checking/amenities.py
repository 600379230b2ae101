"""What a draft says a space has or has not, against its flags and its detailed amenities."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from workers.deals.rules.checking.claims import Issue, Sentence, field_of, named
from workers.deals.rules.facts import Facts, Space

KIND: Final = "invented_amenity"
# What is known by a flag or a documented field: words, flag, path to the detailed value.
KNOWN: Final = (
    (r"park(?:ing)?|garage", "parking", ("parking",)),
    (r"dogs?|pets?|pupp(?:y|ies)", "dogFriendly", ("dogPolicy", "allowed")),
    (r"after[- ]hours|24/7|round the clock", "afterHours", ("access", "afterHours")),
    (r"(?:meeting|conference) rooms?", "meetingRooms", ("meetingRooms", "count")),
    (r"internet|wi-?fi|fiber", "internet", ("rentInclusions", "internet")),
    (r"utilities|electricity|heating", "utilities", ("rentInclusions", "utilities")),
    (r"cleaning|janitorial|cleaners?", "janitorial", ("rentInclusions", "janitorial")),
    (r"air[- ]condition(?:ing|ed)|hvac", "hvac", ("rentInclusions", "hvac")),
    (r"kitchen(?:ette)?", "kitchen", ("rentInclusions", "kitchen")),
)
# What offices are praised for and the database may know by a further flag, or by a word in some note.
OTHERS: Final = (
    r"gym|fitness (?:room|center|centre|studio)|sauna|spa|(?:swimming )?pool|roof(?:top)? (?:terrace|deck|"
    r"garden)|rooftop|"
    r"terrace|patio|balcon(?:y|ies)|garden|courtyard|bike (?:storage|racks?|room)|bicycle (?:storage|"
    r"racks?|room)|showers?|"
    r"locker rooms?|lockers|ev charg(?:ing|ers?)|charging stations?|child ?care|daycare|nursery|"
    r"shuttle(?: bus| service)?|"
    r"phone booths?|reception(?:ist)?|concierge|elevators?|lifts?|mail ?room|event space|lounge|game room|ping[- ]pong|"
    r"coffee (?:bar|machine)|espresso(?: machine)?|catering|snacks|barista|bar|cafeteria|canteen|restaurant|"
    r"podcast studio|studio|library|nap rooms?|prayer room|print(?:er|ing)(?: room)?|server room|storage(?: room)?|"
    r"security guards?|cctv|furnished|furniture|standing desks?|wheelchair access|loading dock|warehouse"
)
_PATTERNS: Final = tuple((re.compile(rf"\b(?:{words})\b", re.IGNORECASE), flag, path) for words, flag, path in KNOWN)
_OTHERS: Final = re.compile(rf"\b(?:{OTHERS})\b", re.IGNORECASE)
_TERMS: Final = re.compile(
    r"\b(?:not|n['’]t) (?:included|free|covered|part of)\b", re.IGNORECASE
)  # it is there, for money
_NOT_AN_OFFER: Final = re.compile(r"\b(?:nearby|near|around the corner|across the street|close by)\b", re.IGNORECASE)


def check(sentence: Sentence, facts: Facts) -> Iterator[Issue]:  # noqa: ARG001 - the shape of all checks
    seen: set[tuple[str, int]] = set()
    for match, flag, path in _mentions(sentence):
        if not sentence.is_claimed(match.start()) or sentence.is_under(_TERMS, match.start()):
            continue
        every = sentence.every_at(match.start(), match.end())
        spaces = every or sentence.spaces_at(match.start(), match.end())
        wanted = not sentence.denies(match.start())
        for space in spaces if every or len(spaces) == 1 else ():
            if (flag, space.id) not in seen:
                seen.add((flag, space.id))
                yield from _compared(sentence, match[0], flag, path, space, wanted=wanted)
        if len(spaces) > 1 and not every:
            yield from _of_several(sentence, match[0], flag, path, spaces, wanted=wanted)


def _mentions(sentence: Sentence) -> Iterator[tuple[re.Match[str], str, tuple[str, ...]]]:
    for pattern, flag, path in _PATTERNS:
        for match in pattern.finditer(sentence.text):
            if not _in_a_name(sentence, match):
                yield match, flag, path
    for match in _OTHERS.finditer(sentence.text):
        if not _in_a_name(sentence, match) and not _NOT_AN_OFFER.search(sentence.text):
            yield match, _camel(match[0]), ()


def _in_a_name(sentence: Sentence, match: re.Match[str]) -> bool:
    return any(start <= match.start() < end for start, end, _ in sentence.mentions)


def _compared(
    sentence: Sentence, words: str, flag: str, path: tuple[str, ...], space: Space, *, wanted: bool
) -> Iterator[Issue]:
    has = state_of(space, words, flag, path)
    field = field_of(
        (space,), f"amenities.{flag}" if flag in space.amenities or not path else ".".join(("detailedAmenities", *path))
    )
    if has is None and wanted:
        yield Issue(KIND, sentence.text, field, f"names {words}; nothing is known of it at {space.name}", fails=False)
    elif has is not None and has is not wanted:
        says, is_ = ("has", "has not") if wanted else ("has not", "has")
        yield Issue(KIND, sentence.text, field, f"says {space.name} {says} {words}; it {is_}")


def _of_several(
    sentence: Sentence, words: str, flag: str, path: tuple[str, ...], spaces: tuple[Space, ...], *, wanted: bool
) -> Iterator[Issue]:
    """Nobody is named: it is wrong where it holds for none of them."""
    states = [state_of(space, words, flag, path) for space in spaces]
    if wanted in states:
        return
    field = field_of(spaces, f"amenities.{flag}")
    if any(state is not None for state in states):
        yield Issue(KIND, sentence.text, field, f"is true of none of {named(spaces)} ({words})")
    elif wanted:
        yield Issue(KIND, sentence.text, field, f"names {words}; nothing is known of it", fails=False)


def state_of(space: Space, words: str, flag: str, path: tuple[str, ...]) -> bool | None:
    """Whether the space has it; None = not known."""
    for name, value in space.amenities.items():
        if _same(name, flag):
            return value
    found = space.of(*path) if path else None
    if isinstance(found, bool):
        return found
    if found is not None:
        return bool(found)
    return True if _in_notes(space, words) else None


def _same(name: str, flag: str) -> bool:
    plain = (re.sub(r"[^a-z]", "", name.lower()), re.sub(r"[^a-z]", "", flag.lower()))
    return plain[0].rstrip("s") == plain[1].rstrip("s")


def _in_notes(space: Space, words: str) -> bool:
    return re.search(rf"\b{re.escape(words.lower().rstrip('s'))}", json.dumps(space.detail).lower()) is not None


def _camel(words: str) -> str:
    first, *rest = re.split(r"[\s-]+", words.lower())
    return first + "".join(each.title() for each in rest)


def is_listed(words: str) -> bool:
    """Whether the lists know it; then it is compared here."""
    return _OTHERS.search(words) is not None or any(pattern.search(words) for pattern, _, _ in _PATTERNS)
