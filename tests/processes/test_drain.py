"""SIGTERM and SIGINT: what runs may finish, the rest goes back unburnt, and nothing of the worker is left behind."""

from __future__ import annotations

import signal
from pathlib import Path

import asyncpg

from core.db.connect import Connection
from core.db.embedded import EmbeddedServer
from tests.processes.programs import Programs, appears, notes_by_task, runs_of, sleeps_in
from tests.running import Database, OwnProcess, Workers, ended, enqueue, task_row, until

DOMAINS = "tests.toy,tests.processes.acts"
NOTHING_LEFT = """
select not exists (select from rowmill.workers) and not exists (select from rowmill.gate)
   and not exists (select from task_queue where status = 'processing')
"""
BACK = ("pending", 0, 1, 0)


async def _fate(db: Connection, task_id: object) -> tuple[str, int, int, int]:
    row = await db.fetchrow("select status, attempts, run_no, crashes from task_queue where id = $1", task_id)
    assert row is not None
    return (row["status"], row["attempts"], row["run_no"], row["crashes"])


async def _draining(worker: OwnProcess) -> bool:
    return any(line["event"] == "draining" for line in worker.lines())


async def test_a_drain_finishes_what_it_can_and_gives_the_rest_back_unburnt(
    database: Database, db: Connection, workers: Workers, tmp_path: Path
) -> None:
    """The drain is longer than the lease, and another worker looks for dead ones all the time."""
    worker = await workers.spawn(domains=DOMAINS, lease_s="3", drain_s="4")
    reaper = await workers.start("toy.copy", lease_s=3)
    short = await enqueue(db, "toy.act", {"act": "at_file", "arg": f"{tmp_path}/short"})
    endless = await enqueue(db, "toy.act", {"act": "at_file", "arg": f"{tmp_path}/endless"})
    narrow = [await enqueue(db, "toy.narrow", {"act": "at_file", "arg": f"{tmp_path}/narrow"}) for _ in range(4)]
    for name in ("short", "endless"):
        await appears(tmp_path / f"{name}.1")
    both = "select count(*) = 2 from task_queue where task_type = 'toy.narrow' and status = 'processing'"
    await until(lambda: db.fetchval(both), what="two runs in the two slots")
    worker.signal(signal.SIGTERM)
    await until(lambda: _draining(worker), what="the drain")
    later = await enqueue(db, "toy.note", {"note": "too late"})
    worker.signal(signal.SIGTERM)

    first_lease = await db.fetchval("select lease_until from rowmill.workers where worker_id = $1", worker.worker_id)
    await until(lambda: db.fetchval("select clock_timestamp() > $1", first_lease), what="the end of the first lease")
    (tmp_path / "short.open").touch()
    assert (await ended(db, short))["status"] == "completed"
    assert await worker.wait() == 0
    assert await _fate(db, endless) == BACK
    assert await runs_of(db, endless) == [(1, False, "worker shut down during the run")]
    assert sorted([await _fate(db, task_id) for task_id in narrow]) == [("pending", 0, 0, 0)] * 2 + [BACK] * 2
    assert await _fate(db, later) == ("pending", 0, 0, 0)
    assert await notes_by_task(db) == {short: ["short"]}
    await reaper.stop()
    assert await db.fetchval(NOTHING_LEFT)


async def test_an_interrupt_drains_too_and_a_claim_under_way_goes_back_without_a_run(
    database: Database, db: Connection, workers: Workers, tmp_path: Path
) -> None:
    await db.execute(
        "create function asleep() returns trigger language plpgsql as"
        " $$ begin perform pg_sleep(0.7); return new; end $$;"
        "create trigger slow_claim before update on task_queue for each row"
        " when (new.status = 'processing' and new.task_type = 'toy.note') execute function asleep()"
    )
    worker = await workers.spawn(domains=DOMAINS, drain_s="0.2")
    endless = await enqueue(db, "toy.act", {"act": "at_file", "arg": f"{tmp_path}/endless"})
    await appears(tmp_path / "endless.1")
    unstarted = await enqueue(db, "toy.note", {"note": "never begun"})
    await sleeps_in(db, "rowmill.claim")
    worker.signal(signal.SIGINT)
    assert await worker.wait() == 0
    assert await _fate(db, endless) == BACK
    assert await _fate(db, unstarted) == BACK
    assert await runs_of(db, unstarted) == []
    assert await notes_by_task(db) == {}
    assert await db.fetchval(NOTHING_LEFT)


async def test_a_stop_while_starting_ends_cleanly(database: Database, db: Connection, programs: Programs) -> None:
    """Before its registration, which waits for a lock here, and in the middle of it."""
    lock = db.transaction()
    await lock.start()
    await db.execute("lock table rowmill.workers in access exclusive mode")
    query = "select exists (select from pg_locks l where l.relation = 'rowmill.workers'::regclass and not granted)"
    watching = await database.connect()
    starting = await programs.rowmill("work", database=database)
    await until(lambda: watching.fetchval(query), what="a worker that waits for its registration")
    starting.signal(signal.SIGTERM)
    await lock.rollback()
    assert await starting.wait() == 0
    assert "Traceback" not in starting.said()
    assert await db.fetchval(NOTHING_LEFT)


async def test_a_stop_while_the_database_is_away_ends_within_the_limits(
    server: EmbeddedServer, database: Database, db: Connection, workers: Workers, tmp_path: Path
) -> None:
    """What it held is given back by nobody then; the lease does it."""
    worker = await workers.spawn(domains=DOMAINS, lease_s="3", drain_s="0.2")
    held = await enqueue(db, "toy.act", {"act": "at_file", "arg": f"{tmp_path}/held"})
    await appears(tmp_path / "held.1")
    admin = await asyncpg.connect(server.dsn())
    await admin.execute(f"alter database {database.name} with allow_connections false")
    await admin.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        f" where datname = '{database.name}' and application_name ~ '^rowmill'"
    )
    await admin.close()
    worker.signal(signal.SIGTERM)
    assert await worker.wait(limit_s=15) == 0
    assert (await task_row(db, held))["status"] == "processing"
