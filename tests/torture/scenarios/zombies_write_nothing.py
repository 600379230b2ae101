"""T09: workers are stopped in the middle of their runs, for longer than their lease; others do the tasks again; then
the zombies wake and finish. Not one of their finishes may reach the database, nor of those whose task was cancelled
meanwhile."""

from __future__ import annotations

import json
import random
from typing import Final

from core.db.connect import Connection
from tests.running import until
from tests.torture.crew import Crew, all_ended
from tests.torture.figures import Result, exactly, told
from tests.torture.nemeses.stall import stall_past_lease, wake
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Ground, Stage

TESTS: Final = ("T09",)
TITLE: Final = "zombies: stopped past the lease, resumed after others have done the work"
QUICK: Final = {"zombies": 1, "tasks": 50}
LONG: Final = {"zombies": 5, "tasks": 1000}
needs = nothing_needed

CANCELLED: Final = 0.1  # of the tasks: cancelled while the zombie holds them
ENQUEUE: Final = """
insert into task_queue (task_type, payload)
select 'torture.act', $1::jsonb || jsonb_build_object('n', i) from generate_series(1, $2::int) i
"""
CANCEL: Final = """
select cancel_task(id) from task_queue where status = 'processing' order by id limit $1
"""
STALE: Final = "select count(*) from torture_effects where run_no = 1"


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.ground(choose) as ground:
        db = await ground.connect()
        zombies = Crew(ground, log_level="info")
        for _ in range(size["zombies"]):
            await zombies.single()
        await zombies.up(size["zombies"])
        door = ground.folder / "door"
        await db.execute(ENQUEUE, json.dumps({"act": "first_waits", "arg": str(door)}), size["tasks"])
        held = f"select count(*) = {size['tasks']} from task_queue where status = 'processing'"
        await until(lambda: db.fetchval(held), 60, "every task in the hands of a zombie")
        await stall_past_lease(db, zombies.singles)
        await db.execute(CANCEL, int(size["tasks"] * CANCELLED))
        rescuers = Crew(ground)
        await rescuers.single()
        await all_ended(ground, 120)
        await rescuers.stop()

        door.touch()
        wake(zombies.singles)
        rejected = await until(lambda: _rejected(zombies, size["tasks"]), 60, "the zombies' finishes")
        result.add(told("zombies", size["zombies"]), exactly("stale finishes rejected", rejected, size["tasks"]))
        result.add(exactly("effects of zombies", await db.fetchval(STALE), 0))
        await _cancelled(db, ground, size, result)
        result.judge(await ground.check())
        result.add(exactly("zombies that could not end", sum(code != 0 for code in await zombies.stop()), 0))


async def _rejected(zombies: Crew, wanted: int) -> int:
    """How many finishes the fence refused, as the zombies themselves say; 0 while it is not all of them."""
    outcomes = [line["outcome"] for each in zombies.singles for line in each.lines() if line.get("event") == "run"]
    lost = sum(outcome == "lost" for outcome in outcomes)
    return lost if len(outcomes) >= wanted else 0


async def _cancelled(db: Connection, ground: Ground, size: Size, result: Result) -> None:
    count = await db.fetchval("select count(*) from task_queue where status = 'cancelled'")
    result.add(exactly("cancelled while held by a zombie", count, int(size["tasks"] * CANCELLED)))
