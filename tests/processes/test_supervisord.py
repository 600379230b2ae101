"""supervisord.conf, tried with the real supervisor: two workers, kept alive, drained when stopped."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from core.db.connect import Connection
from core.settings import PROJECT
from tests.processes.programs import ALL_DOMAINS, Programs, appears, workers_up
from tests.running import Database, ended, enqueue, until

PLACES = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
SUPERVISORD, SUPERVISORCTL = (shutil.which(program, path=PLACES) for program in ("supervisord", "supervisorctl"))


@pytest.fixture
def house() -> Iterator[Path]:
    """The project under another, short path: its file names everything by the place where it lies."""
    place = Path(tempfile.mkdtemp(prefix="rowmill-sv-"))
    shutil.copy(PROJECT / "supervisord.conf", place)
    (place / ".rowmill").mkdir()
    for name in (".venv", "core", "workers", "tests", "sql", "migrations"):
        (place / name).symlink_to(PROJECT / name)
    yield place
    shutil.rmtree(place)


@pytest.mark.skipif(
    SUPERVISORD is None or SUPERVISORCTL is None,
    reason="no supervisord here; the lock brings it: `python3 run.py test`",
)
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
    assert stopping.said().count("stopped") == 2
    assert await db.fetchval("select count(*) from rowmill.workers where worker_id <> $1", victim) == 0
    assert (await ask("status")).count("STOPPED") == 2
    supervisor.signal(signal.SIGTERM)
    assert await supervisor.wait() == 0


def _command(program: str | None, house: Path, *words: str) -> Sequence[str]:
    assert program is not None
    return [program, "-c", str(house / "supervisord.conf"), *words]
