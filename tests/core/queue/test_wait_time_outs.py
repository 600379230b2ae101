"""A wait ends at its time, as its policy says, by an injected clock; and signals that nobody waits for go one day."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from core.db.connect import Connection, Slots
from core.queue import sweep
from core.queue.claim import Claimer
from core.queue.retain import RINGS, Place, retain_step
from core.settings import Settings
from tests.core.queue.waits import asks, notes, signalled, waits
from tests.running import Database, Workers, ended, enqueue, task_row, until


@pytest.fixture
async def claimer(database: Database) -> AsyncIterator[Claimer]:
    made = Claimer(database.dsn, Settings(), str(uuid4()))
    yield made
    await made.close()


async def swept(claimer: Claimer, db: Connection, after_s: float) -> int:
    """What a sweep so much later ends."""
    now = await db.fetchval("select clock_timestamp()")
    return await sweep.end_waits_once(claimer, rematch=False, now=now + timedelta(seconds=after_s))


async def test_time_outs_do_not_wait_for_a_match_that_is_cut_off(
    database: Database, db: Connection, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "REMATCH_EVERY_S", 0.0)
    await workers.start("toy.act", claim_timeout_s=0.2)
    task_id = await asks(db, "paid:1", timeout_s=1)
    other = await database.connect()
    await other.execute("begin; lock table rowmill.signals in access exclusive mode")
    assert (await ended(db, task_id))["status"] == "failed"
    await other.execute("rollback")


async def test_a_wait_that_is_over_fails_its_task_with_a_run_of_its_own(
    db: Connection, workers: Workers, claimer: Claimer
) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "paid:1", timeout_s=3600)
    assert await swept(claimer, db, 3590) == 0
    assert await swept(claimer, db, 3601) == 1
    row = await task_row(db, task_id)
    assert (row["status"], row["error_message"]) == ("failed", 'no signal "paid:1" came within 3600.000 s')
    assert row["failed_at"] is not None
    runs = await db.fetch("select run_no, success, error_message, error_fingerprint from robot_input_events order by 1")
    assert [(run["run_no"], run["success"]) for run in runs] == [(1, True), (2, False)]
    assert runs[1]["error_fingerprint"] is not None
    assert await db.fetchval("select count(*) from rowmill.waits") == 0
    assert await swept(claimer, db, 9999) == 0


async def test_a_wait_that_may_go_on_without_does(db: Connection, workers: Workers, claimer: Claimer) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "k", timeout_s=3600, on_timeout="continue")
    assert await swept(claimer, db, 3601) == 1
    assert (await ended(db, task_id))["status"] == "completed"
    assert await notes(db) == ["asks", "nobody answered"]


async def test_a_late_signal_of_a_timed_out_wait_is_kept_and_of_its_task_refused(
    db: Connection, workers: Workers, claimer: Claimer
) -> None:
    await workers.start("toy.act")
    await asks(db, "k", timeout_s=10)
    await swept(claimer, db, 11)
    assert await signalled(db, "k", "late") == "kept"


async def test_a_task_failed_by_a_time_out_may_be_tried_again_and_waits_anew(
    db: Connection, workers: Workers, claimer: Claimer
) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "k", timeout_s=10)
    await swept(claimer, db, 11)
    await db.execute("select retry_task($1)", task_id)
    await waits(db, task_id, "k")
    await signalled(db, "k", "yes")
    assert (await ended(db, task_id))["run_no"] == 4


async def test_a_wait_for_ever_never_ends_by_itself(db: Connection, workers: Workers, claimer: Claimer) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "k")
    assert await swept(claimer, db, 3e8) == 0
    assert (await task_row(db, task_id))["status"] == "waiting"


async def test_workers_end_waits_by_themselves_within_seconds(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "wait", "arg": {"signal": "k", "timeout_s": 0.05}})
    assert (await ended(db, task_id, 10))["status"] == "failed"


async def test_a_task_somebody_holds_times_out_when_it_is_free(
    database: Database, db: Connection, workers: Workers, claimer: Claimer
) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "k", timeout_s=3600)
    person = await database.connect()
    await person.execute("begin")
    await person.fetchval("select id from task_queue where id = $1 for update", task_id)
    assert await swept(claimer, db, 3601) == 0
    await person.execute("rollback")
    assert await swept(claimer, db, 3601) == 1


async def test_a_time_out_that_no_worker_ends_is_a_stuck_task(db: Connection, workers: Workers) -> None:
    worker = await workers.start("toy.act")
    task_id = await asks(db, "k", timeout_s=3600)
    await worker.stop()
    await db.execute("update rowmill.waits set times_out_at = now() - interval '1 hour'")
    stuck = await db.fetch("select task_id, status, reason from monitoring.stuck_tasks")
    assert [tuple(row) for row in stuck] == [
        (task_id, "waiting", "its wait has timed out, and no worker process ends it; start one")
    ]


async def test_a_wait_whose_task_was_moved_by_hand_is_forgotten(
    db: Connection, workers: Workers, claimer: Claimer
) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "k", timeout_s=3600)
    await db.execute("update task_queue set status = 'cancelled', completed_at = now() where id = $1", task_id)
    assert await sweep.end_waits_once(claimer, rematch=True) == 0
    assert await db.fetchval("select count(*) from rowmill.waits") == 0


async def test_retention_keeps_waiting_tasks_and_prunes_old_signals(
    database: Database, db: Connection, workers: Workers
) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "k")
    await signalled(db, "old", "1")
    await db.execute("update rowmill.signals set sent_at = now() - interval '31 days'")
    await signalled(db, "young", "2")
    slots = Slots(database.dsn, Settings(), "retain", 1)
    for ring in ("retain_tasks", "retain_signals"):
        later = await db.fetchval("select now() + interval '400 days'") if ring == "retain_tasks" else None
        await retain_step(slots, Settings(), Place(RINGS.index(ring)), later)
    await slots.close()
    assert (await task_row(db, task_id))["status"] == "waiting"
    assert [row["key"] for row in await db.fetch("select key from rowmill.signals")] == ["young"]


async def test_the_views_count_what_waits_and_show_no_key(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    await asks(db, "secret:1")
    await asks(db, "secret:2")
    [row] = await db.fetch("select * from monitoring.waiting")
    assert (row["task_type"], row["tasks"], row["tasks_is_minimum"]) == ("toy.act", 2, False)
    assert "secret" not in json.dumps(dict(row), default=str)
    await until(lambda: db.fetchval("select sum(returned) = 2 from rowmill.task_stats"), what="the counts")
