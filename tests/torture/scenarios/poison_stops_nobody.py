"""T13: a flood of rows that no operator can take, and some that nobody knows, between good ones. No worker ends, every
bad row comes to a visible end with a readable reason, and the good ones hardly notice."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final

from core.db.connect import Connection
from tests.running import until
from tests.torture.crew import Crew
from tests.torture.figures import Result, at_most, exactly, told
from tests.torture.nemeses.poison import FLOODS, UNKNOWN
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Stage

TESTS: Final = ("T13",)
TITLE: Final = "a flood of malformed tasks among good ones"
QUICK: Final = {"bad": 2_000, "good": 500, "timed": False}
LONG: Final = {"bad": 100_000, "good": 10_000, "timed": True}
needs = nothing_needed

PACE: Final = (20, 0.05)  # good rows in a transaction, and seconds from one to the next
GOOD: Final = """
insert into task_queue (task_type, payload, priority)
select 'torture.work', jsonb_build_object('n', i), 10 from generate_series($1::int, $2::int) i
"""
WAIT_P99: Final = """
select percentile_cont(0.99) within group (order by extract(epoch from completed_at - created_at) * 1000)
from task_queue where status = 'completed' and (payload ->> 'n')::int between $1 and $2
"""
BAD: Final = "from task_queue where (payload ->> 'n' is null or jsonb_typeof(payload -> 'n') <> 'number')"
TERMINAL: Final = f"select count(*) {BAD} and status = 'failed' and length(error_message) > 10"
WAITING: Final = "select count(*) from task_queue where task_type = $1 and status = 'pending'"
EXPLAINED: Final = "select public.explain_task(id) from task_queue where task_type = $1 limit 1"


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.ground(choose) as ground:
        db = await ground.connect()
        crew = Crew(ground)
        await crew.single()
        alive = await crew.up(1)
        baseline = await _good(db, 1, size["good"])
        each = size["bad"] // len(FLOODS)
        for flood in FLOODS:
            await db.execute(flood, each)
        await db.execute(UNKNOWN, each)
        loaded = await _good(db, size["good"] + 1, 2 * size["good"])
        await all_ended_but(db, 300)
        bad = each * len(FLOODS)
        result.add(told("bad rows", bad), told("good rows", 2 * size["good"]))
        result.add(exactly("bad rows that ended with a reason", await db.fetchval(TERMINAL), bad))
        result.add(exactly("rows of an unknown type, waiting", await db.fetchval(WAITING, "torture.unknown"), each))
        result.add(told("p99 of good rows alone", baseline, "ms"))
        ratio = loaded / max(baseline, 50.0)  # of short times the noise is more than half
        name = "p99 of good rows in the flood, of that alone"
        result.add(at_most(name, ratio, 2.0) if size["timed"] else told(name, ratio))
        result.add(exactly("workers that ended", len(alive.keys() - (await crew.alive()).keys()), 0))
        explained = await db.fetchval(EXPLAINED, "torture.unknown")
        result.add(exactly("an unknown type is explained", float("no live worker knows" in str(explained)), 1))
        result.judge(await ground.check())
        await crew.stop()


async def _good(db: Connection, low: int, high: int) -> float:
    """Good rows at a steady pace; waits for their end. p99 from creation to completion, in ms."""
    size, pause_s = PACE
    due = time.monotonic()
    for at in range(low, high + 1, size):
        await asyncio.sleep(max(due - time.monotonic(), 0))
        await db.execute(GOOD, at, min(at + size - 1, high))
        due += pause_s
    await _ended(db, f"(payload ->> 'n') ~ '^[0-9]+$' and (payload ->> 'n')::bigint between {low} and {high}")
    return float(await db.fetchval(WAIT_P99, low, high))


async def all_ended_but(db: Connection, limit_s: float) -> None:
    await _ended(db, "task_type <> 'torture.unknown'", limit_s)


async def _ended(db: Connection, which: str, limit_s: float = 120) -> None:
    sql = f"select not exists (select from task_queue where status in ('pending', 'processing') and {which})"
    await until(lambda: db.fetchval(sql), limit_s, f"the end of tasks with {which}")
