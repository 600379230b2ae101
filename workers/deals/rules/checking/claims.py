"""Sentences of a draft, and of which space each place in them speaks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.deals.rules.facts import Facts, Space

_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])|\n+")
_ABBREVIATION: Final = re.compile(r"\b(?:Inc|Ltd|Co|Corp|St|Ave|Rd|Mr|Ms|Mrs|Dr|No|approx|a\.m|p\.m)\.$", re.IGNORECASE)
_CLAUSE: Final = re.compile(r"[;:()]|,\s|\s+(?:and|but|while|whereas|though|although)\s+", re.IGNORECASE)
_LINK: Final = re.compile(r"^[^,;.:]{0,45}?\b(?:at|of|in|for|to|see|visit|tour)\s+$", re.IGNORECASE)
UNSURE: Final = re.compile(
    r"\b(?:whether|if|check|ask|confirm|find out|details on|come back to you|get back to you|look(?:ing)? for|"
    r"do you|would you|you (?:need|asked|mentioned|want(?:ed)?|require)|your (?:need|requirement|request|question))\b",
    re.IGNORECASE,
)
NEGATED: Final = re.compile(
    r"\b(?:no|not|never|without|neither|nor|cannot|lacks?|unavailable|unfortunately|sorry|excluded?|"
    r"excludes)\b|n['’]t\b",
    re.IGNORECASE,
)
WORDS: Final = {
    word: value
    for value, word in enumerate(
        (
            *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
            *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
        )
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
NUMBER: Final = rf"\d+|{'|'.join(WORDS)}"


@dataclass(frozen=True, slots=True)
class Issue:
    """One claim that does not hold. `field` is what it contradicts, as `spaces.7.monthlyRate`."""

    kind: str
    sentence: str
    field: str
    reason: str
    fails: bool = True

    @property
    def told(self) -> str:
        shown = self.sentence if len(self.sentence) <= 200 else self.sentence[:199] + "…"  # noqa: PLR2004 - one line
        return f"{self.kind}: “{shown}” {self.reason} [{self.field}]"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with the places where it names spaces, and those named last before it."""

    text: str
    mentions: tuple[tuple[int, int, Space], ...]
    context: tuple[Space, ...]

    def spaces_at(self, at: int, end: int | None = None) -> tuple[Space, ...]:
        """Whose a claim at this place is: `parking at X`, else named before it, else after it, else in the context."""
        for start, _, space in self.mentions:
            if start >= (end or at) and _LINK.match(self.text[end or at : start]):
                return (space,)
        before = [space for start, _, space in self.mentions if start <= at]
        if before:
            return (before[-1],)
        after = [space for start, _, space in self.mentions if start > at]
        return (after[0],) if after else self.context

    def clause(self, at: int) -> str:
        """The part of the sentence around this place that a `no` in it is about."""
        cuts = [0, *(cut.end() for cut in _CLAUSE.finditer(self.text)), len(self.text)]
        start = max(cut for cut in cuts if cut <= at)
        return self.text[start : min((cut for cut in cuts if cut > at), default=len(self.text))]

    def denies(self, at: int) -> bool:
        return NEGATED.search(self.clause(at)) is not None

    @property
    def is_question(self) -> bool:
        return self.text.rstrip().endswith("?")

    @property
    def is_unsure(self) -> bool:
        return UNSURE.search(self.text) is not None


class Reader:
    """Splits a text and keeps in mind which space it speaks of."""

    def __init__(self, facts: Facts) -> None:
        names = [(_pattern(space), space) for space in facts.spaces]
        self._names = sorted(names, key=lambda each: -len(each[1].name))
        self._all = facts.spaces

    def sentences(self, body: str) -> Iterator[Sentence]:
        context: tuple[Space, ...] = ()
        for text in split(body):
            mentions = tuple(self._mentions(text))
            yield Sentence(text, mentions, context or self._all)
            if mentions:
                context = tuple({space.id: space for _, _, space in mentions}.values())

    def _mentions(self, text: str) -> Sequence[tuple[int, int, Space]]:
        found = [(match.start(), match.end(), space) for name, space in self._names for match in name.finditer(text)]
        return sorted(found, key=lambda each: each[:2])


def split(body: str) -> list[str]:
    parts: list[str] = []
    for piece in _END.split(body):
        text = " ".join(piece.split())
        if parts and _ABBREVIATION.search(parts[-1]):
            parts[-1] += f" {text}"
        elif text:
            parts.append(text)
    return parts


def _pattern(space: Space) -> re.Pattern[str]:
    plain = re.sub(r"^the\s+", "", space.name.strip(), flags=re.IGNORECASE) or space.name
    return re.compile(rf"(?<!\w)(?:the\s+)?{re.escape(plain)}(?!\w)", re.IGNORECASE)


def number_of(word: str) -> int:
    return WORDS[word.lower()] if word.lower() in WORDS else int(word)


def field_of(spaces: Sequence[Space], path: str) -> str:
    return f"spaces.{spaces[0].id}.{path}" if len(spaces) == 1 else f"spaces.{path}"


def named(spaces: Sequence[Space]) -> str:
    return " and ".join(space.name for space in spaces) or "the database"
