"""Trouble that is nobody's fault costs no attempt: the batch is kept, claims stop, and all is made good afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from core.db.connect import Connection
from tests.committing import Bench, tuples
from tests.running import Database, Workers, all_ended, enqueue, until
from tests.toy.model import SetValue

TASKS = 60


async def enqueue_some(db: Connection, first: int, count: int = TASKS) -> None:
    for number in range(first, first + count):
        await enqueue(db, "toy.set", {"row_id": number % 50, "value": f"{number}"})


async def all_once(db: Connection, count: int) -> None:
    """Every task completed at its first attempt, with one edit and one successful run each."""
    await all_ended(db)
    assert await tuples(db, "select distinct status, attempts from task_queue") == [("completed", 1)]
    assert await db.fetchval("select count(*) from task_queue") == count
    assert await db.fetchval("select count(*) from toy_edits") == count
    assert await db.fetchval("select count(distinct task_id) from toy_edits") == count
    assert await db.fetchval("select count(*) from robot_input_events where success") == count


TROUBLES = {
    "a renamed column": (
        "alter table toy_rows rename column value to values",
        "alter table toy_rows rename column values to value",
    ),
    "a renamed table": ("alter table toy_edits rename to toy_edited", "alter table toy_edited rename to toy_edits"),
    "a missing grant": ("revoke insert on toy_edits from writer", "grant insert on toy_edits to writer"),
    "a read-only table": (
        """
        create function refuse() returns trigger language plpgsql as
        $$ begin raise exception 'closed for maintenance' using errcode = '25006'; end $$;
        create trigger refuse before insert on toy_edits execute function refuse()
        """,
        "drop trigger refuse on toy_edits",
    ),
}


@pytest.mark.parametrize("what", TROUBLES)
async def test_a_schema_that_does_not_fit_for_a_while_uses_no_attempt(
    db: Connection, workers: Workers, writer_dsn: str, what: str
) -> None:
    login = urlsplit(writer_dsn).username or ""
    broken, mended = (sql.replace("writer", login) for sql in TROUBLES[what])
    worker = await workers.start("toy.set", dsn=writer_dsn)
    committer = worker.worker.pools[0].committer
    await enqueue_some(db, 0)
    await db.execute(broken)
    await enqueue_some(db, TASKS)
    await until(lambda: _true(committer.blocked))
    await db.execute(mended)
    await all_once(db, 2 * TASKS)
    await worker.stop()


async def _true(value: object) -> bool:
    return bool(value)


@pytest.fixture
async def writer_dsn(database: Database, db: Connection) -> AsyncIterator[str]:
    """A login that may do what a worker does by its grants, not as a superuser."""
    role = f"writer_{database.name}"
    await db.execute(
        f"""
        create role {role} login in role rowmill_worker;
        grant select, insert, update, delete on toy_rows, toy_edits, toy_notes to {role}
        """
    )
    try:
        yield database.dsn.replace("postgres@", f"{role}@")
    finally:
        await db.execute(f"drop owned by {role} cascade; drop role {role}")


async def test_a_plan_that_may_not_change_its_result_is_prepared_anew(db: Connection, bench: Bench) -> None:
    """0A000 comes to prepared statements whose result type was altered under them."""
    await db.execute("insert into toy_rows (id, value) values (1, 'old')")
    for number, change in enumerate(("type varchar(2000)", "type text")):
        (run,) = await bench.runs(db, 1)
        bench.add(run, [SetValue(1, f"{number}")])
        await bench.settled()
        await db.execute(f"alter table toy_rows alter column value {change}")
    (run,) = await bench.runs(db, 1)
    bench.add(run, [SetValue(1, "last")])
    await bench.settled()
    assert await db.fetchval("select value from toy_rows") == "last"
    assert await tuples(db, "select distinct status, attempts, run_no from task_queue") == [("completed", 1, 1)]


@pytest.mark.parametrize("which", ["commit", "claim", "read", "beat", "listen", ""], ids=lambda name: name or "all")
async def test_terminated_sessions_lose_nothing_and_use_no_attempt(
    db: Connection, workers: Workers, which: str
) -> None:
    await workers.start("toy.set", "toy.copy", lease_s=3)
    await db.execute("insert into toy_rows (id, value) select n, 'v' from generate_series(50, 55) n")
    for round_no in range(6):
        await enqueue_some(db, round_no * 20, 20)
        payload = {"source": 50 + round_no, "target": 100 + round_no}
        await enqueue(db, "toy.copy", payload, concurrency_key=f"{round_no}")
        await db.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and application_name like 'rowmill ' || $1 || '%'",
            which,
        )
    await all_once(db, 126)


async def test_a_backend_that_dies_within_its_transaction_has_written_nothing(
    database: Database, db: Connection, bench: Bench
) -> None:
    await db.execute("insert into toy_rows (id, value) values (1, 'old')")
    runs = await bench.runs(db, 3)
    other = await database.connect()
    transaction = other.transaction()
    await transaction.start()
    await other.execute("lock table toy_edits in access exclusive mode")
    for number, run in enumerate(runs):
        bench.add(run, [SetValue(number, "once")])
    waiting = (
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'rowmill commit' and wait_event_type = 'Lock' and datname = current_database()"
    )
    await until(lambda: db.fetchval(waiting))
    await transaction.rollback()
    await bench.settled()
    assert await tuples(db, "select distinct status, attempts, run_no from task_queue") == [("completed", 1, 1)]
    assert await db.fetchval("select count(*) from toy_edits") == 3


async def test_a_worker_starts_its_work_when_the_database_takes_connections_again(
    database: Database, db: Connection, workers: Workers
) -> None:
    await workers.start("toy.set")
    admin = await asyncpg.connect(database.dsn.replace(database.name, "postgres"))
    try:
        await enqueue_some(db, 0)
        await admin.execute(f"alter database {database.name} allow_connections false")
        await admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = $1 and application_name like 'rowmill %'",
            database.name,
        )
        await enqueue_some(db, TASKS)
        await admin.execute(f"alter database {database.name} allow_connections true")
        await all_once(db, 2 * TASKS)
    finally:
        await admin.close()
