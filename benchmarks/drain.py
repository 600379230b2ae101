"""A drain: tasks are enqueued first, then workers do them all. The rate counts from the moment on which every worker
has begun, so that the start of processes is no part of it."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.figures import RATE, Sample
from benchmarks.measure import Meter
from benchmarks.server import Database
from benchmarks.system import System, Work, drained


async def fresh_drain(bench: Bench, system: System, work: Work, processes: int = 1) -> Sample:
    """A drain in a database of its own, with its proof."""
    async with system.fresh() as database:
        return await drain(bench, system, database, work, processes)


async def drain(bench: Bench, system: System, database: Database, work: Work, processes: int = 1) -> Sample:
    meter = Meter(bench.server, database)
    async with system.draining(database, work, processes, meter) as crew:
        await drained(system, database, crew, work)
        await meter.work_done()
        span = await system.span(database, crew, work)
    await meter.stop()
    await system.prove(database, crew, work)
    return meter.sample({RATE: span.rate} | meter.statement_costs(work.count), work.count)
