"""T17: a million tasks of one type are pending and being worked off by the same workers, while now and then a task of
another type comes. It does not wait behind them."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from tests.running import until
from tests.torture.crew import Crew
from tests.torture.figures import Result, at_most, percentile, told
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Stage

TESTS: Final = ("T17",)
TITLE: Final = "a million pending tasks of another type"
QUICK: Final = None
LONG: Final = {"flood": 1_000_000, "probes": 200, "pause_s": 0.1}
needs = nothing_needed

LEFT: Final = "select count(*) from task_queue where task_type = $1 and status = 'pending'"
LOAD: Final = """
insert into task_queue (task_type, payload)
select $2, jsonb_build_object('n', i, 'ms', 5) from generate_series(1, $1::int) i
"""
PROBE: Final = """
insert into task_queue (task_type, payload) values ('torture.work', jsonb_build_object('n', $1::int)) returning id
"""
DONE: Final = """
select count(*) = $1::int from task_queue where task_type = 'torture.work' and status = 'completed'
"""
PICK_UPS: Final = """
select extract(epoch from started_at - created_at)::float8 * 1000 as ms
from task_queue where task_type = 'torture.work' and status = 'completed'
"""


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    for title, flood in (("that nobody works off", "torture.unknown"), ("being worked off", "torture.flood")):
        async with stage.ground(choose, watched=False) as ground:
            db = await ground.connect()
            await db.execute(LOAD, size["flood"], flood)
            await db.execute("analyze task_queue; checkpoint")
            crew = Crew(ground, lease_s="15")
            for _ in range(2):
                await crew.single()
            await crew.up(2)
            for n in range(size["probes"]):
                await db.execute(PROBE, 10**9 + n)
                await asyncio.sleep(size["pause_s"] * choose.uniform(0.5, 1.5))
            await until(lambda: db.fetchval(DONE, size["probes"]), 60, "the probes")  # noqa: B023 - awaited here
            left = await db.fetchval(
                "select count(*) from task_queue where task_type = $1 and status = 'pending'", flood
            )
            waits = [row["ms"] for row in await db.fetch(PICK_UPS)]
            result.add(told(f"flood {title}: left at the end", left))
            result.add(told(f"pick-up p50 beside a flood {title}", percentile(waits, 0.5), "ms"))
            result.add(at_most(f"pick-up p99 beside a flood {title}", percentile(waits, 0.99), 100, "ms"))
            for single in crew.singles:
                single.process.kill()
