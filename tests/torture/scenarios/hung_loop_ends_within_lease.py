"""T11: an operator blocks the loop of its worker, asleep or computing. The process ends itself within its lease, what
else it held runs elsewhere, once."""

from __future__ import annotations

import random
from typing import Final

from tests.torture.crew import Crew, all_ended
from tests.torture.figures import Result, at_most, exactly, percentile, told
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Stage

TESTS: Final = ("T11",)
TITLE: Final = "operators that block the loop"
QUICK: Final = None  # tests/processes/test_blocks.py
LONG: Final = {"hung": 4, "innocents": 2_000, "lease_s": 3}
needs = nothing_needed

ENQUEUE: Final = """
insert into task_queue (task_type, payload)
select case when b.act is null then 'torture.work' else 'torture.act' end,
    jsonb_build_object('n', i, 'ms', 20) || case when b.act is null then '{}'
        else jsonb_build_object('act', b.act, 'arg', 60) end
from generate_series(1, $1::int) i
left join unnest($2::int[], $3::text[]) as b (at, act) on b.at = i
"""
HELD_S: Final = """
select extract(epoch from m.at - c.at)::float8 as s from torture_moves m
join torture_moves c on c.task_id = m.task_id and c.run_becomes = m.run_was and c.was = 'pending'
join task_queue t on t.id = m.task_id and t.payload ? 'act'
where m.was = 'processing' and m.becomes = 'pending'
"""


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.ground(choose) as ground:
        db = await ground.connect()
        total = size["hung"] + size["innocents"]
        places = sorted(choose.sample(range(1, total + 1), size["hung"]))
        acts = ["block" if at % 2 else "spin" for at in range(size["hung"])]
        await db.execute(ENQUEUE, total, places, acts)
        crew = Crew(ground, lease_s=str(size["lease_s"]), watchdog_s=str(0.7 * size["lease_s"]))
        await crew.fleet(2)
        await all_ended(ground, 300)
        freed = [float(row["s"]) for row in await db.fetch(HELD_S)]
        result.add(told("hung operators", size["hung"]), told("processes ended by their watchdog", len(freed)))
        result.add(at_most("a hung task was free again after, at most", percentile(freed, 1), size["lease_s"] + 1, "s"))
        failed = "select count(*) from task_queue where payload ? 'act' and status = 'failed' and crashes >= 3"
        result.add(exactly("hung tasks in quarantine", await db.fetchval(failed), size["hung"]))
        hurt = "select count(*) from task_queue where not payload ? 'act' and (status <> 'completed' or attempts <> 1)"
        result.add(exactly("good tasks that failed or used an attempt", await db.fetchval(hurt), 0))
        result.judge(await ground.check(size["lease_s"]))
        await crew.stop()
