"""Pattern steps: extract and replace. User-supplied patterns run in an engine with a time limit and on bounded texts.

The engine counts the processor time of the whole process, so a garbage collection or another thread can use up the
limit of an innocent pattern: a pattern that ran out of time gets one second, longer try. Which side of that limit a
slow pattern falls is the one thing here that may differ between two runs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar

import regex

from workers.spreadsheets.model import Extract, Group, Replace, Value, replacement_pieces
from workers.spreadsheets.rules.values import MAX_CHARACTERS, problem, result

PATTERN_SECONDS: Final = (0.1, 0.25)  # the first try and the second
MAX_PATTERN_INPUT: Final = 100_000  # characters; the engine looks at its clock inside a match, not between two

_TOO_SLOW = f"The pattern took longer than {PATTERN_SECONDS[-1]} seconds; make it simpler."
_TOO_LONG = f"The text is longer than the {MAX_PATTERN_INPUT:,} characters a pattern may search; shorten it first."
_NO_MATCH = "The pattern does not occur in the text; correct the text or the pattern."
_GROWS = f"The replacements would make the text longer than {MAX_CHARACTERS:,} characters; replace less."


Found = TypeVar("Found")


class _GrewTooLong(Exception):
    """The replacements so far have used up the room for the result."""


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern)


def _in_time(search: Callable[[float], Found]) -> Found:
    """What the search finds. Raises TimeoutError when the second try is too slow as well."""
    first, second = PATTERN_SECONDS
    try:
        return search(first)
    except TimeoutError:
        return search(second)


def extract(text: str, step: Extract, _locale: str) -> Value:
    if len(text) > MAX_PATTERN_INPUT:
        return problem(_TOO_LONG, text)
    pattern = _compiled(step.pattern)
    try:
        found = _in_time(lambda seconds: pattern.search(text, timeout=seconds))
    except (TimeoutError, MemoryError, RecursionError):
        return problem(_TOO_SLOW, text)
    return problem(_NO_MATCH, text) if found is None else result(found[step.group] or "")


def finds(pattern: str, text: str) -> bool:
    """Whether it occurs. Raises TimeoutError."""
    compiled = _compiled(pattern)
    try:
        return _in_time(lambda seconds: compiled.search(text, timeout=seconds)) is not None
    except (MemoryError, RecursionError) as reason:
        raise TimeoutError from reason


def replace(text: str, step: Replace, _locale: str) -> Value:
    return _replace_pattern(text, step) if step.as_pattern else _replace_literal(text, step)


def _replace_literal(text: str, step: Replace) -> Value:
    growth = text.count(step.find) * (len(step.replacement) - len(step.find))
    if len(text) + growth > MAX_CHARACTERS:
        return problem(_GROWS, text)
    return result(text.replace(step.find, step.replacement))


def _replace_pattern(text: str, step: Replace) -> Value:
    if len(text) > MAX_PATTERN_INPUT:
        return problem(_TOO_LONG, text)
    pattern = _compiled(step.find)
    try:
        return result(_in_time(lambda seconds: _Filling(step.replacement).into(pattern, text, seconds)))
    except (TimeoutError, MemoryError, RecursionError):
        return problem(_TOO_SLOW, text)
    except _GrewTooLong:
        return problem(_GROWS, text)


class _Filling:
    """Puts the groups of each match into the replacement and stops when the result would grow too long."""

    def __init__(self, replacement: str) -> None:
        self._pieces = replacement_pieces(replacement)
        self._room = MAX_CHARACTERS

    def into(self, pattern: regex.Pattern[str], text: str, seconds: float) -> str:
        return pattern.sub(self._filled, text, timeout=seconds)

    def _filled(self, found: regex.Match[str]) -> str:
        texts = [(found[piece.name] or "") if isinstance(piece, Group) else piece for piece in self._pieces]
        self._room -= sum(map(len, texts))
        if self._room < 0:
            raise _GrewTooLong
        return "".join(texts)
