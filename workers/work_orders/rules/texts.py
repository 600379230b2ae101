"""Patterns that people wrote, run with a time limit; dates and amounts as a profile says they are written. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

import regex

PATTERN_S: Final = 0.2


class PatternTooSlow(Exception):
    """A pattern took too long on this document."""


def search(pattern: str, text: str) -> regex.Match[str] | None:
    """The first match, in any case of letters. Raises PatternTooSlow."""
    try:
        return regex.search(pattern, text, flags=regex.IGNORECASE, timeout=PATTERN_S)
    except TimeoutError:
        raise PatternTooSlow(f"the pattern {pattern!r} took too long") from None


class Picked(NamedTuple):
    """A part of a text, and where it stands in it."""

    text: str
    start: int
    end: int


def picked(pattern: str | None, text: str) -> Picked | None:
    """The part of a text that a pattern asks for: its first group, or all of it. None = it is not there."""
    if pattern is None:
        return _stripped(text, 0, len(text))
    found = search(pattern, text)
    if found is None:
        return None
    group = 1 if found.re.groups and found[1] is not None else 0
    return _stripped(text, *found.span(group))


def _stripped(text: str, start: int, end: int) -> Picked | None:
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    return Picked(part.strip(), start, start + len(part.strip())) if part.strip() else None


def date_of(text: str, formats: Sequence[str]) -> str | None:
    """The date in ISO form, by the first format that fits."""
    for each in formats:
        try:
            return datetime.strptime(text.strip(), each).date().isoformat()  # noqa: DTZ007 - a date has no zone
        except ValueError:
            continue
    return None


def amount_of(text: str, decimal: str) -> str | None:
    """The amount with a point and two decimals; None where it is not one number in that way of writing."""
    group = "." if decimal == "," else ","
    plain = regex.sub(r"[\s\u00a0\u202f']|[A-Z]{3}|[€$£]", "", text.strip())
    whole, point, cents = rf"(\d{{1,3}}({regex.escape(group)}\d{{3}})+|\d+)", regex.escape(decimal), r"\d{1,2}"
    if not regex.fullmatch(rf"-?{whole}({point}{cents})?", plain):
        return None
    return str(Decimal(plain.replace(group, "").replace(decimal, ".")).quantize(Decimal("0.01")))
