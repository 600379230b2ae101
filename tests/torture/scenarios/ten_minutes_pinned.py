"""T06, the long form: a steady input, and after a while a session that pins vacuum for minutes. Tasks are picked up as
before, no backlog grows."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from tests.torture.crew import Crew, all_ended, answer_of, producer
from tests.torture.figures import Result, at_least, at_most, told
from tests.torture.nemeses.pin_xmin import pinned
from tests.torture.producer import Plan
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Stage

TESTS: Final = ("T06",)
TITLE: Final = "a steady input while a session pins vacuum for minutes"
QUICK: Final = None
LONG: Final = {"rate": 500, "before_s": 30, "pinned_s": 600}
needs = nothing_needed

BETWEEN: Final = (
    "created_at between clock_timestamp() - $1 * interval '1 second' and clock_timestamp() - interval '1 second'"
)
PICK_UP: Final = f"""
select percentile_cont(0.99) within group (order by extract(epoch from started_at - created_at) * 1000)
from task_queue where status = 'completed' and {BETWEEN}
"""
DONE: Final = f"select count(*) filter (where status = 'completed') / count(*)::float8 from task_queue where {BETWEEN}"
BACKLOG: Final = "select count(*) from task_queue where status = 'pending'"


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.ground(choose, watched=False) as ground:
        db = await ground.connect()
        crew = Crew(ground, lease_s="15")
        await crew.fleet(2)
        await crew.up(2)
        total = int(size["rate"] * (size["before_s"] + size["pinned_s"]))
        producing = await producer(ground, Plan(total, rate=size["rate"], batch=5))
        await asyncio.sleep(size["before_s"])
        before = float(await db.fetchval(PICK_UP, 0.8 * size["before_s"]))
        async with pinned(ground):
            await asyncio.sleep(size["pinned_s"] - 5)
            last = min(60.0, 0.5 * size["pinned_s"])
            held = float(await db.fetchval(PICK_UP, last))
            done, backlog = await db.fetchval(DONE, last), await db.fetchval(BACKLOG)
            await answer_of(producing)
            await all_ended(ground, 120)
        result.add(told("input", size["rate"], "tasks/s"), told("pinned for", size["pinned_s"], "s"))
        result.add(told("pick-up p99 before", before, "ms"))
        result.add(at_most("pick-up p99 in the last minute pinned", held, max(2 * before, 25.0), "ms"))
        result.add(at_least("tasks of the last minute that are done", float(done), 0.9))
        result.add(at_most("backlog at the end", backlog, 5 * size["rate"]))
        result.judge(await ground.check(15))
        await crew.stop()
