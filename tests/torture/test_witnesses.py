"""Guards that no other test stands for alone; each is a mutant's witness (mutants/mutants.toml)."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from core.db import catalogs
from core.db.connect import Connection
from core.queue.claim import Claimer
from core.settings import Settings
from tests.core.queue.bells import Bells
from tests.core.queue.claims import asleep_by_hand, claim
from tests.running import SOMEBODY_WAITS, Database, Workers, enqueue, toy_operators, until

NOTES = """
insert into task_queue (task_type, payload) select 'toy.note', '{"note": "x"}' from generate_series(1, $1::int)
"""


async def test_a_claim_passes_over_rows_that_an_open_claim_holds(database: Database, db: Connection) -> None:
    await db.execute(NOTES, 4)
    first, second = await database.connect(), await database.connect(statement_timeout="2000")
    await first.execute("begin")
    held = await claim(first, "toy.note", 2, worker="first")
    taken = await claim(second, "toy.note", 10, worker="second")
    await first.execute("commit")
    assert (len(held), len(taken)) == (2, 2)
    assert {row["id"] for row in held}.isdisjoint(row["id"] for row in taken)


async def test_a_reaper_passes_over_what_somebody_holds(database: Database, db: Connection) -> None:
    """A commit of a worker that looks dead holds its fence row: it is not overtaken, and nobody waits for it."""
    await db.execute(NOTES, 3)
    taken = await claim(db, "toy.note", 3, worker="gone")
    committing, reaper = await database.connect(), await database.connect(statement_timeout="2000")
    await committing.execute("begin")
    await committing.execute("select from task_queue where id = $1 for no key update", taken[0]["id"])
    freed = await reaper.fetch("select id from rowmill.reap(null, 10)")
    assert {row["id"] for row in freed} == {row["id"] for row in taken[1:]}
    await committing.execute("rollback")


async def test_a_looker_that_lapsed_during_a_long_transaction_silences_no_bell(
    database: Database, db: Connection
) -> None:
    """The gate is read by the clock: a `looking` row that was valid when the producer began is not any more."""
    bells = await Bells(await database.connect(), db).start()
    await asleep_by_hand(db, "toy.note")
    await asleep_by_hand(db, "toy.note", "looking", "dead")
    producer = await database.connect()
    await producer.execute("begin")
    await producer.execute("select now()")
    await db.execute("update rowmill.gate set valid_until = clock_timestamp() where state = 'looking'")
    await producer.execute(NOTES, 1)
    await producer.execute("commit")
    assert await bells.heard() == ["toy.note"]


async def test_the_fence_locks_in_key_order(database: Database, db: Connection) -> None:
    """The waiting form of the fence asks about lost commits of whole batches, two at a time: the later one waits at the
    lower id and holds nothing behind it."""
    ids: list[UUID] = sorted([await enqueue(db, "toy.note", {"note": "x"}) for _ in range(3)])
    await db.execute("update task_queue set created_at = now() + interval '1 s' * array_position($1::uuid[], id)", ids)
    await claim(db, "toy.note", 3, worker="me")
    holder, asking = await database.connect(), await database.connect()
    await holder.execute("begin")
    await holder.execute("select from task_queue where id = $1 for no key update", ids[0])
    fence = catalogs.engine()["fence"]
    values = {"ids": ids, "run_nos": [1, 1, 1], "worker_id": "me"}
    await asking.execute("begin")
    waiting = asyncio.create_task(asking.fetch(fence.waiting, *fence.bind(values)))
    await until(lambda: db.fetchval(SOMEBODY_WAITS), what="the fence at the lowest id")
    free = "select id from task_queue where id = any ($1::uuid[]) order by id for no key update skip locked"
    assert [row["id"] for row in await db.fetch(free, ids)] == ids[1:]
    await holder.execute("rollback")
    await waiting


async def test_a_claim_is_not_cut_off_half_way(database: Database, db: Connection) -> None:
    """Whoever asked is cancelled; the claim runs to its end, and its connection is good for the next one."""
    claimer = Claimer(database.dsn, Settings(), "me")
    (note,) = toy_operators("toy.note")
    await claimer.claim(note, 1)
    session = claimer.slots._idle[0][1]
    await db.execute(NOTES, 1)
    await db.execute("begin; lock table task_queue in exclusive mode")
    asked = asyncio.create_task(claimer.claim(note, 1))
    watching = await database.connect()
    await until(lambda: watching.fetchval(SOMEBODY_WAITS), what="the claim at the lock")
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await db.execute("rollback")
    mine = "select count(*) from task_queue where status = 'processing' and worker_id = 'me'"
    await until(lambda: db.fetchval(mine), what="the end of the claim")
    await asyncio.gather(*claimer._asked)
    assert await claimer.claim(note, 1) == []
    assert [each for _, each in claimer.slots._idle] == [session]
    assert await db.fetchval(mine) == 1
    await claimer.close()


async def test_two_workers_of_one_machine_are_two(db: Connection, workers: Workers) -> None:
    """A worker is a process, by an id of its own making: never a host, whose next process would keep an old lease."""
    first, second = await workers.start("toy.note"), await workers.start("toy.note")
    assert first.worker_id != second.worker_id
    assert await db.fetchval("select count(*) from rowmill.workers") == 2
