"""A committer by itself: the test claims tasks, decides what they write, and looks at what became of them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias
from uuid import UUID

import pytest

from core import state
from core.db.connect import Connection, Slots
from core.effects import Effect
from core.queue.claim import Claimer
from core.queue.commit.batch import Finished
from core.queue.commit.committer import Committer
from core.queue.run import Run
from core.queue.runtime import Worker
from core.registry import Operator, operators
from core.settings import Settings
from core.state import Transition
from tests.running import Database, enqueue, until


class Bench:
    """One worker's committer of one task type, without a pool. What is added before the loop turns is one batch."""

    def __init__(self, dsn: str, task_type: str, settings: Settings) -> None:
        self.worker_id = str(uuid.uuid4())
        self.operator = operators()[task_type]
        self.slots = Slots(dsn, settings, "commit", settings.worker_commits)
        self.claimer = Claimer(dsn, settings, self.worker_id)
        self.committer = Committer(self.operator, self.slots, settings, self.worker_id, self._ended)
        self.ends: dict[UUID, Transition | None] = {}
        self._added: list[Finished] = []
        self._task: asyncio.Task[None] | None = None

    def _ended(self, finished: Finished, moved: Transition | None) -> None:
        self.ends[finished.run.id] = moved

    async def runs(self, db: Connection, count: int, **columns: object) -> list[Run]:
        """New tasks, claimed, in the order of their ids."""
        for _ in range(count):
            await enqueue(db, self.operator.task_type, {}, **columns)
        return sorted(await self.claimer.claim(self.operator, count), key=lambda run: run.id)

    def add(
        self, run: Run, effects: Iterable[Effect] = (), transition: Transition | None = None, *, seen: int | None = None
    ) -> Finished:
        """A run that decided these effects, having read its first target at version `seen`."""
        finished = Finished(run, list(effects), transition or state.completed())
        if seen is not None:
            run.seen.update(dict.fromkeys(finished.targets, seen))
        self._put(finished)
        return finished

    def add_midway(self, run: Run, effects: Iterable[Effect] = ()) -> asyncio.Future[None]:
        """A commit in the middle of this run; the future ends with it."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._put(Finished(run, list(effects), None, waiter=waiter))
        return waiter

    def _put(self, finished: Finished) -> None:
        self._added.append(finished)
        self.committer.add(finished)
        if self._task is None:
            self._task = asyncio.create_task(self.committer.run())

    async def settled(self, limit_s: float = 30.0) -> dict[UUID, Transition | None]:
        """How each run ended, once all have."""

        async def all_ended() -> bool:
            return all(f.waiter.done() if f.waiter else f.run.id in self.ends for f in self._added)

        await until(all_ended, limit_s, "the end of all runs")
        return self.ends

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.claimer.close()
        await self.slots.close()


async def tuples(db: Connection, query: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows of a query, comparable with expected ones."""
    return [tuple(row) for row in await db.fetch(query, *values)]


@asynccontextmanager
async def worker_of(dsn: str, *of: Operator, **settings: object) -> AsyncIterator[Worker]:
    """A worker of just these operators, which need not be registered."""
    worker = Worker(dsn, Settings.model_validate({"watchdog_s": 0, "drain_s": 5, **settings}), of)
    running = asyncio.create_task(worker.run())
    try:
        ready = asyncio.create_task(worker.ready.wait())
        await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
        yield worker
    finally:
        worker.stop()
        await running


Benches: TypeAlias = Callable[..., Bench]


@asynccontextmanager
async def benches_on(dsn: str) -> AsyncIterator[Benches]:
    """`make(task_type="toy.set", **settings)` gives a bench; all are closed at the end."""
    made: list[Bench] = []

    def make(task_type: str = "toy.set", *, dsn: str = dsn, **settings: object) -> Bench:
        made.append(Bench(dsn, task_type, Settings.model_validate({"watchdog_s": 0, **settings})))
        return made[-1]

    try:
        yield make
    finally:
        for bench in made:
            await bench.close()


@pytest.fixture
async def benches(database: Database) -> AsyncIterator[Benches]:
    async with benches_on(database.dsn) as make:
        yield make


@pytest.fixture
def bench(benches: Benches) -> Bench:
    return benches()
