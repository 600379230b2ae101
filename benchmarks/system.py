"""What a workload may ask of a queue, ours or another: a fresh database, tasks in bulk, workers, and the proof that
each task was done once. Producers are programs of their own, so that they do not steal the workers' loop."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.measure import Meter
from benchmarks.programs import Line, Program
from benchmarks.server import Database
from benchmarks.stall import STALL_S, Watch
from core.db.connect import Connection
from core.errors import RowmillError

LOOK_S = 0.2  # the end is read from the tables, so looking seldom costs no precision


class WrongRun(RowmillError):
    """The work was not done once each: a rate of such a run means nothing."""


@dataclass(frozen=True, slots=True)
class Span:
    """A drain: the tasks done from the moment on which every worker had begun, and how long that took."""

    tasks: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.tasks / max(self.seconds, 1e-6)


@dataclass(slots=True)
class Crew:
    """The worker processes of one run."""

    programs: list[Program]

    def check(self) -> None:
        for program in self.programs:
            program.check()


@dataclass(frozen=True, slots=True)
class Work:
    """What tasks are to do: `noop`, `audited` (over `rows` cells) or `probe`."""

    kind: str
    count: int
    rows: int = 0

    @property
    def options(self) -> dict[str, Any]:
        return {"kind": self.kind, "count": self.count, "rows": self.rows}


class System(Protocol):
    """A queue under test."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def fresh(self) -> AbstractAsyncContextManager[Database]:
        """A fresh database with its schema."""

    async def load(self, database: Database, work: Work) -> Line:
        """Enqueues in bulk; the answer holds `count` and `seconds`."""

    def crew(self, database: Database, kind: str, processes: int) -> AbstractAsyncContextManager[Crew]:
        """Worker processes, ready for work."""

    def draining(
        self, database: Database, work: Work, processes: int, meter: Meter
    ) -> AbstractAsyncContextManager[Crew]:
        """Loads the work, starts the meter and lets workers go at it."""

    def produce(self, database: Database, verb: str, **options: Any) -> AbstractAsyncContextManager[Program]:
        """A producer program: `single`, `steady` or `probe`."""

    async def is_done(self, connection: Connection, crew: Crew, work: Work) -> bool:
        """Whether nothing of this work is left; asked again and again while the workers work."""

    async def left(self, connection: Connection, crew: Crew, work: Work) -> int:
        """How much of this work is left, by what costs the workers little; asked every few seconds."""

    async def waiting(self, database: Database, kind: str) -> int:
        """How many tasks are not done, exactly."""

    async def span(self, database: Database, crew: Crew, work: Work) -> Span:
        """The drain that has just ended."""

    async def done_between(self, database: Database, crew: Crew, kind: str, begun: float, ended: float) -> Line:
        """Tasks done between two moments of the machine's monotonic clock; ours adds the waits."""

    async def starts_ms(self, database: Database, crew: Crew) -> list[float]:
        """Milliseconds from before the enqueue to the handler's start, of all probes; the crew has ended."""

    async def prove(self, database: Database, crew: Crew, work: Work) -> None:
        """Raises WrongRun unless each task was done once. The crew has ended."""


async def drained(system: System, database: Database, crew: Crew, work: Work, stall_s: float = STALL_S) -> None:
    """Waits until nothing is left to do; raises Stalled where nothing gets done."""
    watch = Watch(f"{work.kind} tasks are left, and no worker of {system.name} gets any done", stall_s)
    async with database.connect() as connection:
        while not await system.is_done(connection, crew, work):
            crew.check()
            if watch.due:
                watch.saw(await system.left(connection, crew, work))
            await asyncio.sleep(LOOK_S)
