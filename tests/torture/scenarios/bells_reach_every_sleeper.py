"""T02: polling is off, producers keep their transactions open for up to 50 ms, workers fall asleep again and again:
every task is picked up, none is waited for longer than a quarter of a second."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final

from core.db.connect import Connection
from tests.torture.crew import Crew, all_ended
from tests.torture.figures import Result, at_most, exactly, percentile, told
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Ground, Stage

TESTS: Final = ("T02",)
TITLE: Final = "wake-ups without polling, producers with open transactions"
QUICK: Final = {"tasks": 600, "producers": 6}
LONG: Final = {"tasks": 8_000, "producers": 8}
needs = nothing_needed

LATE_MS: Final = 250.0
INSERT: Final = """
insert into task_queue (task_type, payload) values ('torture.work', jsonb_build_object('n', $1::int)) returning id
"""
STARTED: Final = "select id, extract(epoch from started_at)::float8 as at from task_queue"


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.ground(choose, watched=False) as ground:
        crew = Crew(ground, lease_s="15", poll_s="0")
        for _ in range(2):
            await crew.single()
        await crew.up(2)
        each = size["tasks"] // size["producers"]
        seeds = [choose.randrange(2**31) for _ in range(size["producers"])]
        committed = await asyncio.gather(
            *(_produce(ground, at * each, each, random.Random(seed)) for at, seed in enumerate(seeds))
        )
        await all_ended(ground, 30)
        db = await ground.connect()
        started = {row["id"]: row["at"] for row in await db.fetch(STARTED)}
        late = [(started[task_id] - at) * 1000 for part in committed for task_id, at in part.items()]
        result.add(told("tasks", len(late)), told("pick-up after commit p50", max(percentile(late, 0.5), 0), "ms"))
        result.add(told("pick-up after commit p99", percentile(late, 0.99), "ms"))
        result.add(exactly(f"picked up later than {LATE_MS:g} ms", sum(ms > LATE_MS for ms in late), 0))
        result.add(at_most("latest", max(late), LATE_MS, "ms"))
        result.judge(await ground.check(15))
        await crew.stop()


async def _produce(ground: Ground, first: int, count: int, choose: random.Random) -> dict[object, float]:
    """Single tasks, each in a transaction that stays open for a while; when each commit was answered."""
    session: Connection = await ground.connect()
    answered: dict[object, float] = {}
    for n in range(first, first + count):
        transaction = session.transaction()
        await transaction.start()
        await asyncio.sleep(choose.uniform(0, 0.025))
        task_id = await session.fetchval(INSERT, n)
        await asyncio.sleep(choose.uniform(0, 0.025))
        await transaction.commit()
        answered[task_id] = time.time()
        await asyncio.sleep(choose.choice((0, 0.005, 0.02, 0.1)) * choose.random())
    return answered
