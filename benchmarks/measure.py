"""Measures one run: processor time by whom, WAL, commits and dead tuples; and waits for a quiet moment before it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import asyncpg

from benchmarks import cpu
from benchmarks.figures import (
    BUFFERS,
    CLIENT_CPU,
    COMMITS,
    DEAD,
    NOISY,
    SERVER_CPU,
    SERVER_SHARE,
    STATEMENT_WAL,
    STATEMENTS,
    WAL,
    Sample,
)
from benchmarks.server import QUERIES, BenchServer, Database

QUIET_LOOK_S: Final = 0.5
SETTLE_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The counters of one moment."""

    wal: float
    commits: int
    dead: int


class Meter:
    """Counts from `start()` to `stop()` on one database."""

    def __init__(self, server: BenchServer, database: Database) -> None:
        self._server, self._database = server, database
        self._before: Snapshot | None = None
        self._after: Snapshot | None = None
        self._cpu_before: cpu.Cpu | None = None
        self._cpu_after: cpu.Cpu | None = None
        self._statements_before: dict[str, float] = {}
        self._statements_after: dict[str, float] = {}

    async def start(self) -> None:
        self._before = await self._look()
        self._statements_before = await self._statements()
        self.cpu_start()

    def cpu_start(self) -> None:
        """Processor time counts from here: the programs have started."""
        self._cpu_before = cpu.look(self._server.pid)

    def cpu_stop(self) -> None:
        """Processor time counts up to here."""
        self._cpu_after = cpu.look(self._server.pid)

    async def work_done(self) -> None:
        """The work is done, the programs still run: what the harness does from here on counts no more."""
        self.cpu_stop()
        self._statements_after = await self._statements()

    async def stop(self) -> None:
        if self._cpu_after is None:
            self.cpu_stop()
        self._after = await self._look()

    async def _look(self) -> Snapshot:
        """A session tells its counts when it ends, so this comes after the programs' end."""
        await asyncio.sleep(SETTLE_S)
        async with self._database.connect() as connection:
            row: asyncpg.Record = (await QUERIES["counters"].fetch(connection))[0]
        return Snapshot(float(row["wal"]), row["commits"], row["dead"])

    async def _statements(self) -> dict[str, float]:
        """Calls, buffers and WAL of all statements so far, where the server counts them."""
        if not self._server.counts_statements:
            return {}
        async with self._database.connect() as connection:
            try:
                row = (await QUERIES["statements"].fetch(connection))[0]
            except asyncpg.UndefinedTableError:  # a peer's database
                return {}
        return {BUFFERS: float(row["buffers"]), STATEMENTS: float(row["calls"]), STATEMENT_WAL: float(row["wal"])}

    def statement_costs(self, tasks: int) -> dict[str, float]:
        """What one task cost by pg_stat_statements; nothing where the server has none."""
        after, before = self._statements_after, self._statements_before
        return {name: (after[name] - before[name]) / tasks for name in after if name in before}

    @property
    def used(self) -> cpu.Used | None:
        if self._cpu_before is None or self._cpu_after is None:
            return None
        return cpu.used(self._cpu_before, self._cpu_after)

    def costs(self, tasks: int) -> dict[str, float]:
        """What one task cost."""
        assert self._before is not None
        assert self._after is not None
        before, after = self._before, self._after
        found = {
            WAL: (after.wal - before.wal) / tasks,
            COMMITS: (after.commits - before.commits) / tasks,
            DEAD: (after.dead - before.dead) / tasks,
        }
        if (used := self.used) is not None and self._server.pid is not None:
            found[SERVER_CPU] = used.server / tasks * 1e6
            found[CLIENT_CPU] = used.harness / tasks * 1e6
            found[SERVER_SHARE] = used.server / max(used.server + used.harness, 1e-9)
        return found

    def sample(self, values: dict[str, float], tasks: int | None = None) -> Sample:
        """The run's values, with costs if the number of tasks is known. A server elsewhere hides what is foreign."""
        used = self.used
        foreign = used.foreign_share if used is not None and self._server.pid is not None else None
        return Sample(values | (self.costs(tasks) if tasks else {}), foreign)


async def quiet_moment(server: BenchServer, limit_s: float) -> None:
    """Waits until others take less than the noisy share of the processors, for `limit_s` at most."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit_s
    while loop.time() < deadline and server.pid is not None:
        before = cpu.look(server.pid)
        await asyncio.sleep(QUIET_LOOK_S)
        after = cpu.look(server.pid)
        if before is None or after is None or cpu.used(before, after).foreign_share < NOISY:
            return


async def repeated(
    once: Callable[[], Awaitable[Sample]], runs: int, server: BenchServer, quiet_s: float
) -> list[Sample]:
    """The same run several times, each after a quiet moment if one comes."""
    samples = []
    for _ in range(runs):
        await quiet_moment(server, quiet_s)
        samples.append(await once())
    return samples
