"""The database that grows to ten million finished tasks, built once per call and shared by W8 and W9."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from benchmarks.server import QUERIES, Database

CHUNK: Final = 250_000
BUILDERS: Final = 2
PAST: Final = "bench.past"


class Grown:
    """One database and how many finished tasks lie in it."""

    def __init__(self, database: Database, tell: Callable[[str], None]) -> None:
        self.database, self._tell = database, tell
        self.rows = 0
        self.crowded = False

    async def grow(self, rows: int) -> None:
        """Adds finished tasks, with a run row each, until there are `rows`."""
        if rows > self.rows:
            self._tell(f"building: {rows:,} finished tasks")
            values = {"task_type": PAST}
            await asyncio.gather(
                *(self._fill(name, self.rows + 1, rows, values) for name in ("grow_queue", "grow_runs"))
            )
            await self.settle()
            self.rows = rows

    async def crowd(self, rows: int, other: str, own: str) -> None:
        """Pending tasks of another type, and future ones of the own type at a higher priority."""
        if not self.crowded:
            self._tell(f"building: {rows:,} pending of another type, {rows:,} in the future")
            await asyncio.gather(
                self._fill("crowd", 1, rows, {"task_type": other, "priority": 5, "ahead_s": 0.0}),
                self._fill("crowd", 1, rows, {"task_type": own, "priority": 50, "ahead_s": 86_400.0}),
            )
            await self.settle()
            self.crowded = True

    async def _fill(self, statement: str, first: int, last: int, values: dict[str, Any]) -> None:
        async with self.database.connect() as connection:
            for at in range(first, last + 1, CHUNK):
                await QUERIES[statement].fetch(connection, first=at, last=min(at + CHUNK - 1, last), **values)

    async def settle(self) -> None:
        """As a table is that has lived: vacuumed, analyzed, written out."""
        async with self.database.connect() as connection:
            await connection.execute("vacuum (analyze) task_queue, robot_input_events")
            await connection.execute("checkpoint")

    async def forget(self, task_type: str) -> None:
        """Removes what the last drain did, so that its proof can count again."""
        async with self.database.connect() as connection, connection.transaction():
            await connection.execute("set local rowmill.retaining = 'on'")  # the audit is append-only
            await QUERIES["forget_tasks"].fetch(connection, task_type=task_type)
            await QUERIES["forget_runs"].fetch(connection, task_type=task_type)
        await self.settle()
