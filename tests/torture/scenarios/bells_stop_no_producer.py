"""T03: two hundred thousand rows in one INSERT, rows of 64 kB, and bells that somebody else rings, large and strange
ones: no producer sees an error, the queue of notifications stays empty, workers go on."""

from __future__ import annotations

import random
from typing import Final

import asyncpg

from tests.torture.crew import Crew, all_ended
from tests.torture.figures import Result, at_most, exactly, told
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Stage

TESTS: Final = ("T03",)
TITLE: Final = "floods of rows and of hostile bells"
QUICK: Final = {"rows": 5_000, "large": 50, "bells": 500}
LONG: Final = {"rows": 200_000, "large": 2_000, "bells": 100_000}
needs = nothing_needed

FLOOD: Final = """
insert into task_queue (task_type, payload)
select 'torture.work', jsonb_build_object('n', i) from generate_series(1, $1::int) i
"""
LARGE: Final = """
insert into task_queue (task_type, payload)
select 'torture.work', jsonb_build_object('n', 10000000 + i, 'more', array(
    select md5((i * 1000 + k)::text) from generate_series(1, 1500) k))
from generate_series(1, $1::int) i
"""
HOSTILE: Final = (
    "select pg_notify('new_task', repeat('x', 7999)) from generate_series(1, $1::int)",
    "select pg_notify('new_task', i::text) from generate_series(1, $1::int) i",
    "select pg_notify('new_task', 'torture.work') from generate_series(1, $1::int)",
    "select pg_notify('rowmill_probe', chr(27) || i) from generate_series(1, $1::int) i",
)


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.ground(choose, watched=False) as ground:
        db = await ground.connect()
        crew = Crew(ground, lease_s="15")
        await crew.single()
        alive = await crew.up(1)
        errors, fullest = 0, 0.0
        for statement, count in (
            *((each, size["bells"]) for each in HOSTILE),
            (FLOOD, size["rows"]),
            (LARGE, size["large"]),
        ):
            try:
                await db.execute(statement, count)
            except asyncpg.PostgresError:
                errors += 1
            fullest = max(fullest, await db.fetchval("select pg_notification_queue_usage()"))
        await all_ended(ground, 300)
        result.add(told("rows", size["rows"] + size["large"]), told("foreign bells", size["bells"] * len(HOSTILE)))
        result.add(exactly("errors of producers", errors, 0))
        result.add(at_most("fullest queue of notifications", 100 * fullest, 1, "%"))
        result.add(exactly("workers that ended", len(alive.keys() - (await crew.alive()).keys()), 0))
        result.judge(await ground.check(15))
        await crew.stop()
