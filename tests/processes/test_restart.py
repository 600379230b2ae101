"""PostgreSQL or its sessions killed under load: workers come back, nobody who lives is reaped, effects stay single."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from core import domains
from core.db.connect import DRIVER_TROUBLE, Connection
from core.db.embedded import EmbeddedServer
from core.db.migrate import migrate
from tests.core.queue.beating import beating, is_away, others_time_s
from tests.processes.programs import appears
from tests.running import Database, OwnProcess, Workers, all_ended, enqueue, task_row, until

LEASE_S = 3
LOAD = """
insert into task_queue (task_type, payload)
select 'toy.note', jsonb_build_object('note', 'n' || i) from generate_series(1, 300) i
"""
NOT_ONCE = """
select q.id, q.status, q.crashes, count(n.note_no) from task_queue q left join toy_notes n on n.task_id = q.id
group by q.id having count(n.note_no) <> 1 or q.status <> 'completed' or q.crashes > 0
"""
SESSIONS_END = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name like 'rowmill %'
"""


@pytest.fixture
async def own_server() -> AsyncIterator[EmbeddedServer]:
    """A durable server of this test alone, where its own account can reach it."""
    place = Path(tempfile.mkdtemp(prefix="rowmill-restart-"))
    place.chmod(0o755)
    try:
        with EmbeddedServer(place, explicit=True) as server:
            yield server
    finally:
        shutil.rmtree(place)


@pytest.fixture
async def own_database(own_server: EmbeddedServer) -> Database:
    admin = await asyncpg.connect(own_server.dsn())
    await admin.execute("create database restarted")
    await admin.close()
    await migrate(own_server.dsn("restarted"), domains.discover(["tests.toy"]))
    return Database(own_server.dsn("restarted"), "restarted")


async def test_a_killed_database_costs_nobody_his_work_and_no_effect_twice(
    own_server: EmbeddedServer, own_database: Database, tmp_path: Path
) -> None:
    """The outage outlasts the leases: afterwards everyone looks dead to everyone."""
    workers = Workers(own_database, tmp_path)
    try:
        await _live_through_a_restart(own_server, own_database, workers, tmp_path)
    finally:
        await workers.close()


async def test_after_a_restart_of_the_server_orphans_wait_for_beats_and_not_for_a_lease(
    own_server: EmbeddedServer, own_database: Database
) -> None:
    lease_s = 9
    again = EmbeddedServer(own_server.data_path.parent, explicit=True)
    try:
        async with beating(own_database, lease_s) as beat:
            before = beat.reaps_from
            assert own_server.pid is not None
            os.kill(own_server.pid, signal.SIGKILL)
            await until(lambda: is_away(beat), what="an outage that is longer than a short one")
            await asyncio.to_thread(again.start)
            assert await others_time_s(beat, before) < lease_s / 2 + 1.5
    finally:
        again.stop()


async def _live_through_a_restart(server: EmbeddedServer, database: Database, workers: Workers, folder: Path) -> None:
    ports = [_free_port(), _free_port()]
    up = await asyncio.gather(*(_worker(workers, port) for port in ports))
    db = await database.connect()
    held = await enqueue(db, "toy.act", {"act": "at_file", "arg": f"{folder}/held"})
    await appears(folder / "held.1")
    assert [await _health(port) for port in ports] == [200, 200]

    producer = asyncio.create_task(_produce(database))
    await until(lambda: db.fetchval("select count(*) > 600 from toy_notes"), what="work under way")
    lease_ends = asyncio.get_running_loop().time() + LEASE_S
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    made = await producer
    for port in ports:
        await until(lambda: _is_unwell(port), what="a failing liveness probe")  # noqa: B023 - awaited here
    await until(lambda: _past(lease_ends), what="the end of all leases")
    with EmbeddedServer(server.data_path.parent, explicit=True):
        db = await database.connect()
        await _recovered(db, up, folder)
        assert [await _health(port) for port in ports] == [200, 200]
        row = await task_row(db, held)
        assert (row["status"], row["run_no"], row["attempts"]) == ("completed", 1, 1)
        assert await db.fetch(NOT_ONCE) == []
        assert await db.fetchval("select count(*) from task_queue where task_type = 'toy.note'") >= made
        assert await db.fetchval("select count(*) from robot_input_events where error_message = 'worker lost'") == 0
        for worker in up:
            worker.signal(signal.SIGTERM)
        assert [await worker.wait() for worker in up] == [0, 0]
        await database.close()


async def _recovered(db: Connection, up: list[OwnProcess], folder: Path) -> None:
    """Both beat again for longer than a lease, so that each could have reaped the other; then the rest is done."""
    beating = f"select count(*) = {len(up)} from rowmill.workers where lease_until > clock_timestamp()"
    await until(lambda: db.fetchval(beating), what="the return of all workers")
    back = await db.fetchval("select clock_timestamp()")
    long_enough = f"select clock_timestamp() > $1::timestamptz + interval '{LEASE_S + 1} s'"
    await until(lambda: db.fetchval(long_enough, back), what="a lease's time after the return")
    (folder / "held.open").touch()
    await all_ended(db)


async def _worker(workers: Workers, port: int) -> OwnProcess:
    settings = {"domains": "tests.toy,tests.processes.acts", "lease_s": str(LEASE_S)}
    return await workers.spawn("--health-port", str(port), **settings)


async def _produce(database: Database) -> int:
    """Inserts until the server is gone; returns how many rows it acknowledged."""
    session = await database.connect()
    made = 0
    try:
        while True:
            await session.execute(LOAD)
            made += 300
    except DRIVER_TROUBLE:
        return made


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _health(port: int) -> int:
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/healthz") as answer:
        return answer.status


async def _is_unwell(port: int) -> bool:
    return await _health(port) == 503


async def _past(moment: float) -> bool:
    return asyncio.get_running_loop().time() > moment


async def test_a_worker_outlives_the_loss_of_its_sessions_at_any_moment(
    database: Database, db: Connection, workers: Workers
) -> None:
    """Also between the server's farewell and the end of the session, where the driver speaks of an internal error."""
    worker = await workers.spawn("--only", "toy.note")
    for _ in range(12):
        await db.execute(LOAD)
        done = await db.fetchval("select count(*) from toy_notes")
        await until(lambda: _more_than(db, done), what="work under way")  # noqa: B023 - awaited here
        await db.fetch(SESSIONS_END)
    await all_ended(db)
    assert await db.fetch(NOT_ONCE) == []
    assert await db.fetchval("select array_agg(distinct attempts) from task_queue") == [1]
    assert worker.process.returncode is None
    assert "Traceback" not in worker.log.read_text()


async def _more_than(db: Connection, notes: int) -> bool:
    count: int = await db.fetchval("select count(*) from toy_notes")
    return count > notes
