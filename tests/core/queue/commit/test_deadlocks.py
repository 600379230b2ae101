"""Sessions that want the same rows in opposite order: locks are taken in key order, so one waits and none dies."""

from __future__ import annotations

import asyncio

import pytest

from core import state
from core.db import catalogs
from core.db.connect import Connection
from core.queue.commit.batch import Finished
from core.queue.commit.transaction import Fates, Transaction
from core.queue.run import Run
from tests.committing import Bench, Benches, tuples
from tests.running import Database, until
from tests.toy.model import SetValue
from tests.witnesses.statements import swap_statements


async def deadlocks(database: Database, db: Connection) -> int:
    """As the server counts them; a session's count is certain when the session has ended."""
    others = "select count(*) = 1 from pg_stat_activity where datname = $1 and backend_type = 'client backend'"
    await until(lambda: db.fetchval(others, database.name))
    await db.execute("select pg_stat_clear_snapshot()")
    found: int = await db.fetchval("select deadlocks from pg_stat_database where datname = $1", database.name)
    return found


async def lock_in_turn(database: Database, db: Connection, sql: str) -> list[BaseException | None]:
    """Two sessions run a waiting lock statement on rows 1 and 2, in opposite order. Each stands on a third row of its
    own in between until both are under way, so the outcome does not depend on speed."""
    await db.execute("insert into toy_rows (id) values (1), (2), (11), (12)")
    holder = await database.connect()
    gate = holder.transaction()
    await gate.start()
    await holder.execute("select from toy_rows where id > 10 for update")
    sessions = [await database.connect(deadlock_timeout="50ms") for _ in range(2)]
    orders = [[1, 11, 2], [2, 12, 1]]
    tries = [asyncio.create_task(lock_and_commit(*each, sql)) for each in zip(sessions, orders, strict=True)]
    waiting = "from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    await until(lambda: db.fetchval(f"select count(*) = 2 {waiting}"))
    await gate.rollback()
    ends = await asyncio.gather(*tries, return_exceptions=True)
    for session in (holder, *sessions):
        await session.close()
    return list(ends)


async def lock_and_commit(session: Connection, keys: list[int], sql: str) -> None:
    async with session.transaction():
        await session.fetch(sql, keys)


async def test_waiting_locks_are_taken_in_key_order(database: Database, db: Connection) -> None:
    await no_deadlock(database, db)


async def no_deadlock(database: Database, db: Connection) -> None:
    """Commands wait for their rows; this is their statement."""
    statement = catalogs.of_package("tests.toy")["toy_rows.lock"].waiting
    assert await lock_in_turn(database, db, statement) == [None, None]
    assert await deadlocks(database, db) == 0


async def test_witness_unsorted_locks_deadlock(
    database: Database, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap_statements(monkeypatch, catalogs.of_package("tests.toy"), "unsorted_locks")
    with pytest.raises(AssertionError, match="DeadlockDetectedError"):
        await no_deadlock(database, db)
    assert await deadlocks(database, db) == 1


async def test_a_batch_whose_rows_another_batch_holds_defers_instead_of_waiting(
    database: Database, db: Connection, benches: Benches
) -> None:
    await db.execute("insert into toy_rows (id) values (1), (2)")
    one, two = benches(), benches()
    (run_of_one,), (run_of_two,) = await one.runs(db, 1), await two.runs(db, 1)
    async with one.slots.acquire() as connection:
        first = Transaction(connection, "tests.toy", one.worker_id)
        await first.prepare([one_finished(one, run_of_one, [1, 2])])
        fates = await prepared(two, run_of_two, [2, 1])
        assert len(fates.deferred) == 1
        assert not fates.ended
        await first.commit()
    for bench in (one, two):
        await bench.close()
    assert await deadlocks(database, db) == 0


def one_finished(bench: Bench, run: Run, rows: list[int]) -> Finished:
    return Finished(run, [SetValue(row, bench.worker_id) for row in rows], state.completed())


async def prepared(bench: Bench, run: Run, rows: list[int]) -> Fates:
    async with bench.slots.acquire() as connection, asyncio.timeout(2):
        return await Transaction(connection, "tests.toy", bench.worker_id).prepare([one_finished(bench, run, rows)])


async def test_committers_in_opposite_order_end_without_a_deadlock(
    database: Database, db: Connection, benches: Benches
) -> None:
    await db.execute("insert into toy_rows (id) select generate_series(0, 19)")
    orders = [range(20), range(19, -1, -1), range(10, 20)]
    committers = [benches() for _ in orders]
    for bench, order in zip(committers, orders, strict=True):
        for run in await bench.runs(db, 10):
            bench.add(run, [SetValue(row, str(run.id)) for row in order])
    await asyncio.gather(*(bench.settled() for bench in committers))
    for bench in committers:
        await bench.close()
    assert await deadlocks(database, db) == 0
    assert {end.status for bench in committers for end in bench.ends.values() if end} <= {"completed", "pending"}
    assert await db.fetchval("select count(*) from task_queue where attempts > 1") == 0


@pytest.mark.parametrize("code", ["40P01", "40001"])
async def test_a_victim_of_the_database_repeats_its_batch_without_an_attempt(
    db: Connection, bench: Bench, code: str
) -> None:
    await db.execute(
        f"""
        create sequence tries;
        create function refuse_twice() returns trigger language plpgsql as $$
        begin
            if nextval('tries') <= 2 then raise exception 'a victim' using errcode = '{code}'; end if;
            return null;
        end $$;
        create trigger refuse after insert on toy_rows for each statement execute function refuse_twice()
        """
    )
    runs = await bench.runs(db, 5)
    for number, run in enumerate(runs):
        bench.add(run, [SetValue(number, "once")])
    ends = await bench.settled()
    assert {end.status for end in ends.values() if end} == {"completed"}
    assert await db.fetchval("select last_value from tries") == 3
    assert await tuples(db, "select distinct status, attempts, run_no from task_queue") == [("completed", 1, 1)]
    assert await db.fetchval("select count(*) from toy_edits") == 5
