"""The calculator of formulas, in a process aside: it is native code over what people wrote, and holds the interpreter
while it computes. A formula that takes its process's life costs one computation, not a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from core.outside import Aside

CALCULATOR: Final = Aside("workers.spreadsheets.asides.formulas:calculated", limit_s=10.0, children=2)


async def calculate(
    inputs: Sequence[Mapping[str, Any]], formulas: Sequence[Mapping[str, Any]]
) -> list[list[tuple[str, str]]]:
    """(value, kind) of every formula, column by column. Raises AsideFailed."""
    answer: list[list[tuple[str, str]]] = orjson.loads(
        await CALCULATOR.call(orjson.dumps({"inputs": inputs, "formulas": formulas}))
    )
    return answer
