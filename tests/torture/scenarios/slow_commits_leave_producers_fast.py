"""T01: a standby that makes each commit take milliseconds; thirty-two producers. The trigger that rings costs them
next to nothing while nobody sleeps; and where somebody sleeps, a task is picked up within milliseconds."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from pathlib import Path
from statistics import median
from tempfile import mkdtemp
from typing import Final

import asyncpg

from core import domains
from core.db.migrate import migrate
from tests.processes.programs import Programs
from tests.running import until
from tests.torture.crew import Crew
from tests.torture.figures import Result, at_least, at_most, percentile, told
from tests.torture.nemeses.failover import Pair
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import DOMAIN, Ground, Stage

TESTS: Final = ("T01",)
TITLE: Final = "producers on a server with slow commits"
QUICK: Final = None
LONG: Final = {"clients": 32, "seconds": 6, "rounds": 3, "probes": 200}
needs = nothing_needed

INSERT: Final = "insert into task_queue (task_type, payload) values ('torture.work', '{\"n\": 1}')"
PICK_UPS: Final = """
select extract(epoch from started_at - created_at)::float8 * 1000 as ms from task_queue where status = 'completed'
"""
DONE: Final = "select not exists (select from task_queue where status in ('pending', 'processing'))"


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    place = Path(mkdtemp(prefix="pair-", dir=stage.home))
    place.chmod(0o755)
    pair, programs = Pair(place, {"recovery_min_apply_delay": "3ms"}), Programs(place)
    try:
        await pair.open()
        session = await asyncpg.connect(pair.primary.dsn())
        await session.execute("create database slow")
        await session.close()
        await migrate(pair.primary.dsn("slow"), domains.discover([DOMAIN]))
        ground = Ground(pair, "slow", place, choose, programs)
        await _rates(ground, size, result)
        await ground.close()
    finally:
        await programs.close()
        await pair.close()
        shutil.rmtree(place, ignore_errors=True)
    await _pick_ups(stage, size, choose, result)


async def _rates(ground: Ground, size: Size, result: Result) -> None:
    db = await ground.connect()
    crew = Crew(ground, lease_s="15")
    await crew.single()
    await crew.up(1)
    rates: dict[str, list[float]] = {"disable": [], "enable": []}
    for _ in range(size["rounds"]):
        for what, found in rates.items():
            await db.execute(f"alter table task_queue {what} trigger task_queue_inserted")
            found.append(await _insert_for(ground, size))
            await until(lambda: db.fetchval(DONE), 120, "the end of all tasks")
    bare, gated = median(rates["disable"]), median(rates["enable"])
    result.add(told("inserts without a trigger", bare, "/s"), told("inserts with the gated trigger", gated, "/s"))
    result.add(at_least("with the trigger, of that without", gated / bare, 0.8))
    await crew.stop()


async def _insert_for(ground: Ground, size: Size) -> float:
    """Single INSERTs, each its own commit that the standby has applied. How many a second."""
    sessions = [
        await asyncpg.connect(ground.dsn, server_settings={"synchronous_commit": "remote_apply"})
        for _ in range(size["clients"])
    ]
    began = time.monotonic()
    counts = await asyncio.gather(*(_insert_until(each, began + size["seconds"]) for each in sessions))
    spent = time.monotonic() - began
    for each in sessions:
        await each.close()
    return sum(counts) / spent


async def _insert_until(session: asyncpg.Connection[asyncpg.Record], deadline: float) -> int:
    count = 0
    while time.monotonic() < deadline:
        await session.execute(INSERT)
        count += 1
    return count


async def _pick_ups(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    """One task at a time for a worker that sleeps, on a server with fast commits."""
    async with stage.ground(choose, watched=False) as ground:
        db = await ground.connect()
        crew = Crew(ground, lease_s="15")
        await crew.single()
        await crew.up(1)
        await asyncio.sleep(1)
        for _ in range(size["probes"]):
            await db.execute(INSERT)
            await asyncio.sleep(choose.uniform(0.04, 0.12))
        await until(lambda: db.fetchval(DONE), 30, "the probes")
        waits = [row["ms"] for row in await db.fetch(PICK_UPS)]
        result.add(at_most("idle pick-up p50", percentile(waits, 0.5), 5, "ms"))
        result.add(at_most("idle pick-up p99", percentile(waits, 0.99), 25, "ms"))
        await crew.stop()
