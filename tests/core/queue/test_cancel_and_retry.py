"""`cancel_task` and `retry_task`: what a person may ask, and what is refused with a typed code."""

from __future__ import annotations

from uuid import uuid4

import asyncpg
import pytest

from core.db.connect import Connection
from tests.core.queue.claims import claim, complete
from tests.core.queue.doors import entered, held, open_door
from tests.running import Database, Workers, ended, enqueue, task_row

CANCEL, RETRY = "select cancel_task($1)", "select retry_task($1)"


async def refusal(db: Connection, call: str, task_id: object) -> str | None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await db.fetchval(call, task_id)
    return refused.value.sqlstate


async def test_a_pending_task_is_cancelled_at_once_and_never_claimed(db: Connection) -> None:
    task_id = await enqueue(db, "toy.note", {"note": "no"})
    assert await db.fetchval(CANCEL, task_id) == "cancelled"
    assert await claim(db, "toy.note") == []
    row = await task_row(db, task_id)
    assert row["status"] == "cancelled"
    assert row["completed_at"] is not None


async def test_a_running_task_is_stopped_by_the_beat_and_writes_nothing(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act", beat_s=0.05)
    task_id = await enqueue(db, "toy.act", held("cancelled"))
    await entered("cancelled")
    assert await db.fetchval(CANCEL, task_id) == "cancel asked"
    assert (await ended(db, task_id))["status"] == "cancelled"
    assert await db.fetchval("select count(*) from toy_notes") == 0
    runs = await db.fetch("select success, error_message from robot_input_events")
    assert [tuple(run) for run in runs] == [(False, "cancelled by request")]


async def test_a_run_that_ends_before_the_beat_meets_the_mark_in_its_commit(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act", beat_s=60)
    task_id = await enqueue(db, "toy.act", held("decided"))
    await entered("decided")
    await db.fetchval(CANCEL, task_id)
    open_door("decided")
    assert (await ended(db, task_id))["status"] == "cancelled"
    assert await db.fetchval("select count(*) from toy_notes") == 0


async def test_an_ended_task_cannot_be_cancelled(db: Connection) -> None:
    task_id = await enqueue(db, "toy.note", {"note": "x"})
    for status in ("completed", "failed", "cancelled"):
        await db.execute("update task_queue set status = $2 where id = $1", task_id, status)
        assert await refusal(db, CANCEL, task_id) == "RM003"


async def test_an_unknown_task_is_refused_by_both(db: Connection) -> None:
    assert await refusal(db, CANCEL, uuid4()) == "RM005"
    assert await refusal(db, RETRY, uuid4()) == "RM005"


@pytest.mark.parametrize("status", ["failed", "cancelled", "completed"])
async def test_an_ended_task_runs_again_with_fresh_attempts_and_the_next_run_no(db: Connection, status: str) -> None:
    task_id = await enqueue(db, "toy.note", {"note": "again"})
    await claim(db, "toy.note")
    await db.execute("update task_queue set status = $1, crashes = 2, cancel_asked_at = now()", status)
    assert await db.fetchval(RETRY, task_id) == "pending"
    row = await task_row(db, task_id)
    assert (row["status"], row["attempts"], row["crashes"], row["run_no"]) == ("pending", 0, 0, 1)
    assert (row["worker_id"], row["error_message"], row["cancel_asked_at"]) == (None, None, None)
    assert [(again["run_no"], again["attempts"]) for again in await claim(db, "toy.note")] == [(2, 1)]


async def test_a_live_task_cannot_be_retried(db: Connection) -> None:
    task_id = await enqueue(db, "toy.note", {"note": "live"})
    assert await refusal(db, RETRY, task_id) == "RM003"
    await claim(db, "toy.note")
    assert await refusal(db, RETRY, task_id) == "RM003"


async def test_a_live_twin_refuses_the_retry(db: Connection) -> None:
    task_id = await enqueue(db, "toy.note", {"note": "1"}, dedupe_key="twin")
    await claim(db, "toy.note")
    await complete(db, [task_id])
    twin = await enqueue(db, "toy.note", {"note": "2"}, dedupe_key="twin")
    assert await refusal(db, RETRY, task_id) == "RM004"
    await db.fetchval(CANCEL, twin)
    assert await db.fetchval(RETRY, task_id) == "pending"


async def test_a_cancellation_that_is_not_committed_holds_no_other_task_up(
    database: Database, db: Connection, workers: Workers
) -> None:
    """Somebody calls cancel_task in an open transaction: that row is locked, the rest of the lane goes on."""
    await workers.start("toy.note", poll_s=0.1)
    person = await database.connect()
    await person.execute("begin; set local rowmill.quiet = on")
    async with db.transaction():
        kept = await enqueue(db, "toy.note", {"note": "kept"}, priority=90)
        await db.execute("update task_queue set scheduled_for = now() + interval '1 hour' where id = $1", kept)
    await person.fetchval(CANCEL, kept)
    other = await enqueue(db, "toy.note", {"note": "other"})
    assert (await ended(db, other))["status"] == "completed"
    await person.execute("rollback")
    assert (await task_row(db, kept))["status"] == "pending"


async def test_a_retried_task_keeps_its_progress_but_not_its_result(db: Connection) -> None:
    ended_ids = [
        await db.fetchval(
            """insert into task_queue (task_type, status, output) values ('toy.note', $1, '{"n": 1}') returning id""",
            status,
        )
        for status in ("completed", "failed")
    ]
    for task_id in ended_ids:
        await db.execute("select retry_task($1)", task_id)
    outputs = [await db.fetchval("select output from task_queue where id = $1", task_id) for task_id in ended_ids]
    assert outputs == [None, '{"n": 1}']


async def test_a_task_whose_cancellation_was_asked_is_not_run_again_when_its_worker_is_gone(db: Connection) -> None:
    task_id = await db.fetchval(
        """
        insert into task_queue (task_type, status, worker_id, run_no, attempts, started_at, cancel_asked_at)
        values ('toy.note', 'processing', 'gone', 1, 1, now(), now()) returning id
        """
    )
    await db.execute("select rowmill.reap('gone', 500)")
    row = await task_row(db, task_id)
    assert (row["status"], row["error_message"]) == ("cancelled", "cancelled by request")
    assert row["completed_at"] is not None
