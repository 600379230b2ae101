"""T07, T08: what a claim costs, whatever lies beside its tasks: a million future tasks of a higher priority, a million
of another type, ten million finished ones; with old statistics and with new. And what the views of a dashboard cost
then."""

from __future__ import annotations

import random
import time
from pathlib import Path
from statistics import median
from typing import Final

from core.db.connect import Connection
from tests.running import until
from tests.torture.crew import Crew
from tests.torture.figures import Result, at_most, percentile, told
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Ground, Stage

TESTS: Final = ("T07", "T08")
TITLE: Final = "millions of rows beside the tasks"
QUICK: Final = None
LONG: Final = {"beside": 1_000_000, "finished": 10_000_000, "claims": 200}
needs = nothing_needed

CLAIM: Final = "select count(*) from rowmill.claim('torture.work', 'by hand', 10, false, false, null)"
TASKS: Final = """
insert into task_queue (task_type, payload)
select 'torture.work', jsonb_build_object('n', i) from generate_series(1, $1::int) i
"""
FUTURE: Final = """
insert into task_queue (task_type, payload, priority, scheduled_for)
select 'torture.work', jsonb_build_object('n', i), 9, now() + interval '1 day' from generate_series(1, $1::int) i
"""
OTHERS: Final = """
insert into task_queue (task_type, payload)
select 'torture.unknown', jsonb_build_object('n', i) from generate_series(1, $1::int) i
"""
FINISHED: Final = """
insert into task_queue (task_type, payload, status, attempts, run_no, worker_id, started_at, completed_at)
select 'torture.work', jsonb_build_object('n', i), 'completed', 1, 1, 'gone', now(), now()
from generate_series(1, $1::int) i
"""
VIEWS: Final = "select viewname from pg_views where schemaname = 'monitoring' order by viewname"
NOTHING_LEFT: Final = """
select not exists (select from task_queue where task_type = 'torture.work' and status = 'pending' and priority = 5)
"""


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.ground(choose, watched=False) as ground:
        db = await ground.connect()
        await db.execute("set rowmill.quiet = on")
        alone, _ = await _claims(db, size["claims"])
        await db.execute(FUTURE, size["beside"])
        future, _ = await _claims(db, size["claims"])
        await db.execute("analyze task_queue")
        analyzed, _ = await _claims(db, size["claims"])
        await db.execute(OTHERS, size["beside"])
        others, _ = await _claims(db, size["claims"])
        result.add(told("claim of ten tasks alone, p50", alone, "ms"))
        result.add(at_most("beside a million future tasks of a higher priority, of that", future / alone, 1.2))
        result.add(at_most("the same with new statistics, of that", analyzed / alone, 1.2))
        result.add(at_most("and beside a million of another type, of that", others / alone, 1.2))
        for _ in range(10):
            await db.execute(FINISHED, size["finished"] // 10)
        p50, p99 = await _claims(db, size["claims"])
        result.add(told("claim beside ten million finished tasks, p50", p50, "ms"))
        result.add(at_most("claim beside ten million finished tasks, p99", p99, 5, "ms"))
        await db.execute("analyze")
        await _look_at_it(db, result)
        await _drain(ground, db, result)


async def _claims(db: Connection, count: int) -> tuple[float, float]:
    """Claims ten tasks at a time; p50 and p99 in ms."""
    await db.execute(TASKS, 10 * count + 500)
    for _ in range(50):
        await db.fetchval(CLAIM)
    took = []
    for _ in range(count):
        began = time.monotonic()
        assert await db.fetchval(CLAIM) == 10
        took.append((time.monotonic() - began) * 1000)
    await db.execute("update task_queue set status = 'completed' where status = 'processing'")
    return median(took), percentile(took, 0.99)


async def _look_at_it(db: Connection, result: Result) -> None:
    slowest: dict[str, float] = {}
    for row in await db.fetch(VIEWS):
        view, took = row["viewname"], []
        for _ in range(3):
            began = time.monotonic()
            await db.fetch(f"select * from monitoring.{view} limit 1000")
            took.append((time.monotonic() - began) * 1000)
        slowest[view] = median(took)
    name = max(slowest, key=lambda view: slowest[view])
    result.add(at_most(f"slowest view of monitoring ({name})", slowest[name], 200, "ms"))


async def _drain(ground: Ground, db: Connection, result: Result) -> None:
    """A worker beside all that works off what is left; how much memory that takes."""
    crew = Crew(ground, lease_s="15")
    await db.execute(TASKS, 20_000)
    await crew.single()
    await crew.up(1)
    await until(lambda: db.fetchval(NOTHING_LEFT), 120, "the tasks of now")
    status = Path(f"/proc/{crew.singles[0].pid}/status").read_text(encoding="utf-8")
    kilobytes = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    result.add(at_most("most memory of a worker", kilobytes / 1024, 150, "MB"))
    await crew.stop()
