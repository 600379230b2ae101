"""Sorts a text into a class: by the first rule that fits, else by likeness."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import regex
from rapidfuzz import fuzz, process

from workers.spreadsheets.model import Classify, ClassRule, Value
from workers.spreadsheets.rules.patterns import finds
from workers.spreadsheets.rules.values import problem, result

MAX_TEXT: Final = 20_000  # characters that rules look through
MAX_LIKE: Final = 1000  # of a text that is compared with examples
CLOSE: Final = 1.0  # percent by which the second class must be less like the text

_BETWEEN_WORDS = regex.compile(r"[\W_]+")
_NOTHING: Final = "No rule fits, and no class is like it; add one, or lower the threshold."


def classified(inputs: Sequence[str | None], config: Classify) -> Value:
    """The label of the inputs' text; blank for nothing."""
    text = " ".join(each for each in inputs if each)
    if not text.strip():
        return Value(None, None, "blank")
    if len(text) > MAX_TEXT:
        return problem(f"The text is longer than {MAX_TEXT:,} characters; shorten it.", text)
    spaced = _words(text)
    try:
        rule = next((each for each in config.rules if _fits(each, text, spaced)), None)
    except TimeoutError:
        return problem("A pattern takes too long on this text; make it simpler.", text)
    if rule is not None:
        return result(rule.label)
    return _alike(text, spaced, config)


def _fits(rule: ClassRule, text: str, spaced: str) -> bool:
    return any(_words(each) in spaced for each in rule.contains) or (
        rule.pattern is not None and finds(rule.pattern, text)
    )


@lru_cache(maxsize=4096)
def _words(text: str) -> str:
    """In lower case, with one space around each word."""
    return f" {_BETWEEN_WORDS.sub(' ', text.casefold()).strip()} "


def _alike(text: str, spaced: str, config: Classify) -> Value:
    best = _best(spaced[:MAX_LIKE], config)
    if not best:
        return result(config.otherwise) if config.otherwise else problem(_NOTHING, text)
    (label, score), *others = best
    if others and score - others[0][1] < CLOSE:
        return problem(f"{label!r} and {others[0][0]!r} are equally like it; write it out, or add a rule.", text)
    return result(label, note=None if score >= 100 else f"{score:.0f} % like it")  # noqa: PLR2004 - percent


def _best(spaced: str, config: Classify) -> list[tuple[str, float]]:
    """The two classes that are most like it, the better one first; none below the threshold."""
    examples, labels = _examples(tuple((label, words) for label, words in config.classes.items()))
    best: dict[str, float] = {}
    for _, score, at in process.extract_iter(spaced, examples, scorer=fuzz.WRatio, score_cutoff=config.threshold):
        best[labels[at]] = max(best.get(labels[at], 0.0), score)
    return sorted(best.items(), key=lambda each: -each[1])[:2]


@lru_cache(maxsize=64)
def _examples(classes: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every label and example as it is compared, and whose it is."""
    pairs = [(_words(each), label) for label, words in classes for each in (label, *words)]
    return tuple(each for each, _ in pairs), tuple(label for _, label in pairs)
