"""All due tasks of a key become one run, and no edit is ever lost by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from core.db.connect import Connection
from tests.core.queue.claims import claim
from tests.running import Database, Workers, all_ended, ended, enqueue, task_row, until
from tests.witnesses.sql import swap_in

COPY = '{"source": 1, "target": 2}'
INSERT = f"insert into task_queue (task_type, payload, concurrency_key) values ('toy.copy', '{COPY}', 'row 1')"
MANY = INSERT.replace("values (", "select ").removesuffix(")") + " from generate_series(1, $1)"
EDIT = "update toy_rows set value = $1, version = nextval('rowmill.version') where id = 1"
RESULT = "select value from toy_rows where id = 2"


@pytest.fixture
async def row(db: Connection) -> None:
    await db.execute("insert into toy_rows (id, value) values (1, 'v1')")


@asynccontextmanager
async def reads_held(database: Database) -> AsyncIterator[Connection]:
    """Nobody can read toy_rows but the session handed out, until its transaction ends."""
    session = await database.connect()
    await session.execute("begin; lock table toy_rows in access exclusive mode")
    try:
        yield session
    finally:
        if session.is_in_transaction():
            await session.execute("commit")


async def claimed(db: Connection, count: int) -> None:
    query = "select count(*) = $1 from task_queue where status = 'processing'"
    await until(lambda: db.fetchval(query, count), what=f"a claim of {count}")


async def test_all_due_tasks_of_a_key_are_one_run(db: Connection, workers: Workers, row: None) -> None:
    await db.execute(MANY, 5)
    await workers.start("toy.copy")
    await all_ended(db)
    tasks = await db.fetch("select id, leader_id, status, attempts, run_no, output::text from task_queue order by id")
    (leader,) = [task for task in tasks if task["leader_id"] is None]
    assert leader["output"] == '{"followers": 4}'
    for task in tasks:
        assert (task["status"], task["attempts"], task["run_no"]) == ("completed", 1, 1)
        if task is not leader:
            assert task["leader_id"] == leader["id"]
            assert task["output"] == f'{{"led_by": "{leader["id"]}"}}'
    assert await db.fetchval("select array_agg(task_id) from robot_input_events") == [leader["id"]]


async def test_a_task_that_is_not_due_is_not_taken_along(db: Connection, row: None) -> None:
    await db.execute(MANY, 2)
    await db.execute(
        INSERT.replace("concurrency_key)", "concurrency_key, scheduled_for)").replace(
            "'row 1')", "'row 1', now() + interval '1 hour')"
        )
    )
    assert len(await claim(db, "toy.copy", coalesce=True)) == 2


async def test_followers_are_capped_and_the_rest_is_the_next_run(db: Connection, workers: Workers, row: None) -> None:
    await db.execute(MANY, 620)
    taken = await claim(db, "toy.copy", coalesce=True)
    assert len(taken) == 501
    assert len([task for task in taken if task["leader_id"] is None]) == 1
    assert await claim(db, "toy.copy", coalesce=True) == []
    await db.execute("select * from rowmill.reap('by hand', 1000)")
    await workers.start("toy.copy")
    await all_ended(db)
    followers = await db.fetch("select (output ->> 'followers')::int from task_queue where output ? 'followers'")
    assert sorted(found for (found,) in followers) == [118, 500]


async def test_a_limit_counts_runs_not_tasks(db: Connection) -> None:
    for key in ("a", "b", "c"):
        await db.execute(MANY.replace("row 1", key), 10)
    taken = await claim(db, "toy.copy", 2, coalesce=True)
    assert len(taken) == 20
    assert len({task["concurrency_key"] for task in taken}) == 2


async def test_a_cancelled_follower_drops_out(database: Database, db: Connection, workers: Workers, row: None) -> None:
    await workers.start("toy.copy")
    async with reads_held(database):
        await db.execute(MANY, 4)
        await claimed(db, 4)
        follower = await db.fetchval("select id from task_queue where leader_id is not null limit 1")
        assert await db.fetchval("select cancel_task($1)", follower) == "cancel asked"
    await all_ended(db)
    assert (await task_row(db, follower))["status"] == "cancelled"
    assert await db.fetchval("select count(*) from task_queue where status = 'completed'") == 3
    assert await db.fetchval(RESULT) == "v1"


async def test_a_cancelled_leader_returns_its_followers(
    database: Database, db: Connection, workers: Workers, row: None
) -> None:
    await workers.start("toy.copy", beat_s=0.05, poll_s=0)
    async with reads_held(database):
        await db.execute(MANY, 4)
        await claimed(db, 4)
        leader = await db.fetchval("select id from task_queue where leader_id is null")
        await db.fetchval("select cancel_task($1)", leader)
        cancelled = "select status = 'cancelled' from task_queue where id = $1"
        await until(lambda: db.fetchval(cancelled, leader), what="the cancellation")
    await all_ended(db)
    followers = await db.fetch("select status, attempts, run_no from task_queue where id <> $1", leader)
    assert [tuple(task) for task in followers] == [("completed", 1, 2)] * 3
    assert await db.fetchval(RESULT) == "v1"


async def test_a_follower_with_a_bad_payload_fails_alone(db: Connection, workers: Workers, row: None) -> None:
    await db.execute(MANY, 3)
    bad = await enqueue(db, "toy.copy", {"source": "x", "target": 2}, concurrency_key="row 1")
    await workers.start("toy.copy")
    await all_ended(db)
    failed = await task_row(db, bad)
    assert (failed["status"], "payload.source" in failed["error_message"]) == ("failed", True)
    assert await db.fetchval("select count(*) from task_queue where status = 'completed'") == 3


async def test_a_leader_with_a_bad_payload_fails_alone(db: Connection, workers: Workers, row: None) -> None:
    bad = await enqueue(db, "toy.copy", {"source": "x", "target": 2}, concurrency_key="row 1", priority=9)
    await db.execute(MANY, 3)
    await workers.start("toy.copy", poll_s=0)
    await all_ended(db)
    assert (await task_row(db, bad))["status"] == "failed"
    good = await db.fetch("select status, attempts from task_queue where id <> $1", bad)
    assert [tuple(task) for task in good] == [("completed", 1)] * 3
    assert await db.fetchval(RESULT) == "v1"


async def edit_beside_a_run(database: Database, db: Connection, workers: Workers, insert: str) -> None:
    """An editor has changed the input and enqueued, and not committed; a worker runs the task that was there before.

    Afterwards the result must be made of the edit."""
    await db.execute(INSERT)
    editor = await database.connect()
    await editor.execute("begin")
    await editor.execute(EDIT, "v2")
    await editor.execute(insert)
    await workers.start("toy.copy")
    await until(lambda: db.fetchval(RESULT), what="the result of the earlier task")
    assert await db.fetchval(RESULT) == "v1"
    await editor.execute("commit")
    await until(lambda: db.fetchval(f"select ({RESULT}) = 'v2'"), 3, "the result of the edit")


async def test_the_edit_of_an_open_transaction_is_not_lost(
    database: Database, db: Connection, workers: Workers, row: None
) -> None:
    await edit_beside_a_run(database, db, workers, INSERT)


async def test_witness_coalescing_at_the_insert_loses_the_edit(
    database: Database, db: Connection, workers: Workers, row: None
) -> None:
    """A unique index over pending tasks and ON CONFLICT DO NOTHING: the edit coalesces into a task that has not seen
    it."""
    await swap_in(db, "do_nothing_coalescing")
    with pytest.raises(AssertionError, match="the result of the edit"):
        await edit_beside_a_run(database, db, workers, f"{INSERT} on conflict do nothing")


async def test_an_edit_between_claim_and_read_is_in_the_result(
    database: Database, db: Connection, workers: Workers, row: None
) -> None:
    await workers.start("toy.copy")
    async with reads_held(database) as editor:
        await db.execute(INSERT)
        await claimed(db, 1)
        await editor.execute(EDIT, "v2")
        await editor.execute(INSERT)
    await all_ended(db)
    assert await db.fetchval(RESULT) == "v2"
    assert await db.fetchval("select array_agg(after order by edit_no) from toy_edits") in (["v2"], ["v2", "v2"])


async def test_a_decision_on_old_inputs_is_superseded_and_its_successor_writes(
    database: Database, db: Connection, workers: Workers, row: None
) -> None:
    """The edit comes between read and commit: the task row is locked meanwhile, so the commit must wait."""
    running = await workers.start("toy.copy")
    holder = await database.connect()
    async with reads_held(database):
        first = await enqueue(db, "toy.copy", COPY, concurrency_key="row 1")
        await claimed(db, 1)
        await holder.execute("begin")
        await holder.execute("select from task_queue where id = $1 for no key update", first)
    await until(lambda: decided(running.worker.pools[0].committer.backlog), what="a decision on v1")
    async with db.transaction():
        await db.execute(EDIT, "v2")
        await db.execute(INSERT)
    await holder.execute("rollback")
    await all_ended(db)
    old = await task_row(db, first)
    assert (old["status"], old["output"]) == ("completed", '{"superseded": true}')
    assert await db.fetchval("select array_agg(after) from toy_edits") == ["v2"]
    assert await db.fetchval(RESULT) == "v2"


async def decided(backlog: int) -> bool:
    return backlog > 0


async def test_many_editors_and_two_workers_end_with_the_last_edit(
    database: Database, db: Connection, workers: Workers
) -> None:
    """Edits of ten rows in transactions of different lengths; each result ends as a copy, each superseded task has a
    later run of its key."""
    await db.execute("insert into toy_rows (id, value) select n, '0' from generate_series(1, 10) n")
    for _ in range(2):
        await workers.start("toy.copy", poll_s=0)

    async def edit(session: Connection, number: int) -> None:
        at = 1 + number % 10
        async with session.transaction():
            if number % 3:
                await session.execute("select pg_sleep(0.002 * ($1 % 7))", number)
            await session.execute(
                "update toy_rows set value = $2, version = nextval('rowmill.version') where id = $1", at, str(number)
            )
            await session.execute(
                """insert into task_queue (task_type, payload, concurrency_key)
                   values ('toy.copy', jsonb_build_object('source', $1::int, 'target', 100 + $1::int), 'row ' || $1)""",
                at,
            )

    async def editor(first: int) -> None:
        session = await database.connect()
        for number in range(first, first + 100):
            await edit(session, number)

    await asyncio.gather(*(editor(number) for number in range(0, 400, 100)))
    await all_ended(db)
    different = """select count(*) from toy_rows source join toy_rows target on target.id = source.id + 100
                   where source.id <= 10 and source.value is distinct from target.value"""
    assert await db.fetchval(different) == 0
    assert await db.fetchval("select count(*) from task_queue where status <> 'completed'") == 0
    orphans = """select count(*) from task_queue t where t.output ? 'superseded' and not exists (
                     select from task_queue n where n.concurrency_key = t.concurrency_key
                     and n.leader_id is null and n.started_at > t.started_at)"""
    assert await db.fetchval(orphans) == 0
    assert (await ended(db, await enqueue(db, "toy.copy", COPY)))["status"] == "completed"
