"""T20: every worker with the fewest connections there may be, sixty-four tasks at once that set the same few rows in
opposite orders, beside people who change them too. No standstill, no attempt used."""

from __future__ import annotations

import asyncio
import random
from typing import Final

import asyncpg

from tests.torture.crew import Crew, all_ended, answer_of, producer
from tests.torture.figures import Result, at_most, exactly, told
from tests.torture.producer import Plan
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Ground, Stage

TESTS: Final = ("T20",)
TITLE: Final = "four connections a worker, hot rows in opposite orders"
QUICK: Final = {"tasks": 3_000, "workers": 2, "slots": 8}
LONG: Final = {"tasks": 40_000, "workers": 3, "slots": 8}
needs = nothing_needed

SESSIONS: Final = """
select max(c) from (select count(*) as c from pg_stat_activity
    where datname = current_database() and application_name like 'rowmill %') x
"""


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.ground(choose) as ground:
        db = await ground.connect()
        plan = Plan(size["tasks"], batch=200, slots=size["slots"], chunks_every=20, seed=choose.randrange(2**31))
        crew = Crew(ground, pool_max="4", commit_connections="2", lease_s="15")
        for _ in range(size["workers"]):
            await crew.single()
        await crew.up(size["workers"])
        meddling = asyncio.create_task(_meddle(ground, size["slots"]))
        try:
            await answer_of(await producer(ground, plan))
            most = await db.fetchval(SESSIONS)
            await all_ended(ground, 120)
        finally:
            meddling.cancel()
            await asyncio.gather(meddling, return_exceptions=True)
        unburnt = "select count(*) from task_queue where status <> 'completed' or attempts <> 1"
        result.add(told("tasks", size["tasks"]), at_most("connections at once", most, 4 * size["workers"]))
        result.add(exactly("tasks that failed or used an attempt", await db.fetchval(unburnt), 0))
        result.add(exactly("deadlocks", await _deadlocks(db), 0))
        result.judge(await ground.check(15))
        await crew.stop()


async def _deadlocks(db: asyncpg.Connection[asyncpg.Record]) -> int:
    await db.execute("select pg_stat_clear_snapshot()")
    return int(await db.fetchval("select deadlocks from pg_stat_database where datname = current_database()"))


async def _meddle(ground: Ground, slots: int) -> None:
    """A person with psql who locks rows in descending order, one after the other, and changes none."""
    session = await ground.connect()
    while True:
        async with session.transaction():
            for slot in range(slots, 0, -1):
                await session.execute("select from torture_slots where id = $1 for update", slot)
                await asyncio.sleep(0.002)
        await asyncio.sleep(0.05)
