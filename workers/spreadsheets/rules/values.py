"""How results are made: storable texts, blanks and errors. Every content a rule gives back passes through here."""

from __future__ import annotations

from typing import Final
from unicodedata import decimal

import regex

from workers.spreadsheets.model import CellType, Value

MAX_CHARACTERS: Final = 1 << 20  # of one cell, before and after each step; longer texts end as an error
SHOWN_INPUT: Final = 80  # characters of an input that an error repeats
LOST_CHARACTER: Final = "\ufffd"
BLANK: Final = Value(None, None, "blank")

_OTHER_DIGIT = regex.compile(r"[^\P{Nd}0-9]")
_NEVER_STORED = regex.compile("[\x00\ud800-\udfff]")
# White space of every kind, and characters without width that make a blank cell look blank.
_BLANK = regex.compile(r"[\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]*+")


def storable(text: str) -> str:
    """The text with U+FFFD in place of NUL and lone surrogates, which PostgreSQL cannot hold."""
    if text.isascii() and "\x00" not in text:
        return text
    return _NEVER_STORED.sub(LOST_CHARACTER, text)


def in_ascii_digits(text: str) -> str:
    """The text with 0 to 9 in place of the digits of other scripts."""
    return text if text.isascii() else _OTHER_DIGIT.sub(lambda found: str(decimal(found[0])), text)


def is_blank(text: str) -> bool:
    return not text[:1].isalnum() and _BLANK.fullmatch(text) is not None


def result(content: str, cell_type: CellType = "text", **shown: str | None) -> Value:
    """A result, or a blank when nothing visible is left; `shown` keeps what is not None."""
    if len(content) > MAX_CHARACTERS:
        return problem(f"The result is longer than {MAX_CHARACTERS:,} characters; shorten the input.", content)
    if is_blank(content):
        return BLANK
    noted = {name: storable(note) for name, note in shown.items() if note is not None} if shown else None
    return Value(storable(content), noted or None, cell_type)


def problem(sentence: str, text: str) -> Value:
    """An error value: a sentence for the reader, and the start of the text it is about."""
    shortened = text if len(text) <= SHOWN_INPUT else text[: SHOWN_INPUT - 1] + "…"
    return Value(None, {"error": storable(sentence), "input": storable(shortened)}, "error")
