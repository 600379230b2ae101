"""Sentences of a draft, and of which space each place in them speaks."""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.deals.rules.facts import Facts, Space

LONGEST: Final = 600
_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])|\n+")
_ABBREVIATION: Final = re.compile(r"\b(?:Inc|Ltd|Co|Corp|St|Ave|Rd|Mr|Ms|Mrs|Dr|No|approx|a\.m|p\.m)\.$", re.IGNORECASE)
_CLAUSE: Final = re.compile(r"[;:()]|,\s|\s+(?:and|but|while|whereas|though|although)\s+", re.IGNORECASE)
# Where another statement may begin: `If you like, it has a sauna` claims the sauna all the same.
_PART: Final = re.compile(
    r"[;:()]\s*|,\s+|\s[–—-]\s|\s+(?:but|while|whereas|though|although|however|so)\s+", re.IGNORECASE
)
_VERB: Final = re.compile(
    r"\b(?:is|are|was|were|has|have|had|does|do|can|could|may|will|offers?|includes?|features?|comes?|provides?|allows?|"
    r"welcomes?|works?|suits?|fits?|costs?|rents?|takes?)\b|\b(?:it|that|there|they|we|you)['’](?:s|re|ve|ll|d)\b",
    re.IGNORECASE,
)
_ASKING: Final = re.compile(
    r"\s*(?:(?:and|or|so|then)\s+)?(?:would|do|does|did|is|are|can|could|shall|should|will|what|which|when|where|how|who|"
    r"why|have|has|may|any|whether|if)\b",
    re.IGNORECASE,
)
_JOINED: Final = re.compile(r"\s*(?:,|&|,?\s*(?:and|as well as)(?: also)?(?: at| in)?)\s*", re.IGNORECASE)
_EVERY: Final = re.compile(
    r"\b(?:both(?! dogs)|neither|none of|"
    r"all (?:of (?:them|these)|(?:the |our |two |three |four )*(?:spaces|offices|places))|"
    r"(?:each|every)(?: of them| one| space| office| place))\b",
    re.IGNORECASE,
)
_LINK: Final = re.compile(r"^[^,;.:]{0,45}?\b(?:at|of|in|for|to|see|visit|tour)\s+$", re.IGNORECASE)
_TO_BE_ASKED: Final = r"check|ask|confirm|find out|details on|come back to you|get back to you|look(?:ing)? for"
_OPEN: Final = re.compile(rf"\b(?:{_TO_BE_ASKED})\b", re.IGNORECASE)
UNSURE: Final = re.compile(
    rf"\b(?:{_TO_BE_ASKED}|whether|if|do you|would you|you (?:need|asked|mentioned|want(?:ed)?|require)|"
    r"your (?:need|requirement|request|question))\b",
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
    spaces: tuple[Space, ...] = ()  # all of the deal

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

    def every_at(self, at: int, end: int) -> tuple[Space, ...]:
        """The spaces that must all bear a claim out: `both spaces have it`, `A and B have it`. Else none."""
        if _EVERY.search(self.clause(at)):
            named = tuple({space.id: space for _, _, space in self.mentions}.values())
            return named if len(named) > 1 else self.spaces
        whose = self.spaces_at(at, end)
        for run in self._runs():
            if len(run) > 1 and len(whose) == 1 and whose[0].id in {space.id for space in run}:
                return run
        return ()

    def _runs(self) -> Iterator[tuple[Space, ...]]:
        """Spaces that are named in one breath."""
        run: list[Space] = []
        last = 0
        for start, end, space in self.mentions:
            if run and not _JOINED.fullmatch(self.text[last:start]):
                yield tuple(run)
                run = []
            run.append(space)
            last = end
        yield tuple(run)

    def clause(self, at: int) -> str:
        """The part of the sentence around this place that a `no` in it is about."""
        cuts = [0, *(cut.end() for cut in _CLAUSE.finditer(self.text)), len(self.text)]
        start = max(cut for cut in cuts if cut <= at)
        return self.text[start : min((cut for cut in cuts if cut > at), default=len(self.text))]

    def denies(self, at: int) -> bool:
        return NEGATED.search(self.clause(at)) is not None

    def is_claimed(self, at: int) -> bool:
        """Whether the words here state something, instead of asking or promising to find out."""
        parts, told, own = self._reach(at)
        start = parts[told][0]
        end = parts[own][1] if _VERB.search(self._part(parts[own])) else parts[min(own + 1, len(parts) - 1)][1]
        if UNSURE.search(self.text[start:at]) or _OPEN.search(self.text[at:end]):
            return False
        asks = any(_ASKING.match(self._part(each)) for each in parts[told : own + 1])
        return not (asks and self.text.rstrip().endswith("?"))

    def is_under(self, marker: re.Pattern[str], at: int) -> bool:
        """Whether the marker stands in the statement that these words belong to."""
        parts, told, own = self._reach(at)
        return marker.search(self.text[parts[told][0] : parts[own][1]]) is not None

    def _reach(self, at: int) -> tuple[list[tuple[int, int]], int, int]:
        """The parts of the sentence, and from which to which of them the statement goes: a part without a verb goes on
        with the one before it."""
        parts = self._parts()
        own = told = max(number for number, (start, _) in enumerate(parts) if start <= at)
        while told > 0 and not _VERB.search(self._part(parts[told])):
            told -= 1
        return parts, told, own

    def _parts(self) -> list[tuple[int, int]]:
        cuts = [0, *(cut.end() for cut in _PART.finditer(self.text)), len(self.text)]
        return list(itertools.pairwise(cuts))

    def _part(self, part: tuple[int, int]) -> str:
        return self.text[part[0] : part[1]]


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
            yield Sentence(text, mentions, context or self._all, self._all)
            if mentions:
                context = tuple({space.id: space for _, _, space in mentions}.values())

    def _mentions(self, text: str) -> Sequence[tuple[int, int, Space]]:
        """Longer names first: `Old Mill` is no mention of a space called `Mill`."""
        found: list[tuple[int, int, Space]] = []
        for name, space in self._names:
            for match in name.finditer(text):
                if all(match.end() <= start or match.start() >= end for start, end, _ in found):
                    found.append((match.start(), match.end(), space))
        return sorted(found, key=lambda each: each[:2])


def split(body: str) -> list[str]:
    """Sentences, none longer than LONGEST: what is to be said of a part of one takes time by the square of it."""
    parts: list[str] = []
    for piece in _END.split(body):
        text = " ".join(piece.split())
        if parts and _ABBREVIATION.search(parts[-1]) and len(parts[-1]) + len(text) < LONGEST:
            parts[-1] += f" {text}"
        elif text:
            parts += textwrap.wrap(text, LONGEST, break_on_hyphens=False)
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
