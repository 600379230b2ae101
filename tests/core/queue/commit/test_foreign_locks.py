"""Somebody's open transaction holds a row: everybody else's work commits meanwhile, and no attempt is used."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from core.db.connect import Connection
from core.queue.commit import committer
from core.queue.commit.batch import Finished, form
from tests.committing import Bench, tuples
from tests.running import Database, Workers, ended, enqueue, task_row, until
from tests.toy.model import AddNote, SetValue

SOON_S = 1.0  # generous: it is a few milliseconds on an idle machine


@asynccontextmanager
async def holding(database: Database, statement: str) -> AsyncIterator[Connection]:
    """An open transaction of another session that has run this statement."""
    session = await database.connect(application_name="psql")
    transaction = session.transaction()
    await transaction.start()
    await session.execute(statement)
    try:
        yield session
    finally:
        await transaction.rollback()


async def test_one_locked_row_holds_up_nobody_else(database: Database, db: Connection, bench: Bench) -> None:
    await db.execute("insert into toy_rows (id) select generate_series(0, 99)")
    runs = await bench.runs(db, 100)
    async with holding(database, "select from toy_rows where id = 31 for update") as session:
        began = asyncio.get_running_loop().time()
        for number, run in enumerate(runs):
            bench.add(run, [SetValue(number, "written")])
        await until(lambda: db.fetchval("select count(*) = 99 from task_queue where status = 'completed'"))
        assert asyncio.get_running_loop().time() - began < SOON_S
        assert await db.fetchval("select count(*) from toy_rows where value = 'written'") == 99
        await bench.settled()
        row = await task_row(db, runs[31].id)
        assert (row["status"], row["attempts"]) == ("pending", 0)
        reason = f"waits for a lock held by pid {session.get_server_pid()} (psql, idle in transaction)"
        assert row["error_message"] == reason
    assert await tuples(db, "select success from robot_input_events where task_id = $1", runs[31].id) == [(False,)]


async def test_a_run_that_falls_due_while_a_batch_is_formed_is_not_slept_away(
    database: Database, db: Connection, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deferred runs are tried again at their time even if it comes between looking at them and falling asleep."""
    await db.execute("insert into toy_rows (id) values (1)")
    (run,) = await bench.runs(db, 1)
    monkeypatch.setattr(committer, "form", formed_late)
    async with holding(database, "select from toy_rows where id = 1 for update"):
        bench.add(run, [SetValue(1, "late")])
        moved = (await bench.settled(5))[run.id]
    assert moved is not None
    assert moved.status == "pending"


def formed_late(waiting: list[Finished], *given: Any, **options: Any) -> list[Finished]:
    """A batch whose forming takes until whatever was not due before is due."""
    batch = form(waiting, *given, **options)
    due = max((each.not_before for each in waiting), default=0.0)
    time.sleep(max(due - asyncio.get_running_loop().time(), 0.0) + 0.001)
    return batch


async def test_the_task_of_a_locked_row_completes_after_the_lock(
    database: Database, db: Connection, workers: Workers
) -> None:
    await db.execute("insert into toy_rows (id) values (1)")
    await workers.start("toy.set")
    async with holding(database, "select from toy_rows where id = 1 for update"):
        task_id = await enqueue(db, "toy.set", {"row_id": 1, "value": "late"})
        await until(lambda: db.fetchval("select error_message ~ 'lock' from task_queue"))
        assert (await task_row(db, task_id))["status"] == "pending"
    row = await ended(db, task_id)
    assert (row["status"], row["attempts"]) == ("completed", 1)
    assert row["run_no"] > 1
    assert await db.fetchval("select value from toy_rows") == "late"
    assert await db.fetchval("select count(*) from toy_edits") == 1


async def test_later_runs_on_a_locked_row_keep_their_order(database: Database, db: Connection, bench: Bench) -> None:
    await db.execute("insert into toy_rows (id) values (1), (2)")
    first, second, free = await bench.runs(db, 3)
    async with holding(database, "select from toy_rows where id = 1 for update"):
        bench.add(first, [SetValue(1, "first"), SetValue(2, "first")])
        bench.add(second, [SetValue(2, "second")])
        bench.add(free, [SetValue(3, "free")])
        await until(lambda: db.fetchval("select true from toy_rows where id = 3"))
        assert await db.fetchval("select count(*) from toy_edits where row_id < 3") == 0
    await bench.settled()
    assert await tuples(db, "select id, value from toy_rows order by id") == [(1, "first"), (2, "second"), (3, "free")]


async def test_a_task_row_that_a_client_holds_keeps_only_its_own_run_waiting(
    database: Database, db: Connection, bench: Bench
) -> None:
    runs = await bench.runs(db, 10)
    async with holding(database, f"select from task_queue where id = '{runs[4].id}' for update"):
        for run in runs:
            bench.add(run, [AddNote(str(run.id))])
        await until(lambda: db.fetchval("select count(*) = 9 from task_queue where status = 'completed'"))
        assert await db.fetchval("select count(*) from toy_notes") == 9
    ends = await bench.settled()
    assert {end.status for end in ends.values() if end} == {"completed"}
    assert await tuples(db, "select status, attempts, run_no from task_queue") == [("completed", 1, 1)] * 10
    assert await db.fetchval("select count(distinct note) from toy_notes") == 10


async def test_a_locked_table_stops_only_those_who_need_it(database: Database, db: Connection, bench: Bench) -> None:
    runs = await bench.runs(db, 6)
    async with holding(database, "lock table toy_rows in access exclusive mode"):
        for number, run in enumerate(runs):
            bench.add(run, [SetValue(1, "blocked")] if number == 2 else [AddNote("free")])
        ends = await bench.settled()
        assert [run.id for run in runs if (end := ends[run.id]) and end.status == "completed"] == [
            run.id for run in runs if run is not runs[2]
        ]
        row = await task_row(db, runs[2].id)
        assert (row["status"], row["attempts"]) == ("pending", 0)
        assert row["error_message"] == "waits for a locked row"


async def test_a_run_that_has_read_a_locked_table_goes_back_all_the_same(
    database: Database, db: Connection, bench: Bench
) -> None:
    """Comparing the versions it read would wait for that very lock."""
    await db.execute("insert into toy_rows (id) values (1)")
    version = await db.fetchval("select version from toy_rows")
    (run,) = await bench.runs(db, 1)
    async with holding(database, "lock table toy_rows in access exclusive mode"):
        bench.add(run, [SetValue(1, "blocked")], seen=version)
        await bench.settled(10)
        row = await task_row(db, run.id)
        assert (row["status"], row["attempts"]) == ("pending", 0)
