"""`rowmill reports watch` as a process that goes on for days: it outlives the database and the store."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.settings import PROJECT
from tests.running import Database, until
from tests.workers.reports.shelf import Shelf

ANN = "**Employee**: Ann Lee\n\n## 2026-01-{:02d}\n\n- did a\n"


@pytest.fixture
async def watching(
    database: Database, shelf: Shelf, store: Path, tmp_path: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command on the folder `incoming`."""
    (tmp_path / "incoming").mkdir()
    given = {
        "ROWMILL_DATABASE_URL": database.dsn,
        "ROWMILL_FILES_DIR": str(store),
        "ROWMILL_DOMAINS": "workers.reports",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "core.cli", "reports", "watch", str(tmp_path / "incoming")),
        *("--team", "rocks", "--every", "0.05"),
        env=os.environ | given | {"ROWMILL_DOMAINS": "workers.reports"},
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    yield process
    if process.returncode is None:
        process.kill()
        await process.wait()


async def ended(process: asyncio.subprocess.Process) -> str:
    """Stops it as a supervisor does; what it has said."""
    process.send_signal(signal.SIGTERM)
    said, _ = await process.communicate()
    assert process.returncode == 0, said
    return said.decode()


async def drop_file(shelf: Shelf, folder: Path, number: int) -> None:
    (folder / f"daily-{number}.md").write_text(ANN.format(number), encoding="utf-8")


async def received(shelf: Shelf, number: int) -> None:
    """And the watcher is done with it."""
    closed = "ingestion_id in (select id from report_ingestions where closed_at is not null)"
    await until(lambda: shelf.count("report_files", f"name = 'incoming/daily-{number}.md' and {closed}"))


async def several_looks(shelf: Shelf, seen: set[int]) -> bool:
    """Each look that met trouble is followed by one on a new session."""
    sessions = "select pid from pg_stat_activity where application_name = 'rowmill watch'"
    seen.update(pid for (pid,) in await shelf.rows(sessions))
    return len(seen) >= 3


async def test_a_watcher_goes_on_after_its_session_was_ended(
    watching: asyncio.subprocess.Process, shelf: Shelf, tmp_path: Path
) -> None:
    await drop_file(shelf, tmp_path / "incoming", 1)
    await received(shelf, 1)
    ending = "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'rowmill watch'"
    assert await shelf.db.fetchval(ending) == 1
    await drop_file(shelf, tmp_path / "incoming", 2)
    await received(shelf, 2)
    assert await shelf.count("report_files") == 2
    assert (await ended(watching)).count("1 file received") == 2


async def test_a_watcher_waits_for_a_store_that_is_away_and_says_so_once(
    watching: asyncio.subprocess.Process, shelf: Shelf, store: Path, tmp_path: Path
) -> None:
    await drop_file(shelf, tmp_path / "incoming", 1)
    await received(shelf, 1)
    store.rename(tmp_path / "away")
    store.write_text("a file where the folder should be", encoding="utf-8")
    await drop_file(shelf, tmp_path / "incoming", 2)
    assert watching.stdout is not None
    async with asyncio.timeout(30):
        while b"the blob store cannot be written" not in (line := await watching.stdout.readline()):
            assert line, "it ended"
    seen: set[int] = set()
    await until(lambda: several_looks(shelf, seen))
    store.unlink()
    (tmp_path / "away").rename(store)
    await received(shelf, 2)
    await until(lambda: shelf.count("report_ingestions", "closed_at is not null having count(*) = 2"))
    assert await shelf.count("report_ingestions") == 2
    said = await ended(watching)
    assert "the files wait" not in said
    assert "1 file received" in said
