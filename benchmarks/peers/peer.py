"""A peer as a system under test: its adapter's program for every step, the same proofs as ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.measure import Meter
from benchmarks.peers.environments import Recipe
from benchmarks.programs import STATE, Line, Program, run, running
from benchmarks.server import BenchServer, Database
from benchmarks.system import Crew, Span, Work, WrongRun
from core.db.connect import Connection
from core.db.statements import Catalog

QUERIES: Final = Catalog(Path(__file__).with_name("cells.sql"))
SCHEMA: Final = Path(__file__).with_name("cells_schema.sql")


class Peer:
    """One other queue."""

    def __init__(self, server: BenchServer, recipe: Recipe) -> None:
        self._server, self._recipe = server, recipe
        self.name, self.version = recipe.name, recipe.version

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[Database]:
        async with self._server.empty() as database:
            async with database.connect() as connection:
                await connection.execute(SCHEMA.read_text(encoding="utf-8"))
            await self._ask(database, "setup")
            yield database

    async def load(self, database: Database, work: Work) -> Line:
        if work.rows:
            async with database.connect() as connection:
                await QUERIES["add_cells"].fetch(connection, rows=work.rows)
        told = await self._ask(database, "load", **work.options)
        async with database.connect() as connection:
            await connection.execute("analyze")  # as a table is that has lived: some plans are bad without it
        return told

    @asynccontextmanager
    async def crew(self, database: Database, kind: str, processes: int) -> AsyncIterator[Crew]:
        async with AsyncExitStack() as stack:
            crew = Crew([])
            for number in range(processes):
                crew.programs.append(await stack.enter_async_context(self._start(database, "work", number, kind=kind)))
            await asyncio.sleep(1.0 if kind == "probe" else 0.0)  # no peer says when it listens
            yield crew
            await asyncio.gather(*(program.stop() for program in crew.programs))

    @asynccontextmanager
    async def draining(self, database: Database, work: Work, processes: int, meter: Meter) -> AsyncIterator[Crew]:
        await self.load(database, work)
        await meter.start()
        async with self.crew(database, work.kind, processes) as crew:
            while not all(_lines(program) for program in crew.programs) and _done(crew) < work.count:
                crew.check()
                await asyncio.sleep(0.005)
            meter.cpu_start()
            yield crew

    def produce(self, database: Database, verb: str, **options: Any) -> AbstractAsyncContextManager[Program]:
        return self._start(database, verb, 0, **options)

    async def is_done(self, connection: Connection, crew: Crew, work: Work) -> bool:
        return _done(crew) >= work.count

    async def left(self, connection: Connection, crew: Crew, work: Work) -> int:
        return work.count - _done(crew)

    async def waiting(self, database: Database, kind: str) -> int:
        left: int = (await self._ask(database, "left"))["left"]
        return left

    async def span(self, database: Database, crew: Crew, work: Work) -> Span:
        """From the moment on which every worker has begun, to the end of the last handler."""
        begun = max(_lines(program)[0]["first"] for program in crew.programs if _lines(program))
        before = sum(_done_at(program, begun) for program in crew.programs)
        ended = max(_lines(program)[-1]["at"] for program in crew.programs if _lines(program))
        return Span(_done(crew) - before, ended - begun)

    async def done_between(self, database: Database, crew: Crew, kind: str, begun: float, ended: float) -> Line:
        done = [_done_at(program, ended) - _done_at(program, begun) for program in crew.programs]
        return {"tasks": sum(done)}

    async def starts_ms(self, database: Database, crew: Crew) -> list[float]:
        return [ms for program in crew.programs if program.lines for ms in program.lines[-1]["starts_ms"]]

    async def prove(self, database: Database, crew: Crew, work: Work) -> None:
        # A worker that came too late to do anything may have ended without a word.
        done = sum(program.lines[-1]["done"] for program in crew.programs if program.lines)
        left = await self.waiting(database, work.kind)
        if done != work.count or left:
            raise WrongRun(f"{self.name}: {work.count} jobs were enqueued, {done} were handled, {left} are left")
        if work.rows:
            async with database.connect() as connection:
                row = (await QUERIES["proof"].fetch(connection, rows=work.rows))[0]
            if (row["edits"], row["contents"], row["untouched"]) != (work.count, work.count, 0):
                raise WrongRun(f"{self.name}: {work.count} cells were to be written; the tables say {dict(row)}")

    async def _ask(self, database: Database, verb: str, **options: Any) -> Line:
        return await run(f"{self.name} {verb}", self._command(database, verb, options), self._environment(database, 0))

    def _start(
        self, database: Database, verb: str, number: int, **options: Any
    ) -> AbstractAsyncContextManager[Program]:
        command = self._command(database, verb, options)
        return running(f"{self.name} {verb}", command, self._environment(database, number))

    def _command(self, database: Database, verb: str, options: dict[str, Any]) -> list[str | Path]:
        return [*self._recipe.program(), verb, database.dsn, json.dumps(options)]

    def _environment(self, database: Database, number: int) -> dict[str, str]:
        return {
            "BENCH_COUNT_FILE": str(STATE / "logs" / f"{database.name}-{number}.count"),
            "BENCH_PEER_HOME": str(self._recipe.home),
            "PYTHONSAFEPATH": "",
        }


def _lines(program: Program) -> list[Line]:
    return [line for line in program.lines if "first" in line]


def _done(crew: Crew) -> int:
    return sum(lines[-1]["done"] for program in crew.programs if (lines := _lines(program)))


def _done_at(program: Program, moment: float) -> int:
    """Between two reports the count is taken to grow evenly."""
    before, count = 0.0, 0
    for line in _lines(program):
        if line["at"] >= moment:
            since = before or line["first"]
            share = (moment - since) / max(line["at"] - since, 1e-9)
            return count + int((line["done"] - count) * min(max(share, 0.0), 1.0))
        before, count = line["at"], line["done"]
    return count
