"""The decisions of the spreadsheets domain: pure, synchronous, total, and without a clock.

`apply` is the door. Whatever comes in, it gives back a Value that PostgreSQL can store; expected trouble is an error
value with a sentence, never an exception. Blank inputs pass every step untouched: what is blank stays blank.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from workers.spreadsheets.model import Join, Transform, Value
from workers.spreadsheets.rules import dates, emails, numbers, patterns, phones, text
from workers.spreadsheets.rules.values import BLANK, MAX_CHARACTERS, problem, result

# One rule per step: (text, step, locale of the column) -> Value. `join` stands beside them, as it takes all texts.
_RULES: Final[Mapping[str, Callable[..., Value]]] = MappingProxyType(
    {
        "trim": text.trim,
        "case": text.case,
        "extract": patterns.extract,
        "replace": patterns.replace,
        "split": text.split,
        "number": numbers.number,
        "date": dates.date,
        "phone": phones.phone,
        "email": emails.email,
    }
)

_TOO_LONG = f"The text is longer than {MAX_CHARACTERS:,} characters; shorten it."
_NOT_JOINED = "Several inputs have content and no step joins them; add a join step."

__all__ = ["apply"]


def apply(inputs: Sequence[str | None], config: Transform) -> Value:
    """The value of a cell from the contents of its inputs, in the order of the column's configuration."""
    values = [_incoming(content) for content in inputs]
    for step in config.steps:
        trouble = _first_error(values)
        if trouble is not None:
            return trouble
        present = [value for value in values if value.content is not None]
        if isinstance(step, Join):
            values = [text.join([value.content or "" for value in present], step)] if present else []
        else:
            values = [_RULES[step.op](value.content, step, config.locale) for value in present]
    return _outgoing(values)


def _incoming(content: str | None) -> Value:
    if content is None:
        return BLANK
    if len(content) > MAX_CHARACTERS:
        return problem(_TOO_LONG, content)
    return result(content)


def _outgoing(values: Sequence[Value]) -> Value:
    trouble = _first_error(values)
    if trouble is not None:
        return trouble
    present = [value for value in values if value.content is not None]
    if len(present) > 1:
        return problem(_NOT_JOINED, present[0].content or "")
    return present[0] if present else BLANK


def _first_error(values: Sequence[Value]) -> Value | None:
    return next((value for value in values if value.cell_type == "error"), None)
