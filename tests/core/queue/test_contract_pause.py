"""`pause_operator` and `resume_operator`: claims stop and begin again, runs and producers never notice."""

from __future__ import annotations

import asyncpg
import pytest

from core.db.connect import Connection
from tests.core.queue.bells import Bells
from tests.core.queue.claims import asleep_by_hand, claim
from tests.core.queue.doors import entered, held, open_door
from tests.core.queue.published import publish
from tests.running import Database, Workers, all_ended, ended, enqueue, task_row, until

PAUSE, RESUME = "select pause_operator($1, 'the outside service is down')", "select resume_operator($1)"


@pytest.mark.parametrize("call", [PAUSE, RESUME])
@pytest.mark.parametrize("task_type", ["nobody.knows", None])
async def test_an_unknown_type_is_refused_with_rm001(db: Connection, call: str, task_type: str | None) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await db.fetchval(call, task_type)
    assert refused.value.sqlstate == "RM001"


async def test_a_paused_type_is_not_claimed_until_it_is_resumed(db: Connection) -> None:
    await publish(db, "toy.note")
    await enqueue(db, "toy.note", {"note": "plain"})
    await enqueue(db, "toy.note", {"note": "keyed"}, concurrency_key="k")
    assert await db.fetchval(PAUSE, "toy.note") == "paused"
    assert await claim(db, "toy.note") == []
    assert await db.fetchval(RESUME, "toy.note") == "resumed"
    assert len(await claim(db, "toy.note")) == 2


async def test_pausing_twice_keeps_the_first_time_author_and_reason(db: Connection) -> None:
    await publish(db, "toy.note")
    await db.fetchval(PAUSE, "toy.note")
    query = "select paused_at, paused_by, paused_reason from rowmill.task_types"
    first = await db.fetchrow(query)
    assert await db.fetchval("select pause_operator('toy.note')") == "paused"
    assert await db.fetchrow(query) == first
    assert first is not None
    assert first["paused_reason"] == "the outside service is down"
    assert first["paused_by"] == await db.fetchval("select session_user")


async def test_resuming_twice_is_resumed_and_leaves_no_trace_of_the_pause(db: Connection) -> None:
    await publish(db, "toy.note")
    await db.fetchval(PAUSE, "toy.note")
    assert [await db.fetchval(RESUME, "toy.note") for _ in range(2)] == ["resumed", "resumed"]
    row = await db.fetchrow("select paused_at, paused_by, paused_reason from rowmill.task_types")
    assert row is not None
    assert tuple(row) == (None, None, None)


async def test_resuming_rings_the_sleepers_of_the_type(db: Connection, bells: Bells) -> None:
    await publish(db, "toy.note")
    await asleep_by_hand(db, "toy.note")
    await db.fetchval(PAUSE, "toy.note")
    assert await bells.heard() == []
    await db.fetchval(RESUME, "toy.note")
    assert await bells.heard() == ["toy.note"]


async def test_a_running_task_goes_on_through_a_pause(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    running = await enqueue(db, "toy.act", held("through"))
    await entered("through")
    await db.fetchval(PAUSE, "toy.act")
    open_door("through")
    assert (await ended(db, running))["status"] == "completed"


async def test_a_pause_under_load_stops_the_claims_and_resuming_finishes_without_a_poll(
    database: Database, db: Connection, workers: Workers
) -> None:
    """After the pause has committed and what ran has ended, nothing is taken; the bell alone starts it again."""
    await workers.start("toy.note", "toy.set", poll_s=0)
    await db.execute(
        """insert into task_queue (task_type, payload)
           select 'toy.note', jsonb_build_object('note', i::text) from generate_series(1, 20000) i"""
    )
    count = "select count(*) from task_queue where status = $1"
    await until(lambda: db.fetchval("select exists (select from toy_notes)"), what="the load")
    await db.fetchval(PAUSE, "toy.note")
    await until(lambda: db.fetchval(f"select ({count}) = 0", "processing"), what="the last runs")
    left = await db.fetchval(count, "pending")
    assert left > 0
    bystander = await enqueue(db, "toy.set", {"row_id": 1, "value": "x"})  # another type goes on
    late = await enqueue(db, "toy.note", {"note": "during the pause"})  # producers go on
    await ended(db, bystander)
    assert await db.fetchval(count, "pending") == left + 1
    assert (await task_row(db, late))["status"] == "pending"
    await db.fetchval(RESUME, "toy.note")
    await all_ended(db)
    assert await db.fetchval("select count(*) from toy_notes") == 20001


async def test_a_pause_survives_the_workers_start(db: Connection, workers: Workers) -> None:
    await publish(db, "toy.note")
    await db.fetchval(PAUSE, "toy.note")
    await workers.start("toy.note")
    row = await db.fetchrow("select paused_at, schema from rowmill.task_types")
    assert row is not None
    assert row["paused_at"] is not None
    assert row["schema"] is not None
