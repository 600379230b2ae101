"""T05: workers behind PgBouncer in transaction mode, killed now and then."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from tests.pooler import MISSING, PGBOUNCER, pgbouncer
from tests.torture.crew import Crew, all_ended, answer_of, producer
from tests.torture.figures import Result, exactly, told
from tests.torture.nemeses.kill_worker import kill_some_worker
from tests.torture.producer import Plan
from tests.torture.scenario import Size
from tests.torture.stage import Stage

TESTS: Final = ("T05",)
TITLE: Final = "workers behind a pooler in transaction mode"
QUICK: Final = None  # tests/processes/test_pooler.py
LONG: Final = {"tasks": 20_000, "rate": 400, "kills": 5}


def needs() -> str | None:
    return None if PGBOUNCER else MISSING


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.ground(choose) as ground, pgbouncer(ground.dsn, sessions=12) as pooled:
        db = await ground.connect()
        crew = Crew(ground, lease_s="5")
        crew.dsn = pooled
        for _ in range(2):
            await crew.single()
        await crew.up(2)
        plan = Plan(size["tasks"], rate=size["rate"], ms=(0, 20), slots=50, seed=choose.randrange(2**31))
        producing = await producer(ground, plan)
        for _ in range(size["kills"]):
            await asyncio.sleep(0.8 * size["tasks"] / size["rate"] / size["kills"])
            await kill_some_worker(crew, choose)
            await crew.replace_dead()
        await answer_of(producing)
        await all_ended(ground, 120, crew.replace_dead)
        locks = await db.fetchval("select count(*) from pg_locks where locktype = 'advisory'")
        result.add(told("tasks", size["tasks"]), told("kills", size["kills"]))
        result.add(exactly("advisory locks left", locks, 0))
        result.judge(await ground.check(5))
        await crew.stop()
