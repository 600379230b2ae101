"""W2: what an enqueue costs its producer. Single INSERTs with no worker, with one that eats them as they come, and with
one that is busy with a backlog; one INSERT now and then while the worker sleeps; and in bulk.

The bare INSERT (a table with two indexes and no trigger) is measured under the same load.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from benchmarks import reference
from benchmarks.bench import Bench
from benchmarks.figures import REFERENCE, Figure, Sample
from benchmarks.programs import Line
from benchmarks.server import Database
from benchmarks.system import Crew, System, Work, WrongRun

NAME: Final = "w2"
TITLE: Final = "enqueue"
INSERTS: Final = "inserts/s"
STATEMENT_MS: Final = "statement ms"
ALONE: Final = "no worker"
FED: Final = "worker fed"
BUSY: Final = "worker busy"
ASLEEP: Final = "worker asleep"
STATES: Final = (ALONE, FED, BUSY)
PAUSE_S: Final = 0.05  # between two INSERTs that find the worker asleep
PEER_CONNECTIONS: Final = (10, 32)
KEEP_S: Final = 0.1
BULK: Final = {"bulk of 1,000": "unnest", "COPY": "copy"}


async def run(bench: Bench) -> list[Figure]:
    figures = await _ours(bench)
    for peer in bench.peers:
        figures += await of_peer(bench, peer)
    return figures


def variant(connections: int, state: str) -> str:
    return f"{connections} connection{'s' if connections > 1 else ''}, {state}"


async def _ours(bench: Bench) -> list[Figure]:
    figures: list[Figure] = []
    for state in STATES:
        async with _stage(bench, state) as stage:
            for connections in bench.sizes.connections:
                name = variant(connections, state)
                once = partial(stage.single, connections, "insert_task")
                figures += await bench.measured(NAME, bench.ours.name, name, once)
                if state == BUSY:  # with no worker at all it is a limit of the reference
                    once = partial(stage.single, connections, "insert_bare")
                    figures += await bench.measured(NAME, REFERENCE, name, once)
    async with _stage(bench, ASLEEP) as stage:
        for system, statement in ((bench.ours.name, "insert_task"), (REFERENCE, "insert_bare")):
            once = partial(stage.single, 1, statement, PAUSE_S)
            figures += await bench.measured(NAME, system, variant(1, ASLEEP), once)
    for name, way in BULK.items():
        figures += await bench.measured(NAME, bench.ours.name, name, partial(_bulk, bench, way))
    return figures


@asynccontextmanager
async def _stage(bench: Bench, state: str) -> AsyncIterator[Stage]:
    """A database, with a worker or without."""
    async with bench.ours.fresh() as database:
        await reference.prepare(database)
        if state == ALONE:
            yield Stage(bench, database, None)
            return
        async with bench.ours.crew(database, "noop", 1) as crew:
            yield Stage(bench, database, crew if state == BUSY else None)


@dataclass(frozen=True, slots=True)
class Stage:
    """Where producers of one state insert; with a crew that is to be kept busy."""

    bench: Bench
    database: Database
    busy: Crew | None

    async def single(self, connections: int, statement: str, pause_s: float = 0.0) -> Sample:
        if self.busy is None:
            return await self._produced(connections, statement, pause_s)
        backlog = Work("noop", self.bench.sizes.busy_backlog)
        await self.bench.ours.load(self.database, backlog)
        keeping = asyncio.create_task(self._keep_busy(backlog))
        try:
            sample = await self._produced(connections, statement, pause_s)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        await _require_busy(self.bench.ours, self.database, self.busy, backlog)
        return sample

    async def _keep_busy(self, backlog: Work) -> None:
        """Adds tasks whenever half of the backlog is gone."""
        while True:
            if await self.bench.ours.waiting(self.database, "noop") < backlog.count // 2:
                await self.bench.ours.load(self.database, Work("noop", backlog.count // 2))
            await asyncio.sleep(KEEP_S)

    async def _produced(self, connections: int, statement: str, pause_s: float) -> Sample:
        before = await _rows(self.database, statement)
        options = {
            "connections": connections,
            "seconds": self.bench.sizes.single_s,
            "statement": statement,
            "pause_s": pause_s,
        }
        async with (
            self.bench.metered(self.database) as meter,
            self.bench.ours.produce(self.database, "single", **options) as producer,
        ):
            made = await producer.answer()
        found = await _rows(self.database, statement) - before
        if found != made["count"]:
            raise WrongRun(f"{made['count']} INSERTs were answered and {found} rows are there")
        return meter.sample(values_of(made))


async def _require_busy(system: System, database: Database, crew: Crew, work: Work) -> None:
    """Raises WrongRun if the backlog was gone before the producers ended."""
    crew.check()
    async with database.connect() as connection:
        if await system.is_done(connection, crew, work):
            raise WrongRun("the worker ran out of work while it was to be busy; make the backlog larger")


async def _rows(database: Database, statement: str) -> int:
    """The producer's rows; its warm-up is of another type."""
    name = "count_tasks" if statement == "insert_task" else "count_bare"
    async with database.connect() as connection:
        rows = await reference.QUERIES[name].fetch(connection)
    return int(rows[0]["tasks"])


def values_of(made: Line) -> dict[str, float]:
    return {INSERTS: made["count"] / made["seconds"], STATEMENT_MS: made["median_ms"]}


async def _bulk(bench: Bench, way: str) -> Sample:
    async with bench.ours.fresh() as database:
        options = {"count": bench.sizes.bulk, "way": way}
        async with bench.metered(database) as meter, bench.ours.produce(database, "bulk", **options) as producer:
            made = await producer.answer()
        if await bench.ours.waiting(database, "noop") != made["count"]:
            raise WrongRun("tasks enqueued in bulk are missing")
        return meter.sample({INSERTS: made["count"] / made["seconds"]}, made["count"])


async def of_peer(bench: Bench, peer: System) -> list[Figure]:
    figures: list[Figure] = []
    for connections in PEER_CONNECTIONS:
        for state in (ALONE, BUSY):
            once = partial(_peer_single, bench, peer, connections, state)
            figures += await bench.measured(NAME, peer.name, variant(connections, state), once)

    async def bulk() -> Sample:
        async with peer.fresh() as database:
            made = await peer.load(database, Work("noop", bench.sizes.jobs(peer.name, bench.sizes.bulk)))
            return Sample({INSERTS: made["count"] / made["seconds"]})

    return figures + await bench.measured(NAME, peer.name, "bulk of 1,000", bulk)


async def _peer_single(bench: Bench, peer: System, connections: int, state: str) -> Sample:
    options = {"connections": connections, "seconds": bench.sizes.single_s}
    async with peer.fresh() as database:
        if state == ALONE:
            async with bench.metered(database) as meter, peer.produce(database, "single", **options) as producer:
                made = await producer.answer()
            if (found := await peer.waiting(database, "noop")) != made["count"]:
                raise WrongRun(f"{made['count']} jobs were enqueued and {found} are there")
            return meter.sample(values_of(made))
        backlog = Work("noop", bench.sizes.jobs(peer.name, bench.sizes.busy_backlog))
        await peer.load(database, backlog)
        async with peer.crew(database, "noop", 1) as crew:
            async with bench.metered(database) as meter, peer.produce(database, "single", **options) as producer:
                made = await producer.answer()
            await _require_busy(peer, database, crew, backlog)
        return meter.sample(values_of(made))
