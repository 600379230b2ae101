"""T12: tasks that take all memory or break their process, among thousands of good ones. The bombs are found, run alone
and are quarantined; no good task fails, uses an attempt, or has its effects twice."""

from __future__ import annotations

import random
from typing import Final

from tests.torture.crew import Crew, all_ended
from tests.torture.figures import Result, at_most, exactly, told
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Stage

TESTS: Final = ("T12",)
TITLE: Final = "memory bombs and segmentation faults among good tasks"
QUICK: Final = None  # tests/processes/test_quarantine.py has ten bombs among two hundred
LONG: Final = {"bombs": 10, "innocents": 10_000}
needs = nothing_needed

ENQUEUE: Final = """
insert into task_queue (task_type, payload)
select case when b.act is null then 'torture.work' else 'torture.act' end,
    jsonb_build_object('n', i) || case when b.act is null then '{}'
        else jsonb_build_object('act', b.act, 'arg', case when b.act = 'bomb' then 4000 end) end
from generate_series(1, $1::int) i
left join unnest($2::int[], $3::text[]) as b (at, act) on b.at = i
"""
BOMBS: Final = "from task_queue where payload ? 'act'"


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.ground(choose) as ground:
        db = await ground.connect()
        total = size["bombs"] + size["innocents"]
        places = sorted(choose.sample(range(1, total + 1), size["bombs"]))
        acts = ["bomb" if at % 2 else "segfault" for at in range(size["bombs"])]
        await db.execute(ENQUEUE, total, places, acts)
        crew = Crew(ground, memory_mb="256", child_memory_mb="256", lease_s="15")
        await crew.fleet(2)
        await all_ended(ground, 300)
        quarantined = await db.fetchval(
            f"select count(*) {BOMBS} and status = 'failed' and error_message like 'crash_loop: it ran alone%'"
        )
        result.add(told("good tasks", size["innocents"]), exactly("bombs in quarantine", quarantined, size["bombs"]))
        result.add(at_most("most crashes of a bomb", await db.fetchval(f"select max(crashes) {BOMBS}"), 4))
        innocents = "from task_queue where not payload ? 'act'"
        hurt = await db.fetchval(f"select count(*) {innocents} and (status <> 'completed' or attempts <> 1)")
        result.add(exactly("good tasks that failed or used an attempt", hurt, 0))
        result.add(told("good tasks that ran again", await db.fetchval(f"select count(*) {innocents} and run_no > 1")))
        result.judge(await ground.check(15))
        await crew.stop()
