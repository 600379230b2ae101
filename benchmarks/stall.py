"""A run that gets nowhere ends with a sentence instead of going on for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from core.errors import RowmillError

STALL_S: Final = 30.0
LOOKS: Final = 6  # counts asked for within that time, where counting costs something


class Stalled(RowmillError):
    """Nothing got done for so long that something must be missing."""


class Watch:
    """Told a count again and again, it raises Stalled once that has been the same for `limit_s`."""

    def __init__(self, what: str, limit_s: float = STALL_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._what, self._limit_s, self._clock = what, limit_s, clock
        self._count: int | None = None
        self._since = self._looked = clock()

    @property
    def due(self) -> bool:
        """Whether it is time for another count."""
        return self._clock() - self._looked >= self._limit_s / LOOKS

    def saw(self, count: int) -> None:
        self._looked = self._clock()
        if self._count not in {None, count}:
            self._since = self._looked
        self._count = count
        if self._looked - self._since >= self._limit_s:
            raise Stalled(f"no progress for {self._limit_s:g} s: {count} {self._what}")


@asynccontextmanager
async def within(limit_s: float, sentence: str) -> AsyncIterator[None]:
    """Raises Stalled with this sentence if the block takes longer."""
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError:
        raise Stalled(f"{sentence} within {limit_s:g} s") from None
