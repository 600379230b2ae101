"""The decisions of the spreadsheets domain: pure, synchronous, total, and without a clock.

`apply` is the door. Whatever comes in, it gives back a Value that PostgreSQL can store; expected trouble is an error
value with a sentence, never an exception. Blank inputs pass every step untouched: what is blank stays blank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from types import MappingProxyType
from typing import Final

from workers.spreadsheets.model import AnyStep, Join, Transform, Value
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


class _Trouble(Exception):
    """A step ended in an error value, which is the result of the whole."""

    def __init__(self, value: Value) -> None:
        super().__init__(value)
        self.value = value


def apply(inputs: Sequence[str | None], config: Transform) -> Value:
    """The value of a cell from the contents of its inputs, in the order of the column's configuration."""
    try:
        values = _passed(map(_incoming, inputs))
        for step in config.steps:
            values = _passed(_after(step, values, config.locale))
    except _Trouble as trouble:
        return trouble.value
    if len(values) > 1:
        return problem(_NOT_JOINED, values[0].content or "")
    return values[0] if values else BLANK


def _incoming(content: str | None) -> Value:
    if content is None:
        return BLANK
    return problem(_TOO_LONG, content) if len(content) > MAX_CHARACTERS else result(content)


def _after(step: AnyStep, values: Sequence[Value], locale: str) -> Iterator[Value]:
    if type(step) is not Join:  # isinstance asks a metaclass, which takes longer than a step
        yield from map(_RULES[step.op], [value.content for value in values], repeat(step), repeat(locale))
    elif values:
        yield text.join([value.content or "" for value in values], step)


def _passed(values: Iterable[Value]) -> list[Value]:
    """The values with content. Raises _Trouble at the first error, so that nothing more is computed."""
    present = []
    for value in values:
        if value.cell_type == "error":
            raise _Trouble(value)
        if value.content is not None:
            present.append(value)
    return present
