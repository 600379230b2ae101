"""T04: the way of one worker to its server goes silent, without any reset, for longer than its lease. Another one does
its tasks; when the way is open again it finds back by itself, and what it had under way is not written twice."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final

from tests.running import until
from tests.torture.crew import Crew, all_ended, answer_of, producer
from tests.torture.figures import Result, at_least, at_most, percentile, told
from tests.torture.nemeses.mute import Mute
from tests.torture.producer import Plan
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Stage

TESTS: Final = ("T04",)
TITLE: Final = "half-open connections"
QUICK: Final = None
LONG: Final = {"cuts": 2, "cut_s": 15, "rate": 200, "lease_s": 5}
needs = nothing_needed

SILENT: Final = """
select extract(epoch from n.at - $1)::float8 as s from torture_moves m
cross join lateral (select n.at from torture_moves n where n.task_id = m.task_id and n.move_no > m.move_no
    and n.becomes = 'processing' order by n.move_no limit 1) n
where m.was = 'processing' and m.becomes = 'pending' and m.at >= $1
"""
HOLDS: Final = "select count(*) >= 20 from task_queue where status = 'processing' and worker_id = $1"
CLAIMS: Final = "select count(*) from torture_moves where becomes = 'processing' and worker_becomes = $1 and at > $2"


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.ground(choose) as ground, Mute(ground.dsn) as mute:
        db = await ground.connect()
        cut, whole = (Crew(ground, lease_s=str(size["lease_s"])) for _ in range(2))
        cut.dsn = mute.dsn
        await cut.single()
        (worker_id,) = await cut.up(1)
        await whole.single()
        await whole.up(2)
        total = int(size["rate"] * size["cuts"] * (size["cut_s"] + 15))
        plan = Plan(total, rate=size["rate"], batch=5, ms=(0, 1000), slots=50, seed=choose.randrange(2**31))
        producing = await producer(ground, plan)
        again: list[float] = []
        back: list[float] = []
        for _ in range(size["cuts"]):
            await until(lambda: db.fetchval(HOLDS, worker_id), 60, "tasks in its hands")
            mute.cut()
            at = await db.fetchval("select clock_timestamp()")
            await asyncio.sleep(size["cut_s"])
            again += [row["s"] for row in await db.fetch(SILENT, at)]
            mute.heal()
            healed, began = await db.fetchval("select clock_timestamp()"), time.monotonic()
            await until(lambda: db.fetchval(f"select ({CLAIMS}) > 0", worker_id, healed), 60, "its next claim")  # noqa: B023
            back.append(time.monotonic() - began)
        await answer_of(producing)
        await all_ended(ground, 120)
        limit = 2 * size["lease_s"] + 2
        result.add(told("cuts", size["cuts"]))
        result.add(at_least("tasks in the hands of a worker that was cut off", len(again), size["cuts"]))
        result.add(at_most("done elsewhere after the cut, p99", percentile(again, 0.99), limit, "s"))
        result.add(at_most("back at work after the way was open, at most", max(back), 12, "s"))
        result.judge(await ground.check(size["lease_s"]))
        await whole.stop()
        await cut.stop()
