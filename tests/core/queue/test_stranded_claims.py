"""A claim whose answer was lost is processing under a worker that lives and does not know it."""

from __future__ import annotations

import asyncio
from functools import partial

from core.db.connect import Connection
from tests.core.queue.claims import claim
from tests.core.queue.doors import entered, held, open_door
from tests.running import Workers, all_ended, ended, enqueue, task_row, until

OLD = "update task_queue set started_at = now() - interval '3 s' where status = 'processing'"


async def test_the_beat_gives_back_what_memory_does_not_hold(db: Connection, workers: Workers) -> None:
    running = await workers.start("toy.note", beat_s=0.05, poll_s=0)
    async with db.transaction():
        for number in range(5):
            await enqueue(db, "toy.note", {"note": str(number)})
        await claim(db, "toy.note", worker=running.worker_id)
        await db.execute(OLD)
    await all_ended(db, 5)
    rows = await db.fetch("select status, attempts, run_no, crashes from task_queue")
    assert [tuple(row) for row in rows] == [("completed", 1, 2, 0)] * 5
    assert await db.fetchval("select count(*) from robot_input_events where run_no = 1") == 0


async def test_a_young_claim_may_still_be_on_its_way(db: Connection, workers: Workers) -> None:
    running = await workers.start("toy.note", beat_s=0.02, poll_s=0)
    async with db.transaction():
        task_id = await enqueue(db, "toy.note", {"note": "x"})
        await claim(db, "toy.note", worker=running.worker_id)
    await beats(db, 5)
    assert (await task_row(db, task_id))["status"] == "processing"


async def test_what_runs_is_not_given_back(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act", beat_s=0.02)
    task_id = await enqueue(db, "toy.act", held("long"))
    await entered("long")
    await db.execute(OLD)
    await beats(db, 5)
    open_door("long")
    row = await ended(db, task_id)
    assert (row["status"], row["run_no"]) == ("completed", 1)


async def test_followers_of_a_run_are_held_with_it(db: Connection, workers: Workers) -> None:
    """The claim of a coalesced run is given back whole, leader and followers."""
    running = await workers.start("toy.copy", beat_s=0.05, poll_s=0)
    async with db.transaction():
        for _ in range(3):
            await enqueue(db, "toy.copy", {"source": 1, "target": 2}, concurrency_key="k")
        await claim(db, "toy.copy", worker=running.worker_id, coalesce=True)
        await db.execute(OLD)
        await db.execute("insert into toy_rows (id, value) values (1, 'v')")
    await all_ended(db, 5)
    rows = await db.fetch("select status, attempts from task_queue")
    assert [tuple(row) for row in rows] == [("completed", 1)] * 3


async def test_a_claim_that_is_cancelled_half_way_leaves_nothing_behind(db: Connection, workers: Workers) -> None:
    """The pool's task is cancelled while the claim's answer is under way: the claim ends, its rows come back."""
    running = await workers.start("toy.note", beat_s=0.05)
    claimer = running.worker.pools[0]._shared.claimer
    operator = running.worker.pools[0]._operator
    async with db.transaction():
        await db.execute("lock table task_queue in access exclusive mode")
        await enqueue(db, "toy.note", {"note": "x"})
        claiming = asyncio.create_task(claimer.claim(operator, 10))
        waiting = "select exists (select from pg_locks where relation = 'task_queue'::regclass and not granted)"
        await until(lambda: db.fetchval(waiting), what="the claim at the lock")
        claiming.cancel()
        await asyncio.gather(claiming, return_exceptions=True)
    await until(lambda: db.fetchval("select run_no = 1 from task_queue"), what="a claim")
    await db.execute(OLD)
    await all_ended(db, 5)


async def beats(db: Connection, count: int) -> None:
    """Waits for this many more beats."""
    last = "select max(beat_at) from rowmill.workers"
    for _ in range(count):
        seen = await db.fetchval(last)
        await until(partial(db.fetchval, f"select ({last}) > $1", seen), what="a beat")
