"""Text steps: trim, case, split and join. None of them can fail; at most nothing is left.

Title case is for names of people and places, by these rules and no dictionary:

- the first letter of a word is upper case, the others are lower case; hyphens and full stops part words;
- after an apostrophe a capital follows only where the part before it is D, L or O (`O'Brien`, `D'Angelo`; `John's`);
- `Mc` is followed by a capital; `Mac` is not, as in Mack and Macy;
- a word whose capitals are each followed by a small letter stays as it is (`MacDonald`, `DeVito`);
- `von`, `van`, `de` and their like are lower case unless they come first; II, III and IV stay upper case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import regex

from workers.spreadsheets.model import Case, Join, Split, Trim, Value
from workers.spreadsheets.rules.values import result

_PARTICLES: Final = frozenset(
    ["von", "van", "vom", "zu", "zum", "zur", "der", "den", "de", "del", "della", "di", "da", "dos", "du", "ten", "ter"]
)
_NUMERALS: Final = frozenset({"ii", "iii", "iv"})

_WHITE_SPACE = regex.compile(r"[\s\u180e]+")
# Never of use inside a cell. Joiners and direction marks are, in Persian or in an emoji: those go only at the ends.
_NO_WIDTH = regex.compile(r"[\u00ad\u200b\u2060-\u2064\ufeff]+")
_ENDS = " \u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_WORD = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*+(?:['’]\p{L}[\p{L}\p{M}]*+)*+")
_APOSTROPHE = regex.compile("(['’])")
_CAMEL = regex.compile(r"(?:\p{Lu}\p{Ll}++){2,}+")
_SENTENCE_START = regex.compile(r"(?:\A|[.!?…]\s)[^\p{L}\p{N}]*+\K\p{Ll}")


def trimmed(text: str) -> str:
    """The text without white space at its ends, with single spaces inside."""
    if text.isascii():
        return " ".join(text.split())
    return _WHITE_SPACE.sub(" ", _NO_WIDTH.sub("", text)).strip(_ENDS)


def trim(text: str, _step: Trim, _locale: str) -> Value:
    return result(trimmed(text))


def case(text: str, step: Case, _locale: str) -> Value:
    match step.to:
        case "upper":
            return result(text.upper())
        case "lower":
            return result(text.lower())
        case "title":
            return result(_title(text))
        case "sentence":
            return result(_SENTENCE_START.sub(lambda found: found[0].upper(), text.lower()))


def split(text: str, step: Split, _locale: str) -> Value:
    parts = text.split(step.separator)
    if -len(parts) <= step.index < len(parts):
        return result(parts[step.index])
    return result("")


def join(texts: Sequence[str], step: Join) -> Value:
    return result(step.separator.join(texts))


def _title(text: str) -> str:
    is_first = True

    def titled(found: regex.Match[str]) -> str:
        nonlocal is_first
        word = _titled_word(found[0], is_first=is_first)
        is_first = False
        return word

    return _WORD.sub(titled, text)


def _titled_word(word: str, *, is_first: bool) -> str:
    small = word.lower()
    if small in _NUMERALS:
        return word.upper()
    if small in _PARTICLES and not is_first:
        return small
    if word != small and _CAMEL.fullmatch(word):
        return word
    if small.isalnum():
        return _capitalised(small)
    pieces = _APOSTROPHE.split(small)
    for index in range(0, len(pieces), 2):  # every other piece is an apostrophe
        if index == 0 or pieces[index - 2] in {"D", "L", "O"}:
            pieces[index] = _capitalised(pieces[index])
    return "".join(pieces)


def _capitalised(word: str) -> str:
    if word.startswith("mc") and len(word) > 3:  # noqa: PLR2004 - Mc and at least two letters
        return "Mc" + word[2:].capitalize()
    return word[:1].title() + word[1:]
