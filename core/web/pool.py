"""The connections of the web process. Whoever finds none free for two seconds hears so, instead of waiting for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.db.connect import Connection, Slots
from core.settings import Settings
from core.web.refusals import PoolExhausted


class Pool(Slots):
    """`count` connections; `in_use` and `waiting` are what the metrics show."""

    def __init__(self, dsn: str, settings: Settings, name: str, count: int) -> None:
        super().__init__(dsn, settings, name, count)
        self._free = asyncio.Semaphore(count)
        self._wait_s = settings.web_connection_wait_s
        self.count, self.in_use, self.waiting, self.exhausted = count, 0, 0, 0

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """One connection. Raises PoolExhausted."""
        await self._enter()
        self.in_use += 1
        try:
            async with super().acquire() as connection:
                yield connection
        finally:
            self.in_use -= 1
            self._free.release()

    async def _enter(self) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            self.exhausted += 1
            raise PoolExhausted(
                f"all {self.count} database connections of this server are in use; try again in a moment, "
                "or raise ROWMILL_POOL_MAX"
            ) from None
        finally:
            self.waiting -= 1
