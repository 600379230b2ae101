"""T19: COMMITs whose reply or request is lost, again and again, and backends that are killed in the middle of theirs.
The worker finds out what became of each: no effect twice, nothing reported failed that was done, no session left
behind."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from core.db.connect import Connection
from tests.proxy import Proxy
from tests.running import until
from tests.torture.crew import Crew, all_ended, answer_of, producer
from tests.torture.figures import Result, exactly, told
from tests.torture.nemeses.lose_commits import order
from tests.torture.producer import Plan
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Stage

TESTS: Final = ("T19",)
TITLE: Final = "COMMITs with a lost reply, a lost request, or in limbo"
QUICK: Final = {"tasks": 2_000, "rate": 400, "losses": 20}
LONG: Final = {"tasks": 40_000, "rate": 500, "losses": 500}
needs = nothing_needed

SESSIONS: Final = """
select count(*) from pg_stat_activity where datname = current_database() and application_name like 'rowmill %'
"""


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.ground(choose) as ground, Proxy(ground.dsn) as proxy:
        db = await ground.connect()
        crew = Crew(ground, lease_s="15")
        crew.dsn = proxy.dsn
        for _ in range(2):
            await crew.single()
        await crew.up(2)
        plan = Plan(
            size["tasks"], rate=size["rate"], ms=(0, 5), slots=50, chunks_every=40, seed=choose.randrange(2**31)
        )
        producing = await producer(ground, plan)
        pause_s = 0.8 * size["tasks"] / size["rate"] / size["losses"]
        for _ in range(size["losses"]):
            order(proxy, choose, 1)
            await asyncio.sleep(pause_s * choose.uniform(0.5, 1.5))
        await answer_of(producing)
        await all_ended(ground, 300)
        failed = await db.fetchval("select count(*) from task_queue where status <> 'completed'")
        burnt = await db.fetchval("select count(*) from task_queue where attempts <> 1")
        result.add(told("commits lost", proxy.lost), told("tasks", size["tasks"]))
        result.add(exactly("tasks not reported completed", failed, 0), exactly("attempts used up by it", burnt, 0))
        result.judge(await ground.check(15))
        await crew.stop()
        result.add(exactly("sessions left behind", await _left(db), 0))


async def _left(db: Connection) -> int:
    """After the servers' own limits for sessions whose client is gone."""

    async def none() -> bool:
        return bool(await db.fetchval(SESSIONS) == 0)

    try:
        await until(none, 20, "the end of all sessions")
    except AssertionError:
        return int(await db.fetchval(SESSIONS))
    return 0
