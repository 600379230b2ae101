"""No wake-up is lost with polling off; and the two naive gates that lose one, in the very moment they lose it."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from core.db import catalogs
from core.db.connect import Connection
from core.db.embedded import EmbeddedServer
from core.queue.gate import Gate
from tests.core.queue.bells import Bells
from tests.core.queue.claims import claim
from tests.core.queue.sleepers import wait_asleep
from tests.running import SOMEBODY_WAITS, Database, Workers, all_ended, ended, enqueue, until
from tests.witnesses.sql import swap_in

LOST_AFTER_S = 1.5


async def test_every_task_is_picked_up_from_producers_that_hold_their_transactions(
    database: Database, db: Connection, workers: Workers
) -> None:
    """Eight producers, transactions of 0 to 30 ms, three workers with two slots of one type and many of another."""
    for _ in range(3):
        await workers.start("toy.narrow", "toy.note", poll_s=0)
    committed: dict[UUID, datetime] = {}
    chance = random.Random(7)

    async def producer() -> None:
        session = await database.connect()
        for number in range(150):
            kind = chance.choice(("toy.narrow", "toy.note"))
            payload = {"note": "x"} if kind == "toy.note" else {"act": "note_text", "arg": "x"}
            await session.execute("begin")
            tasks = [await enqueue(session, kind, payload) for _ in range(chance.choice((1, 1, 3)))]
            if number % 2:
                await session.execute("select pg_sleep($1)", chance.uniform(0, 0.03))
            await session.execute("commit")
            committed.update(dict.fromkeys(tasks, datetime.now(UTC)))

    await asyncio.gather(*(producer() for _ in range(8)))
    await all_ended(db, 20)
    started = await db.fetch("select id, started_at from task_queue")
    waits = sorted((row["started_at"] - committed[row["id"]]).total_seconds() for row in started)
    print(f"{len(waits)} tasks: p50 {waits[len(waits) // 2]:.4f} s, worst {waits[-1]:.4f} s")
    assert len(waits) >= 1200
    assert waits[-1] < LOST_AFTER_S


async def test_single_tasks_with_pauses_between_wake_a_sleeper_each(
    database: Database, db: Connection, workers: Workers
) -> None:
    """After each the pool goes back to sleep, so each meets another moment of its falling asleep."""
    await workers.start("toy.note", poll_s=0)
    producer = await database.connect()
    for number in range(150):
        await producer.execute("begin")
        await producer.execute("select pg_sleep($1)", number % 10 / 1000)
        task_id = await enqueue(producer, "toy.note", {"note": "x"})
        await producer.execute("select pg_sleep($1)", number % 7 / 1000)
        await producer.execute("commit")
        await ended(db, task_id, LOST_AFTER_S)


async def insert_across_falling_asleep(database: Database, db: Connection, workers: Workers) -> None:
    """A producer's statement has its snapshot and no transaction id yet; a pool falls asleep for good; then the
    statement inserts. Fails when the task is not picked up."""
    holder, producer = await database.connect(), await database.connect()
    await holder.execute("select pg_advisory_lock(1)")
    statement = """insert into task_queue (task_type, payload)
                   select 'toy.note', '{"note": "x"}' from (select pg_advisory_xact_lock(1)) waits"""
    inserting = asyncio.create_task(producer.execute(statement))
    await until(lambda: db.fetchval(SOMEBODY_WAITS), what="the producer at its lock")
    await wait_asleep(await workers.start("toy.note", poll_s=0))
    await holder.execute("select pg_advisory_unlock(1)")
    await inserting
    await all_ended(db, LOST_AFTER_S)


async def test_a_statement_older_than_the_sleep_rings(database: Database, db: Connection, workers: Workers) -> None:
    await insert_across_falling_asleep(database, db, workers)


async def test_witness_a_stable_trigger_loses_the_wake_up(database: Database, db: Connection, workers: Workers) -> None:
    await swap_in(db, "stable_trigger")
    with pytest.raises(AssertionError, match="the end of all tasks"):
        await insert_across_falling_asleep(database, db, workers)


async def sleep_beside_an_open_claim(database: Database, db: Connection, bells: Bells) -> None:
    """A pool makes its last look while a peer's open claim, younger than the horizon, holds the only row; then the
    peer dies. Fails when the pool sleeps and nobody rings it."""
    mine, peer = await database.connect(), await database.connect()

    answers: list[bool] = []

    async def ask(statement: str, **values: Any) -> list[asyncpg.Record]:
        if statement == "gate_set":  # its own look was before; nobody slept, so nobody was rung
            await enqueue(db, "toy.note", {"note": "x"})
        rows = await catalogs.engine()[statement].fetch(mine, **values)
        if statement == "gate_horizon":
            await peer.execute("begin")
            assert len(await claim(peer, "toy.note", worker="peer")) == 1
        elif statement == "gate_settled":
            answers.append(rows[0]["settled"])
        return rows

    gate = Gate("toy.note", "me", 60.0, ask)

    async def settled() -> bool:
        await gate.step(0.0, free=True)
        return answers[-1]

    await until(settled, what="the end of older transactions")
    await peer.execute("rollback")
    assert gate._closing is not None or await bells.heard() != [], "the pool sleeps beside a pending task"


async def test_a_claim_that_is_rolled_back_is_not_slept_away(database: Database, db: Connection, bells: Bells) -> None:
    await sleep_beside_an_open_claim(database, db, bells)


async def test_witness_a_last_look_that_skips_locked_rows_sleeps_beside_work(
    database: Database, db: Connection, bells: Bells
) -> None:
    await swap_in(db, "skip_locked_last_look")
    with pytest.raises(AssertionError, match="sleeps beside a pending task"):
        await sleep_beside_an_open_claim(database, db, bells)


async def test_a_worker_picks_up_what_a_rolled_back_claim_held(
    database: Database, db: Connection, workers: Workers
) -> None:
    task_id = await enqueue(db, "toy.note", {"note": "x"})
    peer = await database.connect()
    await peer.execute("begin")
    await claim(peer, "toy.note", worker="peer")
    await workers.start("toy.note", poll_s=0)
    await peer.execute("rollback")
    assert (await ended(db, task_id, 5))["run_no"] == 1


async def test_a_listener_that_was_cut_off_finds_what_came_meanwhile(
    server: EmbeddedServer, database: Database, db: Connection, workers: Workers
) -> None:
    await wait_asleep(await workers.start("toy.note", poll_s=0))
    admin = await asyncpg.connect(server.dsn())
    cut = """select pg_terminate_backend(pid, 5000) from pg_stat_activity
             where datname = $1 and application_name = 'rowmill listen'"""
    try:
        await admin.execute(f"alter database {database.name} allow_connections false")
        assert await admin.fetchval(cut, database.name)
        task_id = await enqueue(db, "toy.note", {"note": "unheard"})
        assert await db.fetchval("select status from task_queue") == "pending"
        await admin.execute(f"alter database {database.name} allow_connections true")
    finally:
        await admin.close()
    assert (await ended(db, task_id, 10))["status"] == "completed"
