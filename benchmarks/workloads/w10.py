"""W10: memory of a worker process with 1, 100 and 1,000 slots: idle, with all slots taken, and afterwards."""

from __future__ import annotations

import asyncio
from typing import Final

from benchmarks import cpu
from benchmarks.bench import Bench
from benchmarks.figures import Figure, Sample
from benchmarks.server import QUERIES, Database
from benchmarks.stall import Watch
from benchmarks.system import Work, drained

NAME: Final = "w10"
TITLE: Final = "memory of a worker"
IDLE: Final = "idle MB"
FULL: Final = "all slots taken MB"
AFTER: Final = "afterwards MB"


def variant(slots: int) -> str:
    return f"{slots:,} slot{'s' if slots > 1 else ''}"


async def run(bench: Bench) -> list[Figure]:
    figures: list[Figure] = []
    for slots in bench.sizes.slots:

        async def once(n: int = slots) -> Sample:
            return await _hold(bench, n)

        figures += await bench.measured(NAME, bench.ours.name, variant(slots), once)
    return figures


async def _hold(bench: Bench, slots: int) -> Sample:
    work = Work(f"hold_{slots}", slots)
    async with bench.ours.fresh() as database:
        async with bench.ours.crew(database, work.kind, 1) as crew, bench.metered(database) as meter:
            pid = crew.programs[0].pid
            idle = cpu.resident_mb(pid)
            await bench.ours.load(database, work)
            await _taken(database, f"bench.{work.kind}", slots)
            full = cpu.resident_mb(pid)
            await drained(bench.ours, database, crew, work)
            after = cpu.resident_mb(pid)
        await bench.ours.prove(database, crew, work)
        return meter.sample({IDLE: idle, FULL: full, AFTER: after})


async def _taken(database: Database, task_type: str, slots: int) -> None:
    """Every slot holds a task."""
    watch = Watch(f"of {slots} slots are taken")
    async with database.connect() as connection:
        while (found := (await QUERIES["running"].fetch(connection, task_type=task_type))[0]["tasks"]) < slots:
            watch.saw(found)
            await asyncio.sleep(0.02)
