"""Where looks begin while a look at everything is dear.

An old transaction keeps dead versions alive, and every look walks all that have piled up since. One duty of a process
asks once a second, on a connection that no claim waits for, from where on there is anything to be found (find_floor in
sql/functions/look.sql); claims, gates and polls begin there. What becomes pending before a floor (from a transaction
older than it, or a return with its old due time) waits for the next one: a floor is believed for a time that is long
beside what it took to find, and never for more than ten seconds.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from core import log
from core.db.connect import TROUBLE
from core.queue.ask import Ask

HOLDS: Final = 20  # times what it took to find
LONGEST_S: Final = 10.0
GRACE_S: Final = 5.0  # for the next one to come
AFTER_TROUBLE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class _Floor:
    due: datetime
    until: float  # by the process's clock: then the next one is asked for


class Floors:
    """The floors of a process, by task type; none where looks are cheap."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, in_backlog: Callable[[str], bool] = lambda _task_type: False
    ) -> None:
        self._clock, self._in_backlog = clock, in_backlog
        self._floors: dict[str, _Floor] = {}

    def of(self, task_type: str) -> datetime | None:
        """No unkeyed task that was pending a moment ago is due before this; None = look at everything."""
        floor = self._floors.get(task_type)
        if floor is None or self._clock() > floor.until + GRACE_S:
            return None
        return floor.due

    def forget(self, task_type: str) -> None:
        """The next look is at everything."""
        self._floors.pop(task_type, None)

    async def keep(self, ask: Ask, task_types: Sequence[str], poll_s: float) -> None:
        """Asks for them, for ever, where there is a poll that finds what a floor hid. One that cannot be asked for in
        time is believed no more."""
        while poll_s:
            await asyncio.sleep(poll_s * random.uniform(0.8, 1.2))
            try:
                await self.find(ask, task_types)
            except TROUBLE as error:
                log.get("floor").warning("find_floors_failed", error=str(error))
                await asyncio.sleep(AFTER_TROUBLE_S)

    async def find(self, ask: Ask, task_types: Sequence[str]) -> None:
        """One round: the floors of all types that hold none, or one whose time is over. In a backlog claims go on where
        the last one ended, and a look would only take from them."""
        now = self._clock()
        asked = [each for each in task_types if each not in self._floors or self._floors[each].until <= now]
        asked = [each for each in asked if not self._in_backlog(each)]
        if asked:
            self._note(asked, await ask("find_floors", task_types=asked))

    def _note(self, asked: Sequence[str], rows: Sequence[asyncpg.Record]) -> None:
        now = self._clock()
        for task_type in asked:
            self.forget(task_type)
        for row in rows:
            self._floors[row["task_type"]] = _Floor(row["floor"], now + min(HOLDS * row["took_s"], LONGEST_S))
