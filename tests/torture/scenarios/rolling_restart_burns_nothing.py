"""T18: every worker is ended with SIGTERM in turn, round after round, under load. Each ends with 0 within its grace, no
attempt is used up by it, nothing is lost, and at the moment it is gone none of its tasks is `processing` any more."""

from __future__ import annotations

import random
import signal
import time
from typing import Final

from core.db.connect import Connection
from tests.processes.programs import Program
from tests.torture.crew import Crew, all_ended, answer_of, producer
from tests.torture.figures import Result, at_most, exactly, told
from tests.torture.producer import Plan
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Stage

TESTS: Final = ("T18",)
TITLE: Final = "a rolling restart by SIGTERM under load"
QUICK: Final = {"tasks": 3_000, "rate": 500, "workers": 2, "rounds": 2, "ms": 1_500, "drain_s": 0.3}
LONG: Final = {"tasks": 30_000, "rate": 500, "workers": 3, "rounds": 4, "ms": 10_000, "drain_s": 2}
needs = nothing_needed

STRANDED: Final = "select count(*) from task_queue where status = 'processing' and worker_id <> all ($1::text[])"
MORE_THAN_ONE: Final = "select count(*) from task_queue where attempts <> 1 or crashes > 0"
RUNS: Final = "select count(*) from torture_moves where was = 'processing' and becomes = 'pending'"


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.ground(choose) as ground:
        db = await ground.connect()
        crew = Crew(ground, drain_s=str(size["drain_s"]))
        for _ in range(size["workers"]):
            await crew.single()
        await crew.up(size["workers"])
        plan = Plan(size["tasks"], rate=size["rate"], ms=(0, size["ms"]), slots=100, seed=choose.randrange(2**31))
        producing = await producer(ground, plan)
        codes: list[int] = []
        took: list[float] = []
        stranded = 0
        for _ in range(size["rounds"]):
            for each in list(crew.singles):
                code, seconds = await _end(crew, each)
                codes.append(code)
                took.append(seconds)
                stranded += await _stranded(db, crew)
                await crew.single()
                await crew.up(size["workers"])
        await answer_of(producing)
        await all_ended(ground, 300)
        result.add(told("tasks", size["tasks"]), told("restarts", len(codes)))
        result.add(exactly("restarts that did not end with 0", sum(code != 0 for code in codes), 0))
        result.add(at_most("slowest end after SIGTERM", max(took), size["drain_s"] + 5, "s"))
        result.add(exactly("tasks left `processing` by a worker that had ended", stranded, 0))
        result.add(told("runs given back unburnt", await db.fetchval(RUNS)))
        result.add(exactly("tasks with more or fewer than one attempt", await db.fetchval(MORE_THAN_ONE), 0))
        result.judge(await ground.check())
        await crew.stop()


async def _end(crew: Crew, single: Program) -> tuple[int, float]:
    began = time.monotonic()
    single.signal(signal.SIGTERM)
    code = await single.wait(60)
    crew.singles.remove(single)
    return code, time.monotonic() - began


async def _stranded(db: Connection, crew: Crew) -> int:
    count: int = await db.fetchval(STRANDED, list((await crew.alive()).keys()))
    return count
