"""T23: the primary is killed and its synchronous standby promoted, again and again, under load. What was acknowledged
is there, no effect twice; an old primary that comes back acknowledges nothing."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

import asyncpg

from core import domains
from core.db.migrate import migrate
from tests.processes.programs import Programs
from tests.torture import checker
from tests.torture.crew import Crew, all_ended, answer_of, producer
from tests.torture.figures import Result, exactly, told
from tests.torture.nemeses.failover import Pair
from tests.torture.producer import Plan
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import DOMAIN, Ground, Stage

TESTS: Final = ("T23",)
TITLE: Final = "failover to a synchronous standby"
QUICK: Final = None
LONG: Final = {"failovers": 6, "rate": 300, "between_s": 3}
needs = nothing_needed


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    place = Path(mkdtemp(prefix="pair-", dir=stage.home))
    place.chmod(0o755)
    pair = Pair(place)
    programs = Programs(place)
    try:
        await pair.open()
        session = await asyncpg.connect(pair.primary.dsn())
        await session.execute("create database failing")
        await session.close()
        await migrate(pair.primary.dsn("failing"), domains.discover([DOMAIN]))
        ground = Ground(pair, "failing", place, choose, programs)
        await checker.watch(await ground.connect())
        await _play(ground, pair, size, result)
        await ground.close()
    finally:
        await programs.close()
        await pair.close()
        shutil.rmtree(place, ignore_errors=True)


async def _play(ground: Ground, pair: Pair, size: Size, result: Result) -> None:
    crew = Crew(ground, lease_s="5")
    for _ in range(2):
        await crew.single()
    await crew.up(2)
    total = int(size["rate"] * size["failovers"] * (size["between_s"] + 3))
    producing = await producer(
        ground, Plan(total, rate=size["rate"], batch=10, ms=(0, 20), slots=50, seed=ground.choose.randrange(2**31))
    )
    refused = 0
    for _ in range(size["failovers"]):
        await asyncio.sleep(size["between_s"] * ground.choose.uniform(0.5, 1.5))
        await pair.fail_over()
        refused += await pair.revived_refuses_writes()
        await pair.repair()
        await crew.replace_dead()
    unknown = (await answer_of(producing))["unknown"]
    await all_ended(ground, 120, crew.replace_dead)
    result.add(
        told("failovers", size["failovers"]), told("tasks", total + unknown), told("unanswered inserts", unknown)
    )
    result.add(exactly("old primaries that acknowledged a write", size["failovers"] - refused, 0))
    result.judge(await ground.check(5))
    await crew.stop()
