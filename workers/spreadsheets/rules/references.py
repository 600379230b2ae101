"""Which columns a formula reads, and what it may not hold: read off its text, without computing it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import regex

MAX_FORMULA: Final = 8192  # characters, as in a workbook
MAX_DEPTH: Final = 64  # nested brackets, as in a workbook
MAX_COLUMN: Final = 16_384
ANY: Final = 0  # stands for every column: the formula decides while it is computed, or names whole rows

# Another value with each computation: what follows from one would never come to rest.
RESTLESS: Final = ("RANDBETWEEN", "RANDARRAY", "RAND", "NOW")

_STRING = regex.compile(r'"(?:[^"]|"")*+"')
_REFERENCE = regex.compile(
    r"(?<![\w.$])\$?(?P<first>[A-Z]{1,3})(?:\$?\d{1,7})?(?::\$?(?P<last>[A-Z]{1,3})(?:\$?\d{1,7})?)?(?![\w.(])"
)
_WHOLE_ROWS = regex.compile(r"(?<![\w.$])\$?\d+:\$?\d+")
_DECIDED_LATE = regex.compile(r"\b(?:INDIRECT|OFFSET)\s*\(")
_RESTLESS = regex.compile(rf"\b({'|'.join(RESTLESS)})\s*\(")
_SIGNS = regex.compile(r"[-+%\s]{65}")


def columns_read(formula: str) -> set[int]:
    """Positions of the columns a formula may read; ANY among them where its text does not say. Names of functions and
    words may be taken for columns: rather one too many."""
    text = _STRING.sub(" ", formula.upper())
    found: set[int] = set()
    for reference in _REFERENCE.finditer(text):
        first = position_of(reference["first"])
        last = position_of(reference["last"]) if reference["last"] else first
        found.update(range(min(first, last), min(max(first, last), MAX_COLUMN) + 1))
    if _WHOLE_ROWS.search(text) or _DECIDED_LATE.search(text):
        found.add(ANY)
    return found


def position_of(letters: str) -> int:
    """A is 1, Z is 26, AA is 27."""
    position = 0
    for letter in letters:
        position = position * 26 + ord(letter) - ord("A") + 1
    return position


def refusal(formula: str) -> str | None:
    """Why a formula is not computed at all, in a sentence; None for one that may be tried."""
    if len(formula) > MAX_FORMULA:
        return f"The formula is longer than {MAX_FORMULA:,} characters; shorten it."
    text = _STRING.sub(" ", formula.upper())
    if _depth(text) > MAX_DEPTH or _SIGNS.search(text):
        return f"The formula is nested more than {MAX_DEPTH} levels deep; split it."
    if restless := _RESTLESS.search(text):
        return f"{restless[1]} gives another value each time; enter a value, or use TODAY."
    return None


def _depth(text: str) -> int:
    deepest = depth = 0
    for sign in text:
        depth += (sign in "({") - (sign in ")}")
        deepest = max(deepest, depth)
    return deepest


def feeding_themselves(reads: Mapping[int, set[int]], filled: Iterable[tuple[int, int]]) -> set[int]:
    """Columns of formulas that read, over a column which an operator fills in, what hangs on themselves.

    Each computation would enqueue the next for ever. `reads`: column of formulas -> columns it reads; `filled`:
    (column, its input). Circles of formulas alone are no matter of this: the calculator finds them.
    """
    edges: dict[int, set[int]] = {}
    for column, source in filled:
        edges.setdefault(column, set()).add(source)
    operated = set(edges)
    known = operated | set(reads)
    for column, sources in reads.items():
        edges[column] = known if ANY in sources else sources & known
    return {column for column in reads if _returns(column, edges, operated)}


def _returns(start: int, edges: Mapping[int, set[int]], operated: set[int]) -> bool:
    """Whether a way from `start` over an operated column comes back to it."""
    seen: set[tuple[int, bool]] = set()
    ways = [(start, False)]
    while ways:
        column, over = ways.pop()
        for source in edges.get(column, ()):
            step = (source, over or source in operated)
            if step == (start, True):
                return True
            if step not in seen:
                seen.add(step)
                ways.append(step)
    return False
