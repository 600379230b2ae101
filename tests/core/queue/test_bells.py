"""Who is rung, by what, and when nobody is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.db.connect import Connection
from tests.core.queue.bells import Bells
from tests.core.queue.claims import asleep_by_hand, claim, complete
from tests.core.queue.doors import entered, held, open_door
from tests.core.queue.sleepers import wait_asleep
from tests.running import Database, Workers, ended, enqueue, task_row, until

NOTE = "insert into task_queue (task_type, payload) values ('toy.note', '{\"note\": \"x\"}')"


async def test_an_insert_rings_its_type_once_when_somebody_sleeps(db: Connection, bells: Bells) -> None:
    for listener in ("one", "two", "three"):
        await asleep_by_hand(db, "toy.note", listener=listener)
        await asleep_by_hand(db, "toy.act", listener=listener)
    await db.execute(NOTE)
    assert await bells.heard() == ["toy.note"]


async def test_nobody_is_rung_when_nobody_sleeps(db: Connection, bells: Bells) -> None:
    await db.execute(NOTE)
    await asleep_by_hand(db, "toy.act")
    await db.execute(NOTE)
    await asleep_by_hand(db, "toy.note", "full")
    await db.execute(NOTE)
    assert await bells.heard() == []


async def test_nobody_is_rung_while_somebody_looks(db: Connection, bells: Bells) -> None:
    await asleep_by_hand(db, "toy.note", listener="sleeper")
    await asleep_by_hand(db, "toy.note", "looking", listener="looker")
    await db.execute(NOTE)
    assert await bells.heard() == []
    await db.execute("update rowmill.gate set valid_until = clock_timestamp() where listener = 'looker'")
    await db.execute(NOTE)
    assert await bells.heard() == ["toy.note"]


async def test_a_row_that_has_lapsed_is_not_rung(db: Connection, bells: Bells) -> None:
    await asleep_by_hand(db, "toy.note")
    await db.execute("update rowmill.gate set valid_until = clock_timestamp()")
    await db.execute(NOTE)
    assert await bells.heard() == []


async def test_a_pool_that_falls_asleep_during_a_long_transaction_is_rung(
    database: Database, db: Connection, bells: Bells
) -> None:
    """The gate is read by the clock, not by the producer's start."""
    producer = await database.connect()
    await producer.execute("begin; select pg_current_xact_id()")
    await asleep_by_hand(db, "toy.note")
    await producer.execute(NOTE)
    await producer.execute("commit")
    assert await bells.heard() == ["toy.note"]


async def test_rows_due_later_ring_nobody(db: Connection, bells: Bells) -> None:
    await asleep_by_hand(db, "toy.note")
    for delay, expected in ((3600.0, []), (5.0, []), (1.0, ["toy.note"])):
        await enqueue(db, "toy.note", {}, scheduled_for=datetime.now(UTC) + timedelta(seconds=delay))
        assert await bells.heard() == expected


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_an_old_snapshot_always_rings(database: Database, db: Connection, bells: Bells, isolation: str) -> None:
    """It cannot see who fell asleep since."""
    await asleep_by_hand(db, "toy.note", "looking")
    producer = await database.connect()
    await producer.execute(f"begin isolation level {isolation}")
    await producer.execute(NOTE)
    await producer.execute("update task_queue set priority = 8")
    await producer.execute("commit")
    assert await bells.heard() == ["toy.note"]
    await producer.execute(f"begin isolation level {isolation}")
    await producer.execute("update task_queue set priority = 9")
    await producer.execute("commit")
    assert await bells.heard() == ["toy.note"]


async def test_an_old_snapshot_rings_a_type_whose_first_pool_came_later(
    database: Database, db: Connection, bells: Bells
) -> None:
    producer = await database.connect()
    await producer.execute("begin isolation level repeatable read; select 1")
    await asleep_by_hand(db, "toy.note")
    await producer.execute(NOTE)
    await producer.execute("commit")
    assert await bells.heard() == ["toy.note"]


@pytest.mark.parametrize("change", ["scheduled_for = now()", "priority = 9"])
async def test_rescheduling_with_plain_sql_rings_the_sleepers(db: Connection, bells: Bells, change: str) -> None:
    await enqueue(db, "toy.note", {}, scheduled_for=datetime.now(UTC) + timedelta(hours=1))
    await asleep_by_hand(db, "toy.note")
    await asleep_by_hand(db, "toy.act", "full")
    await db.execute(f"update task_queue set {change}")
    assert await bells.heard() == ["toy.note"]


