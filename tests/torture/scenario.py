"""What a scenario is: a module that says which tests of the catalogue it is (T10 ...), has a small and a large size,
and fills a result with figures, their limits, and what the checker says."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Protocol

from tests.torture.figures import Result
from tests.torture.stage import Stage

Size = Mapping[str, Any]


class Scenario(Protocol):
    """A module of `scenarios`. `QUICK` None: only in the long set; `LONG` None: only in the quick one. `needs()` says
    what the machine lacks, or None."""

    TESTS: tuple[str, ...]
    TITLE: str
    QUICK: Size | None
    LONG: Size | None

    @staticmethod
    def needs() -> str | None: ...

    @staticmethod
    async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None: ...


def nothing_needed() -> str | None:
    """Of a scenario that every machine can play."""
    return None
