"""T10: kill -9 of workers at random and of PostgreSQL, under load. Nothing is lost, nothing is done twice, and what a
dead worker held is claimed again soon: at once where a parent saw it die, by the lease where nobody did."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Final

from tests.torture.crew import Crew, Kill, all_ended, answer_of, producer
from tests.torture.figures import Result, at_least, at_most, exactly, percentile, told
from tests.torture.nemeses.kill_postgres import kill_postgres
from tests.torture.nemeses.kill_worker import kill_some_worker
from tests.torture.producer import Plan
from tests.torture.scenario import Size, nothing_needed
from tests.torture.stage import Ground, Server, Stage

TESTS: Final = ("T10",)
TITLE: Final = "kill -9 of workers and of PostgreSQL"
QUICK: Final = {
    "tasks": 5_000,
    "rate": 350,
    "fleet": 2,
    "singles": 2,
    "kills": 5,
    "crashes": 1,
    "lease_s": 3,
    "timed": False,
}
LONG: Final = {
    "tasks": 200_000,
    "rate": 1_200,
    "fleet": 4,
    "singles": 4,
    "kills": 50,
    "crashes": 5,
    "lease_s": 15,
    "timed": True,
}
needs = nothing_needed

MS: Final = (0.0, 60.0)
RECLAIMED: Final = """
select k.by_parent, k.at as killed, extract(epoch from n.at)::float8 as claimed,
    exists (select from torture_moves b where b.task_id = m.task_id and b.move_no < m.move_no
            and b.was = 'processing' and b.becomes = 'pending') as again
from unnest($1::text[], $2::float8[], $3::bool[]) as k (worker_id, at, by_parent)
join torture_moves m on m.worker_was = k.worker_id and m.was = 'processing' and m.becomes = 'pending'
cross join lateral (
    select n.at from torture_moves n
    where n.task_id = m.task_id and n.move_no > m.move_no and n.becomes = 'processing'
    order by n.move_no limit 1) n
"""
Outage = tuple[float, float]  # killed and back, Unix seconds
DONE_BETWEEN: Final = """
select count(*) from torture_moves where becomes = 'completed' and at >= to_timestamp($1) and at < to_timestamp($2)
"""


async def run(stage: Stage, size: Size, choose: random.Random, result: Result) -> None:
    async with stage.server() as server, stage.ground(choose, server) as ground:
        crew = Crew(ground, lease_s=str(size["lease_s"]))
        await crew.fleet(size["fleet"])
        for _ in range(size["singles"]):
            await crew.single()
        await crew.up(size["fleet"] + size["singles"])
        plan = Plan(size["tasks"], rate=size["rate"], ms=MS, slots=200, chunks_every=50, seed=choose.randrange(2**31))
        producing = await producer(ground, plan)
        kills, outages = await _harm(server, crew, size, plan)
        unknown = (await answer_of(producing))["unknown"]
        await all_ended(ground, 300, crew.replace_dead)
        result.add(told("tasks", size["tasks"] + unknown), told("worker kills", len(kills)))
        result.add(told("PostgreSQL kills", len(outages)), told("unanswered inserts", unknown))
        result.add(told("PostgreSQL away, longest", max(back - killed for killed, back in outages), "s"))
        await _tell(ground, size, kills, outages, result)
        result.judge(await ground.check(size["lease_s"]))
        await crew.up(size["fleet"] + size["singles"])
        result.add(exactly("workers ended by themselves", sum(code != 0 for code in await crew.stop()), 0))


async def _harm(server: Server, crew: Crew, size: Size, plan: Plan) -> tuple[list[tuple[Kill, bool]], list[Outage]]:
    """Kills spread over the time that the producer takes, in random order. Returns the kills (and whether a parent saw
    it), and each outage of PostgreSQL."""
    events = ["worker"] * size["kills"] + ["postgres"] * size["crashes"]
    crew.choose.shuffle(events)
    pause_s = 0.9 * plan.count / plan.rate / len(events)
    kills: list[tuple[Kill, bool]] = []
    outages: list[Outage] = []
    for event in events:
        due = time.monotonic() + pause_s * crew.choose.uniform(0.5, 1.5)
        if event == "postgres":
            killed = time.time()
            await kill_postgres(server)
            outages.append((killed, time.time()))
        else:
            kills.append(await kill_some_worker(crew, crew.choose))
        await crew.replace_dead()
        await asyncio.sleep(max(due - time.monotonic(), 0))
    return kills, outages


async def _tell(
    ground: Ground, size: Size, kills: list[tuple[Kill, bool]], outages: list[Outage], result: Result
) -> None:
    db = await ground.connect()
    rows = await db.fetch(
        RECLAIMED, [k.worker_id for k, _ in kills], [k.at for k, _ in kills], [by_parent for _, by_parent in kills]
    )
    alone = [row["claimed"] - row["killed"] for row in rows if row["again"]]
    result.add(told("orphans", len(rows)), told("of them for the second time, so that they run alone", len(alone)))
    for by_parent, who, limit_s in ((False, "lease", 20), (True, "a parent", 2)):
        spans = [(row["killed"], row["claimed"]) for row in rows if not row["again"] and row["by_parent"] is by_parent]
        name = f"orphans claimed again by {who}, p99"
        result.add(told(name, percentile([claimed - killed for killed, claimed in spans], 0.99), "s"))
        with_server = percentile([_with_server(span, outages) for span in spans], 0.99)
        name += ", while PostgreSQL was there"
        # When there is no limit there are times without a worker.
        result.add(at_most(name, with_server, limit_s, "s") if size["timed"] else told(name, with_server, "s"))
    result.add(told("orphans for the second time claimed again, p99", percentile(alone, 0.99), "s"))
    if size["timed"] and outages:
        rates = [await db.fetchval(DONE_BETWEEN, back + 5, back + 10) / 5 for _, back in outages]
        result.add(at_least("rate 5 s after PostgreSQL was back, of the input", min(rates) / size["rate"], 0.9))


def _with_server(span: tuple[float, float], outages: list[Outage]) -> float:
    """Seconds of a span in which there was a PostgreSQL to ask."""
    began, ended = span
    return ended - began - sum(max(min(ended, back) - max(began, killed), 0.0) for killed, back in outages)