async def test_quiet_silences_inserts_and_updates(db: Connection, bells: Bells) -> None:
    await asleep_by_hand(db, "toy.note")
    async with db.transaction():
        await db.execute("set local rowmill.quiet = on")
        await db.execute(NOTE)
        await db.execute("update task_queue set priority = 1")
    assert await bells.heard() == []
    await db.execute(NOTE)
    assert await bells.heard() == ["toy.note"]


async def test_retry_task_reaping_and_giving_back_ring(db: Connection, bells: Bells, workers: Workers) -> None:
    task_id = await enqueue(db, "toy.note", {"note": "again"})
    await claim(db, "toy.note")
    await complete(db, [task_id])
    await asleep_by_hand(db, "toy.note")
    await db.fetchval("select retry_task($1)", task_id)
    assert await bells.heard() == ["toy.note"]
    await claim(db, "toy.note", worker="dead")
    assert await bells.heard() == []
    await db.execute("select * from rowmill.reap('dead', 10)")
    assert await bells.heard() == ["toy.note"]
    running = await workers.start("toy.act", beat_s=0.05)
    await claim(db, "toy.note", worker=running.worker_id)
    await db.execute("update task_queue set started_at = now() - interval '3 s'")
    await until(lambda: db.fetchval("select status = 'pending' from task_queue"), what="the give-back")
    assert await bells.heard() == ["toy.note"]


async def test_a_commit_that_enqueues_rings_the_sleepers_of_that_type(db: Connection, workers: Workers) -> None:
    started = [await workers.start(name, poll_s=0) for name in ("toy.act", "toy.note")]
    await wait_asleep(*started)
    await enqueue(db, "toy.act", {"act": "enqueue", "arg": 3})
    done = "select count(*) = 3 from toy_notes where note like 'child %'"
    await until(lambda: db.fetchval(done), 5, "the children")


async def test_a_saturated_pool_does_not_keep_work_from_an_idle_one(db: Connection, workers: Workers) -> None:
    """`toy.narrow` has two slots."""
    busy = await workers.start("toy.narrow", poll_s=0)
    for name in ("one", "two"):
        await enqueue(db, "toy.narrow", held(name))
        await entered(name)
    idle = await workers.start("toy.narrow", poll_s=0)
    await wait_asleep(busy, idle)
    row = await ended(db, await enqueue(db, "toy.narrow", {"act": "note_text", "arg": "third"}), 5)
    assert row["worker_id"] == idle.worker_id
    open_door("one")
    open_door("two")


async def test_a_saturated_looker_calls_an_idle_pool(db: Connection, workers: Workers) -> None:
    """Bells come fast enough that the busy pool looks; then its slots are taken while work is left."""
    busy = await workers.start("toy.narrow", poll_s=0)
    await wait_asleep(busy)
    gate = busy.worker.pools[0]._gate
    for number in range(200):
        if gate.state == "looking":
            break
        await enqueue(db, "toy.narrow", {"act": "note_text", "arg": str(number)})
    assert gate.state == "looking"
    idle = await workers.start("toy.narrow", poll_s=0)
    async with db.transaction():
        for name in ("one", "two", "three", "four"):
            await enqueue(db, "toy.narrow", held(name))
    for name in ("one", "two", "three", "four"):
        await entered(name, 5)
    holders = await db.fetch(
        "select worker_id, count(*) as tasks from task_queue where status = 'processing' group by 1"
    )
    assert {row["worker_id"]: row["tasks"] for row in holders} == {busy.worker_id: 2, idle.worker_id: 2}
    for name in ("one", "two", "three", "four"):
        open_door(name)


async def test_what_a_dead_looker_keeps_quiet_is_found_by_the_poll(db: Connection, workers: Workers) -> None:
    await wait_asleep(await workers.start("toy.note", poll_s=0.2))
    await asleep_by_hand(db, "toy.note", "looking", listener="dead")
    row = await ended(db, await enqueue(db, "toy.note", {"note": "x"}), 5)
    assert (row["started_at"] - row["created_at"]).total_seconds() < 1.0


async def test_a_pool_that_was_reaped_while_it_stood_still_is_rung_again(db: Connection, workers: Workers) -> None:
    running = await workers.start("toy.note", poll_s=0, beat_s=0.05)
    await wait_asleep(running)
    await db.execute("select * from rowmill.reap($1, 10)", running.worker_id)
    await until(lambda: db.fetchval("select true from rowmill.gate"), what="the gate row")
    await wait_asleep(running)
    task_id = await enqueue(db, "toy.note", {"note": "x"})
    await ended(db, task_id, 5)
    assert (await task_row(db, task_id))["status"] == "completed"
