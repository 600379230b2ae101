"""The reply to a COMMIT is lost. Whether it happened or not: effects once, run rows once, no attempt, no false end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from core import StartOver, state
from core.db.connect import Connection
from tests.committing import Bench, Benches, tuples
from tests.proxy import Loss, Proxy
from tests.running import Database, Workers, all_ended, ended, enqueue, until
from tests.toy.model import AddNote, SetValue

LOSSES = pytest.mark.parametrize("loss", [Loss.REPLY, Loss.REQUEST], ids=lambda loss: loss.name)


@pytest.fixture
async def proxy(database: Database) -> AsyncIterator[Proxy]:
    async with Proxy(database.dsn) as running:
        yield running


@pytest.fixture
def bench(benches: Benches, proxy: Proxy) -> Bench:
    return benches(dsn=proxy.dsn)


@LOSSES
async def test_a_batch_whose_commit_is_unknown_is_written_once(
    db: Connection, bench: Bench, proxy: Proxy, loss: Loss
) -> None:
    runs = await bench.runs(db, 5)
    proxy.orders += [loss] * 3 if loss is Loss.REQUEST else [loss]
    for number, run in enumerate(runs):
        bench.add(run, [SetValue(number % 2, f"{number}"), AddNote(f"{number}")])
    ends = await bench.settled()
    assert {end.status for end in ends.values() if end} == {"completed"}
    assert None not in ends.values(), "a run that was written must not be called lost"
    assert await tuples(db, "select note from toy_notes order by note") == [(f"{number}",) for number in range(5)]
    assert await db.fetchval("select count(*) from toy_edits") == 5
    assert await tuples(db, "select run_no, success, error_message from robot_input_events") == [(1, True, None)] * 5
    assert await tuples(db, "select status, attempts from task_queue") == [("completed", 1)] * 5
    assert not proxy.orders


@LOSSES
async def test_one_commit_connection_is_enough_to_find_out(
    db: Connection, benches: Benches, proxy: Proxy, loss: Loss
) -> None:
    bench = benches(dsn=proxy.dsn, commit_connections=2)
    (run,) = await bench.runs(db, 1)
    proxy.orders.append(loss)
    bench.add(run, [AddNote("once")])
    ends = await bench.settled(10)
    assert (end := ends[run.id]) is not None
    assert end.status == "completed"
    assert await tuples(db, "select note from toy_notes") == [("once",)]


@LOSSES
async def test_a_working_worker_loses_nothing_and_doubles_nothing(
    db: Connection, workers: Workers, proxy: Proxy, loss: Loss
) -> None:
    worker = await workers.start("toy.set", "toy.note", dsn=proxy.dsn)
    proxy.orders += [loss] * 6
    for number in range(60):
        await enqueue(db, "toy.set", {"row_id": number % 7, "value": f"{number}"})
        await enqueue(db, "toy.note", {"note": f"{number}"})
    await all_ended(db)
    assert await db.fetchval("select count(distinct note) from toy_notes") == 60
    assert await db.fetchval("select count(*) from toy_notes") == 60
    assert await db.fetchval("select count(*) from toy_edits") == 60
    assert await tuples(db, "select distinct status, attempts, run_no from task_queue") == [("completed", 1, 1)]
    assert await db.fetchval("select count(*) from robot_input_events where success") == 120
    async with asyncio.timeout(8):
        await worker.stop()


@LOSSES
async def test_a_run_whose_middle_commit_is_unknown_goes_on_where_the_table_says(
    db: Connection, workers: Workers, proxy: Proxy, loss: Loss
) -> None:
    worker = await workers.start("toy.act", dsn=proxy.dsn)
    proxy.orders += [loss, loss]
    task_id = await enqueue(db, "toy.act", {"act": "chunks", "arg": 6})
    row = await ended(db, task_id)
    assert (row["status"], row["attempts"]) == ("completed", 1)
    assert await tuples(db, "select note from toy_notes order by note_no") == [(f"chunk {n}",) for n in range(6)]
    async with asyncio.timeout(8):
        await worker.stop()


async def test_a_final_commit_tells_what_became_of_the_middle_commit_beside_it(
    db: Connection, bench: Bench, proxy: Proxy
) -> None:
    final, midway = await bench.runs(db, 2)
    proxy.orders.append(Loss.REPLY)
    bench.add(final, [AddNote("final")])
    waiter = bench.add_midway(midway, [AddNote("midway")])
    await bench.settled()
    assert waiter.result() is None
    assert await tuples(db, "select note from toy_notes order by note") == [("final",), ("midway",)]


async def test_a_run_that_never_began_is_no_witness_of_the_middle_commit_beside_it(
    db: Connection, bench: Bench, proxy: Proxy
) -> None:
    """It leaves no run row, written or not."""
    unstarted, midway = await bench.runs(db, 2)
    proxy.orders.append(Loss.REPLY)
    bench.add(unstarted, transition=state.unstarted("worker shut down before the run began"))
    waiter = bench.add_midway(midway, [AddNote("midway")])
    await bench.settled(10)
    with pytest.raises(StartOver, match="unknown"):
        waiter.result()
    assert await tuples(db, "select note from toy_notes") == [("midway",)]
    assert await tuples(db, "select status, attempts from task_queue order by status") == [
        ("pending", 0),
        ("processing", 1),
    ]


async def test_a_deferred_run_beside_an_unknown_middle_commit_is_not_forgotten(
    database: Database, db: Connection, bench: Bench, proxy: Proxy
) -> None:
    await db.execute("insert into toy_rows (id) values (1)")
    deferred, midway = await bench.runs(db, 2)
    other = await database.connect()
    transaction = other.transaction()
    await transaction.start()
    await other.execute("select from toy_rows for update")
    proxy.orders.append(Loss.REPLY)
    bench.add(deferred, [SetValue(1, "late")])
    waiter = bench.add_midway(midway, [AddNote("midway")])
    await until(lambda: _done(waiter))
    await transaction.rollback()
    ends = await bench.settled(10)
    assert (end := ends[deferred.id]) is not None
    assert end.status in {"completed", "pending"}
    with pytest.raises(StartOver, match="unknown"):
        waiter.result()


async def _done(waiter: asyncio.Future[None]) -> bool:
    return waiter.done()


async def test_a_worker_that_is_ended_while_it_finds_out_ends(db: Connection, bench: Bench, proxy: Proxy) -> None:
    """Cancelled within an unknown COMMIT: the database knows, and nobody has to wait for it."""
    (run,) = await bench.runs(db, 1)
    blocker = asyncio.Event()
    bench.committer._was_committed = lambda _fates: blocker.wait()  # type: ignore[method-assign, assignment]
    proxy.orders.append(Loss.REPLY)
    bench.add(run, [AddNote("once")])
    await until(lambda: db.fetchval("select status = 'completed' from task_queue"))
    async with asyncio.timeout(5):
        await bench.close()
