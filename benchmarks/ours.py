"""Our own engine as a system under test: real `rowmill work` processes, plain INSERTs, figures from public tables."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from benchmarks.figures import OURS
from benchmarks.measure import Meter
from benchmarks.programs import Line, Program, running
from benchmarks.server import QUERIES, BenchServer, Database
from benchmarks.stall import within
from benchmarks.system import Crew, Span, Work, WrongRun
from core.cli.main import app
from core.db.connect import Connection

CHUNK: Final = 20_000
ENOUGH: Final = 5_000  # tasks for each worker: fewer may be gone in one claim
READY_S: Final = 30.0
EVERY: Final = 2**31 - 1
SHEETS: Final = "sheets"
WORKER_SETTINGS: Final = {"ROWMILL_LOG_LEVEL": "warning"}


def task_type_of(kind: str) -> str:
    return f"bench.{kind}"


@dataclass(frozen=True, slots=True)
class Trade:
    """What the workers of a crew run: their domain, what `--only` says, and the types that must be ready."""

    domain: str
    only: str
    types: tuple[str, ...]


def trade_of(kind: str) -> Trade:
    if kind == SHEETS:
        types = ("spreadsheets.transform", "spreadsheets.fill_cells")
        return Trade("workers.spreadsheets", "spreadsheets.*", types)
    return Trade("benchmarks.domain", task_type_of(kind), (task_type_of(kind),))


class Rowmill:
    """Rowmill as it is in this folder."""

    name = OURS

    def __init__(self, server: BenchServer) -> None:
        self._server = server
        self.version = str(app.version)

    def fresh(self) -> AbstractAsyncContextManager[Database]:
        return self._server.migrated()

    async def load(self, database: Database, work: Work) -> Line:
        began = time.monotonic()
        async with database.connect() as connection:
            if work.rows:
                await QUERIES["add_cells"].fetch(connection, rows=work.rows)
            more = {"rows": work.rows} if work.rows else {}
            statement = QUERIES["load_audited" if work.rows else "load_noop"]
            for first in range(1, work.count + 1, CHUNK):
                last = min(first + CHUNK - 1, work.count)
                await statement.fetch(connection, task_type=task_type_of(work.kind), first=first, last=last, **more)
        return {"count": work.count, "seconds": time.monotonic() - began}

    @asynccontextmanager
    async def crew(self, database: Database, kind: str, processes: int) -> AsyncIterator[Crew]:
        async with AsyncExitStack() as stack:
            trade = trade_of(kind)
            starts = [self._worker(database, trade) for _ in range(processes)]
            crew = Crew([await stack.enter_async_context(start) for start in starts])
            for task_type in trade.types:
                await self._ready(database, crew, task_type)
            yield crew
            await asyncio.gather(*(program.stop() for program in crew.programs))

    def _worker(self, database: Database, trade: Trade) -> AbstractAsyncContextManager[Program]:
        identity = ("--worker-id", str(uuid.uuid4()), "--parent-pid", str(os.getpid()))
        command = (sys.executable, "-m", "core.cli", "work", "--only", trade.only, *identity)
        environment = {"ROWMILL_DATABASE_URL": database.dsn, "ROWMILL_DOMAINS": trade.domain}
        return running("rowmill worker", command, {**WORKER_SETTINGS, **environment})

    async def _ready(self, database: Database, crew: Crew, task_type: str) -> None:
        """Each worker has a gate row, or has begun to work."""
        async with (
            within(READY_S, f"{len(crew.programs)} workers did not get ready for {task_type}"),
            database.connect() as connection,
        ):
            while True:
                crew.check()
                sleepers = (await QUERIES["asleep"].fetch(connection, task_type=task_type))[0]["sleepers"]
                busy = (await QUERIES["begun"].fetch(connection, task_type=task_type))[0]["workers"]
                if max(sleepers, busy) >= len(crew.programs):
                    return
                await asyncio.sleep(0.02)

    @asynccontextmanager
    async def draining(self, database: Database, work: Work, processes: int, meter: Meter) -> AsyncIterator[Crew]:
        """The type is paused while its workers start and its tasks are enqueued."""
        task_type = task_type_of(work.kind)
        async with self.crew(database, work.kind, processes) as crew, database.connect() as connection:
            await QUERIES["pause"].fetch(connection, task_type=task_type)
            await self.load(database, work)
            await meter.start()
            await QUERIES["resume"].fetch(connection, task_type=task_type)
            yield crew

    def produce(self, database: Database, verb: str, **options: Any) -> AbstractAsyncContextManager[Program]:
        given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items() if value is not None]
        command = (sys.executable, "-m", "benchmarks.producer", verb, database.dsn, *given)
        return running(f"rowmill producer {verb}", command, {})

    async def is_done(self, connection: Connection, crew: Crew, work: Work) -> bool:
        rows = await QUERIES["unfinished"].fetch(connection, task_type=task_type_of(work.kind), most=1)
        return not rows[0]["bench_left"]

    async def left(self, connection: Connection, crew: Crew, work: Work) -> int:
        return await _left(connection, work.kind)

    async def waiting(self, database: Database, kind: str) -> int:
        async with database.connect() as connection:
            return await _left(connection, kind)

    async def span(self, database: Database, crew: Crew, work: Work) -> Span:
        async with database.connect() as connection:
            row = (await QUERIES["span"].fetch(connection, task_type=task_type_of(work.kind)))[0]
        if row["workers"] < len(crew.programs) and work.count > ENOUGH * len(crew.programs):
            raise WrongRun(f"only {row['workers']} of {len(crew.programs)} workers did any work; enqueue more tasks")
        return Span(row["tasks"], row["seconds"])

    async def done_between(self, database: Database, crew: Crew, kind: str, begun: float, ended: float) -> Line:
        async with database.connect() as connection:
            now = (await QUERIES["server_time"].fetch(connection))[0]["now"]
            ago = time.monotonic()
            row = (
                await QUERIES["completed_between"].fetch(
                    connection,
                    task_type=task_type_of(kind),
                    begun=now - timedelta(seconds=ago - begun),
                    ended=now - timedelta(seconds=ago - ended),
                )
            )[0]
        return {"tasks": row["tasks"], "wait p50 ms": row["waits_ms"][0], "wait p99 ms": row["waits_ms"][1]}

    async def starts_ms(self, database: Database, crew: Crew) -> list[float]:
        async with database.connect() as connection:
            return [row["start_ms"] for row in await QUERIES["probe_starts"].fetch(connection)]

    async def prove(self, database: Database, crew: Crew, work: Work) -> None:
        async with database.connect() as connection:
            row = (await QUERIES["proof"].fetch(connection, task_type=task_type_of(work.kind)))[0]
            if any(row[name] != work.count for name in ("tasks", "completed", "runs", "succeeded")):
                raise WrongRun(f"{work.count} tasks were enqueued; the tables say {dict(row)}")
            if work.rows:
                row = (await QUERIES["cells_proof"].fetch(connection))[0]
                if any(row[name] != work.count for name in ("edits", "tasks", "contents")):
                    raise WrongRun(f"{work.count} cells were to be written; the edits say {dict(row)}")
                if row["broken"] or row["misplaced"]:
                    raise WrongRun(f"the chain of edits is broken: {dict(row)}")


async def _left(connection: Connection, kind: str) -> int:
    rows = await QUERIES["unfinished"].fetch(connection, task_type=task_type_of(kind), most=EVERY)
    return int(rows[0]["bench_left"])
