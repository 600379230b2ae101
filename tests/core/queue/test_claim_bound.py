"""In a backlog a claim goes on where the last one ended; a look at everything follows, and misses nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from core.db.connect import TROUBLE, Connection
from core.queue.claim import Claimer, _Bound
from core.registry import Operator, operators
from core.settings import Settings
from tests.running import SOMEBODY_WAITS, Database, enqueue, until

BACKLOG = """
insert into task_queue (task_type, payload)
select 'toy.note', '{"note": "n"}' from generate_series(1, $1::int)
"""
CLAIMERS_END = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where datname = current_database() and application_name = 'rowmill claim'
"""


@pytest.fixture
def note() -> Operator:
    return operators()["toy.note"]


@pytest.fixture
async def claimer(database: Database) -> AsyncIterator[Claimer]:
    claimer = Claimer(database.dsn, Settings(watchdog_s=0), "w")
    yield claimer
    await claimer.close()


def bound_of(claimer: Claimer) -> _Bound:
    """The bound, made to hold as long as the test wants."""
    bound = claimer._bounds["toy.note"]
    bound.until, bound.dear = float("inf"), True
    return bound


async def test_a_backlog_is_claimed_once_each_and_in_order(db: Connection, claimer: Claimer, note: Operator) -> None:
    await db.execute(BACKLOG, 40)
    expected = [row["id"] for row in await db.fetch("select id from task_queue order by scheduled_for, id")]
    claimed = []
    while runs := await claimer.claim(note, 10):
        claimed += [run.id for run in runs]
        if "toy.note" in claimer._bounds:
            bound_of(claimer)
    assert claimed == expected


async def test_a_row_that_became_visible_before_the_place_is_found_by_the_look_behind_a_short_claim(
    database: Database, db: Connection, claimer: Claimer, note: Operator
) -> None:
    late = await database.connect()
    async with late.transaction():
        task_id = await enqueue(late, "toy.note", {"note": "its transaction began first"})
        await db.execute(BACKLOG, 15)
        assert len(await claimer.claim(note, 10)) == 10
        bound_of(claimer)
    runs = await claimer.claim(note, 10)
    assert len(runs) == 6
    assert task_id in {run.id for run in runs}


async def test_a_higher_priority_is_served_by_the_next_look_at_everything(
    db: Connection, claimer: Claimer, note: Operator
) -> None:
    await db.execute(BACKLOG, 40)
    await claimer.claim(note, 10)
    bound = bound_of(claimer)
    urgent = await enqueue(db, "toy.note", {"note": "urgent"}, priority=9)
    assert urgent not in {run.id for run in await claimer.claim(note, 10)}
    bound_of(claimer).until = 0.0
    assert (await claimer.claim(note, 10))[0].id == urgent
    assert claimer._bounds["toy.note"] is not bound


async def test_after_a_bell_everything_is_looked_at(db: Connection, claimer: Claimer, note: Operator) -> None:
    await db.execute(BACKLOG, 40)
    await claimer.claim(note, 10)
    bound_of(claimer)
    urgent = await enqueue(db, "toy.note", {"note": "urgent"}, priority=9)
    claimer.look_again("toy.note")
    assert (await claimer.claim(note, 10))[0].id == urgent


async def test_going_on_in_a_lane_keeps_the_place_in_the_walk_over_keys(
    db: Connection, claimer: Claimer, note: Operator
) -> None:
    await db.execute(BACKLOG, 40)
    await claimer.claim(note, 10)
    bound_of(claimer)
    claimer._positions["toy.note"] = "k"
    assert len(await claimer.claim(note, 10)) == 10
    assert claimer._positions["toy.note"] == "k"


async def test_a_lost_connection_forgets_the_place(db: Connection, claimer: Claimer, note: Operator) -> None:
    await db.execute(BACKLOG, 40)
    await claimer.claim(note, 10)
    bound_of(claimer)
    await db.execute("begin; lock table task_queue in access exclusive mode")
    looking = asyncio.create_task(claimer.ask("look", task_types=["toy.note"], floors=[None]))
    await until(lambda: db.fetchval(SOMEBODY_WAITS), what="a look at the lock")
    assert await db.fetchval(CLAIMERS_END) == 1
    with pytest.raises(TROUBLE):
        await looking
    await db.execute("rollback")
    assert not claimer._bounds


@pytest.mark.parametrize("shape", ["keyed", "short"])
async def test_only_a_full_claim_of_unkeyed_tasks_leaves_a_place(
    db: Connection, claimer: Claimer, note: Operator, shape: str
) -> None:
    await db.execute(BACKLOG, 5)
    if shape == "keyed":
        await db.execute("update task_queue set concurrency_key = id::text")
    assert len(await claimer.claim(note, 5 if shape == "keyed" else 10)) == 5
    assert not claimer._bounds


async def test_what_an_old_transaction_keeps_alive_is_not_walked_again(
    database: Database, db: Connection, claimer: Claimer, note: Operator
) -> None:
    await db.execute(BACKLOG, 6000)
    pinning = await database.connect()
    async with pinning.transaction(isolation="repeatable_read"):
        await pinning.fetch("select 1 from task_queue limit 1")
        while len(await claimer.claim(note, 500)) == 500:
            await db.execute("update task_queue set status = 'completed' where status = 'processing'")
            if await db.fetchval("select count(*) from task_queue where status = 'pending'") <= 1000:
                break
            bound_of(claimer)
        bound = bound_of(claimer)
        plan = await db.fetch(
            "explain (analyze, buffers, format json) select from task_queue t where t.task_type = 'toy.note' "
            "and t.status = 'pending' and t.crashes < 2 and t.concurrency_key is null and t.priority = 5 "
            "and (t.scheduled_for, t.id) > ($1::timestamptz, $2::uuid) order by t.scheduled_for, t.id limit 10",
            bound.due,
            bound.id,
        )
    assert json.loads(plan[0][0])[0]["Plan"]["Shared Hit Blocks"] < 40
