"""supervisord.conf, tried with the real supervisor: two workers kept alive, drained when stopped, restarted one by one
under load; the web server beside them."""

from __future__ import annotations

import asyncio
import configparser
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from core.db.connect import Connection
from core.queue.runtime import LAST_COMMITS_S
from core.settings import PROJECT, Settings
from tests.processes.programs import ALL_DOMAINS, Programs, appears, workers_up
from tests.running import Database, all_ended, ended, enqueue, until

LOAD = """
insert into task_queue (task_type, payload)
select case when i % 10 = 0 then 'toy.act' else 'toy.note' end,
    case when i % 10 = 0 then '{"act": "sleep", "arg": 0.2}' else jsonb_build_object('note', i::text) end
from generate_series(1, 100) i
"""
NOT_ONCE = """
select t.id from task_queue t left join toy_notes n on n.task_id = t.id
group by t.id, t.status having count(n.note) <> 1 or t.status <> 'completed'
"""
PLACES = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
SUPERVISORD, SUPERVISORCTL = (shutil.which(program, path=PLACES) for program in ("supervisord", "supervisorctl"))


@pytest.fixture
def house() -> Iterator[Path]:
    """The project under another, short path: its file names everything by the place where it lies."""
    place = Path(tempfile.mkdtemp(prefix="rowmill-sv-"))
    text = (PROJECT / "supervisord.conf").read_text(encoding="utf-8")
    assert text.count("--port 8080") == 1
    (place / "supervisord.conf").write_text(text.replace("--port 8080", f"--port {_free_port()}"), encoding="utf-8")
    (place / ".rowmill").mkdir()
    for name in (".venv", "core", "workers", "tests", "sql", "migrations"):
        (place / name).symlink_to(PROJECT / name)
    yield place
    shutil.rmtree(place)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


with_supervisor = pytest.mark.skipif(
    SUPERVISORD is None or SUPERVISORCTL is None,
    reason="no supervisord here; the lock brings it: `python3 run.py test`",
)


@with_supervisor
async def test_supervisord_keeps_two_workers_alive_and_drains_them_when_stopped(
    database: Database, db: Connection, programs: Programs, house: Path, tmp_path: Path
) -> None:
    async def ask(*words: str) -> str:
        asked = await programs.start(_command(SUPERVISORCTL, house, *words), cwd=house)
        await asked.wait()
        return asked.said()

    environment = {"DATABASE_URL": database.dsn, "ROWMILL_DOMAINS": ALL_DOMAINS}
    supervisor = await programs.start(_command(SUPERVISORD, house, "-n"), environment, cwd=house)
    first = await workers_up(db, 2)
    victim = min(first)
    os.kill(first[victim], signal.SIGKILL)
    second = await workers_up(db, 2, [victim])
    assert first.keys() & second.keys() == first.keys() - {victim}

    task_id = await enqueue(db, "toy.act", {"act": "at_file", "arg": f"{tmp_path}/held"})
    await appears(tmp_path / "held.1")
    stopping = await programs.start(_command(SUPERVISORCTL, house, "stop", "all"), cwd=house)
    one_left = "select count(*) = 1 from rowmill.workers where worker_id <> $1"
    await until(lambda: db.fetchval(one_left, victim), what="the end of the idle worker")
    (tmp_path / "held.open").touch()
    assert (await ended(db, task_id))["run_no"] == 1
    await stopping.wait()
    assert stopping.said().count("stopped") == 3
    assert await db.fetchval("select count(*) from rowmill.workers where worker_id <> $1", victim) == 0
    assert (await ask("status")).count("STOPPED") == 3
    supervisor.signal(signal.SIGTERM)
    assert await supervisor.wait() == 0


@with_supervisor
async def test_a_rolling_restart_under_load_loses_nothing_and_uses_no_attempt(
    database: Database, db: Connection, programs: Programs, house: Path
) -> None:
    """One by one, first by supervisorctl and then by `rowmill drain`; all the while producers insert."""
    environment = {"DATABASE_URL": database.dsn, "ROWMILL_DOMAINS": ALL_DOMAINS}
    supervisor = await programs.start(_command(SUPERVISORD, house, "-n"), environment, cwd=house)
    first = await workers_up(db, 2)
    made = asyncio.create_task(_produce(database, done := asyncio.Event()))
    await until(lambda: db.fetchval("select count(*) > 300 from toy_notes"), what="work under way")
    for number in range(2):
        name = f"rowmill-worker:rowmill-worker-{number}"
        restarted = await programs.start(_command(SUPERVISORCTL, house, "restart", name), cwd=house)
        assert await restarted.wait(60) == 0, restarted.said()
    second = await workers_up(db, 2)
    assert not first.keys() & second.keys()
    for worker_id in second:
        drain = await programs.rowmill("drain", worker_id, "--wait", database=database)
        assert await drain.wait(60) == 0, drain.said()
        await workers_up(db, 2, [worker_id])
    assert not second.keys() & (await workers_up(db, 2)).keys()
    done.set()
    assert await made > 600
    await all_ended(db)
    assert await db.fetch(NOT_ONCE) == []
    assert await db.fetchval("select array_agg(distinct attempts) from task_queue") == [1]
    assert await db.fetchval("select max(crashes) from task_queue") == 0
    supervisor.signal(signal.SIGTERM)
    assert await supervisor.wait(60) == 0


async def _produce(database: Database, done: asyncio.Event) -> int:
    """Inserts a hundred tasks each tenth of a second or so; some of them take their time."""
    session = await database.connect()
    made = 0
    while not done.is_set():
        await session.execute(LOAD)
        made += 100
        await session.fetchval("select pg_sleep(0.1)")
    return made


def test_every_program_has_more_time_to_stop_than_its_drain_takes() -> None:
    settings, read = Settings(), configparser.RawConfigParser(inline_comment_prefixes=None)
    read.read(PROJECT / "supervisord.conf")
    worker, web = read["program:rowmill-worker"], read["program:rowmill-web"]
    assert float(worker["stopwaitsecs"]) > settings.drain_s + LAST_COMMITS_S
    assert float(web["stopwaitsecs"]) > settings.web_drain_s
    assert worker["stopsignal"] == web["stopsignal"] == "TERM"
    assert int(worker["numprocs"]) > 1


def _command(program: str | None, house: Path, *words: str) -> Sequence[str]:
    assert program is not None
    return [program, "-c", str(house / "supervisord.conf"), *words]
