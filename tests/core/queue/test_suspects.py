"""Suspects: out of every ordinary claim, taken by one parent each, and judged by how their child ends."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from core.db.connect import Connection
from core.errors import RowmillError
from core.queue.alone import Alone
from core.settings import Settings
from tests.committing import tuples
from tests.core.queue.claims import claim
from tests.running import SOMEBODY_WAITS, Database, enqueue, task_row, until

NOTE = {"note": "n"}
PARENT, CHILD = 1, 2
TYPES = ["toy.note", "toy.set"]


async def suspect(db: Connection, task_type: str = "toy.note", **columns: object) -> UUID:
    return await enqueue(db, task_type, NOTE, **{"crashes": 2, **columns})


async def claim_suspect(session: Connection, child: str = "child", types: list[str] = TYPES) -> UUID | None:
    found: UUID | None = await session.fetchval(
        "select id from rowmill.claim_suspect($1, $2, 'here', $3, 30)", types, child, PARENT
    )
    return found


async def take(session: Connection, task_id: UUID, child: str = "child") -> bool:
    return bool(await session.fetch("select * from rowmill.take($1, $2, 'here', $3, 30)", task_id, child, CHILD))


async def end(session: Connection, crash: str | None, child: str = "child") -> list[tuple[UUID, str]]:
    return await tuples(session, "select id, status from rowmill.end_child($1, $2, $3, 'mark')", child, PARENT, crash)


async def state(db: Connection, task_id: UUID) -> tuple[str, int, int]:
    row = await task_row(db, task_id)
    return row["status"], row["attempts"], row["crashes"]


@pytest.mark.parametrize("key", [None, "k"])
async def test_no_claim_and_no_look_meets_a_suspect(db: Connection, key: str | None) -> None:
    await suspect(db, concurrency_key=key)
    for oldest in (False, True):
        assert await claim(db, "toy.note", oldest=oldest) == []
        assert await claim(db, "toy.note", oldest=oldest, coalesce=True) == []
    assert not await db.fetchval("select rowmill.has_claimable('toy.note')")
    assert await db.fetchval("select rowmill.next_due_s('toy.note')") is None
    assert await db.fetchval("select ready from rowmill.depth('toy.note', 10)") == 1
    assert [row[0] for row in await tuples(db, "select rowmill.pending_types()")] == ["toy.note"]


async def test_a_coalescing_claim_leaves_a_suspect_of_its_key_behind(db: Connection) -> None:
    alone = await suspect(db, concurrency_key="k")
    for _ in range(2):
        await enqueue(db, "toy.note", NOTE, concurrency_key="k")
    assert len(await claim(db, "toy.note", coalesce=True)) == 2
    assert await claim_suspect(db) is None, "its key is running"
    await db.execute("update task_queue set status = 'completed' where status = 'processing'")
    assert await claim_suspect(db) == alone


@pytest.mark.parametrize(
    "columns", [{"scheduled_for": "later"}, {"crashes": 1}, {"task_type": "toy.act"}], ids=["later", "first", "type"]
)
async def test_what_is_not_a_due_suspect_of_these_types_is_left(db: Connection, columns: dict[str, object]) -> None:
    task_id = await suspect(db)
    for name, value in columns.items():
        given = "now() + interval '1 hour'" if value == "later" else f"'{value}'"
        await db.execute(f"update task_queue set {name} = {given}")
    assert await claim_suspect(db) is None
    assert (await task_row(db, task_id))["status"] == "pending"


async def test_a_paused_type_starts_no_child(db: Connection) -> None:
    task_id = await suspect(db)
    await db.execute("insert into rowmill.task_types (task_type, paused_at) values ('toy.note', now())")
    assert await claim_suspect(db) is None
    assert not await take(db, task_id)
    await db.execute("update rowmill.task_types set paused_at = null")
    assert await claim_suspect(db) == task_id


async def test_two_parents_never_take_the_same_suspect(database: Database, db: Connection) -> None:
    wanted = {await suspect(db) for _ in range(20)}
    sessions = [await database.connect() for _ in range(4)]

    async def all_of(session: Connection, name: str) -> list[UUID]:
        found: list[UUID] = []
        while (task_id := await claim_suspect(session, f"{name} {len(found)}")) is not None:
            found.append(task_id)
        return found

    taken = await asyncio.gather(*(all_of(each, f"child {at}") for at, each in enumerate(sessions)))
    flat = [task_id for found in taken for task_id in found]
    assert (len(flat), set(flat)) == (20, wanted)


async def test_of_one_key_one_suspect_runs(database: Database, db: Connection) -> None:
    for _ in range(2):
        await suspect(db, concurrency_key="k")
    assert await claim_suspect(db, "one") is not None
    assert await claim_suspect(await database.connect(), "two") is None


async def test_a_child_takes_what_was_claimed_for_it_in_the_same_run(db: Connection) -> None:
    task_id = await suspect(db)
    assert await claim_suspect(db) == task_id
    assert await take(db, task_id)
    row = await task_row(db, task_id)
    assert (row["run_no"], row["attempts"], row["worker_id"]) == (1, 1, "child")
    assert not await take(db, task_id, "another child")
    assert await tuples(db, "select worker_id, pid, draining, task_types from rowmill.workers") == [
        ("child", CHILD, True, [])
    ]


async def test_a_crash_alone_ends_in_quarantine_with_its_reason(db: Connection) -> None:
    task_id = await suspect(db)
    await claim_suspect(db)
    await take(db, task_id)
    assert await end(db, "broke") == [(task_id, "failed")]
    assert await state(db, task_id) == ("failed", 0, 3)
    told = "crash_loop: it ran alone in a child process, after 2 crashes of its workers, and broke"
    assert (await task_row(db, task_id))["error_message"] == told
    runs = await tuples(db, "select run_no, success, error_message, error_fingerprint from robot_input_events")
    assert runs == [(1, False, told, "mark")]
    assert await db.fetchval("select count(*) from rowmill.workers") == 0
    await db.execute("select retry_task($1)", task_id)
    assert len(await claim(db, "toy.note")) == 1, "a retried task is no suspect any more"


@pytest.mark.parametrize("begun", [False, True])
async def test_a_child_that_never_began_or_was_drained_burns_nothing(db: Connection, begun: bool) -> None:
    task_id = await suspect(db)
    await claim_suspect(db)
    if begun:
        await take(db, task_id)
    assert await end(db, None if begun else "broke") == [(task_id, "pending")]
    assert await state(db, task_id) == ("pending", 0, 2)
    runs = await tuples(db, "select success, error_message, error_fingerprint from robot_input_events")
    assert runs == ([(False, "its child process was stopped", None)] if begun else [])


async def test_a_child_that_crashes_after_its_cancellation_was_asked_leaves_a_cancelled_task(db: Connection) -> None:
    task_id = await suspect(db)
    await claim_suspect(db)
    await take(db, task_id)
    await db.execute("select cancel_task($1)", task_id)
    assert await end(db, "broke") == [(task_id, "cancelled")]


async def test_the_verdict_waits_for_a_commit_that_is_under_way(database: Database, db: Connection) -> None:
    task_id = await suspect(db)
    await claim_suspect(db)
    await take(db, task_id)
    dead = await database.connect()
    await dead.execute("begin")
    await dead.execute("update task_queue set status = 'completed' where id = $1", task_id)
    verdict = asyncio.create_task(end(db, "broke"))
    await until(lambda: dead.fetchval(SOMEBODY_WAITS))
    await dead.execute("commit")
    assert await verdict == []
    assert (await state(db, task_id))[0] == "completed"


async def test_a_suspect_whose_child_nobody_saw_end_runs_alone_again_up_to_five_crashes(db: Connection) -> None:
    task_id = await suspect(db)
    for crashes in (3, 4, 5):
        assert await claim_suspect(db) == task_id
        await db.execute("update rowmill.workers set lease_until = now() - interval '1 s'")
        await db.fetch("select * from rowmill.reap(null, 10)")
        assert await state(db, task_id) == ("failed" if crashes == 5 else "pending", 0, crashes)
    assert (await task_row(db, task_id))["error_message"].startswith("crash_loop: the worker died 5 times")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("status = 'completed', completed_at = now()", "this task cannot run now: It completed at"),
        ("scheduled_for = now() + interval '1 hour'", "this task cannot run now: It is due at"),
        ("task_type = 'no.such'", "no operator here runs no.such"),
    ],
)
async def test_a_task_that_cannot_run_alone_says_why(
    database: Database, db: Connection, change: str, told: str
) -> None:
    task_id = await suspect(db)
    await db.execute(f"update task_queue set {change}")
    with pytest.raises(RowmillError, match=told):
        await Alone(database.dsn, Settings(watchdog_s=0), task_id).run()


async def test_a_child_goes_on_with_other_suspects_one_by_one(database: Database, db: Connection) -> None:
    tasks = [await suspect(db) for _ in range(5)]
    other = await suspect(db, "toy.set")
    held: list[bool] = []
    alone = Alone(database.dsn, Settings(watchdog_s=0), tasks[0], hold=lambda: held.append(True))
    await alone.run_on(["toy.note"])
    assert (
        await tuples(db, "select status, run_no from task_queue where task_type = 'toy.note'") == [("completed", 1)] * 5
    )
    assert (await task_row(db, other))["status"] == "pending"
    assert len(held) == 5, "each of them begins with limits of its own"
    assert await db.fetchval("select sum(completed) from rowmill.task_stats") == 5
    assert await db.fetchval("select count(*) from rowmill.workers") == 0
