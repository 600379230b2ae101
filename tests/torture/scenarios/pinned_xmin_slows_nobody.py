"""T06: the same drain with and without a session that pins vacuum from the first task to the last. Versions of rows
that died lie in front of every claim, and it must not walk them again and again."""

from __future__ import annotations

import random
from contextlib import nullcontext
from statistics import median
from typing import Final

from tests.torture.crew import Crew, all_ended
from tests.torture.figures import Result, at_least, told
from tests.torture.nemeses.pin_xmin import pinned
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Stage

TESTS: Final = ("T06",)
TITLE: Final = "a drain while a session pins vacuum"
QUICK: Final = None
LONG: Final = {"tasks": 300_000, "rounds": 3, "workers": 2}
needs = nothing_needed

LOAD: Final = """
insert into task_queue (task_type, payload)
select 'torture.work', jsonb_build_object('n', i) from generate_series(1, $1::int) i
"""
RATE: Final = """
select count(*) / extract(epoch from max(completed_at) - min(started_at)) from task_queue where status = 'completed'
"""


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    rates: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(size["rounds"]):
        for is_pinned, found in rates.items():
            found.append(await _drain(stage, size, choose, result, is_pinned=is_pinned))
    unpinned, held = median(rates[False]), median(rates[True])
    result.add(told("tasks of a drain", size["tasks"]), told("rate unpinned", unpinned, "tasks/s"))
    result.add(told("rate pinned", held, "tasks/s"), at_least("rate pinned, of that unpinned", held / unpinned, 0.9))


async def _drain(stage: Stage, size: Size, choose: random.Random, result: Result, *, is_pinned: bool) -> float:
    async with stage.ground(choose, watched=False) as ground:
        db = await ground.connect()
        await db.execute(LOAD, size["tasks"])
        await db.execute("analyze task_queue; checkpoint")
        async with pinned(ground) if is_pinned else nullcontext():
            crew = Crew(ground, lease_s="15")
            await crew.fleet(size["workers"])
            await all_ended(ground, 300)
        result.violations += [str(each) for each in await ground.check(15)]
        await crew.stop()
        return float(await db.fetchval(RATE))
