"""Plays the part: files by the command line, which is killed and called again; a worker is killed while they are read;
corrections come in later; reports are written from all of it."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from core.db.connect import Connection
from core.db.statements import Catalog
from core.queue.fleet import Fleet
from core.settings import PROJECT, Settings
from demo.play import DemoFailed, Show
from demo.reports.make_files import Expected, correct, make
from demo.reports.memory import Peaks

QUERIES: Final = Catalog(Path(__file__).with_name("queries.sql"))
SEED: Final = PROJECT / "workers" / "reports" / "seed.sql"
CORRECTED: Final = 20  # every so manyth daily report
PATIENCE_S: Final = 1800.0
LOOK_S: Final = 0.1


@dataclass
class Played:
    """What was done, for the proof. Seconds, and megabytes."""

    folder: Path
    expected: Expected
    files: int = 0
    seconds: float = 0.0
    receiving_s: float = 0.0
    reading_s: float = 0.0
    kills: int = 0
    corrections: int = 0
    peaks: Peaks = field(default_factory=Peaks)
    command_mb: int = 0


async def play(connection: Connection, fleet: Fleet, dsn: str, folder: Path, show: Show, files: int) -> Played:
    """From an empty database to written reports."""
    begun = time.monotonic()
    await connection.execute(SEED.read_text(encoding="utf-8"))
    incoming = folder / "incoming"
    played = Played(folder, await asyncio.to_thread(make, incoming, files), files)
    watch = Watch(connection, show, lambda read: played.peaks.look(fleet, read, files))
    received = time.monotonic()
    first = await ingest(dsn, folder, incoming)
    await watch.until("receiving files", lambda tally: tally["received"] >= files // 3, over=first)
    played.kills += await killed(first)
    again = await ingest(dsn, folder, incoming)
    await watch.until("receiving files, after a kill -9", lambda _: again.returncode is not None)
    played.receiving_s = time.monotonic() - received
    played.command_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1000
    played.kills += await killed(fleet.children[0].process)
    await watch.until("reading files, one worker killed", lambda tally: tally["reading"] == 0)
    played.reading_s = time.monotonic() - received
    corrected = folder / "corrected"
    played.corrections = await asyncio.to_thread(correct, incoming, corrected, CORRECTED, played.expected)
    last = await ingest(dsn, folder, corrected)
    await watch.until("corrections", lambda tally: last.returncode is not None and tally["reading"] == 0)
    await QUERIES["ask_reports"].fetch(connection)
    await watch.until("writing reports", lambda tally: tally["live"] == 0)
    await watch.settled()
    played.seconds = time.monotonic() - begun
    return played


async def ingest(dsn: str, folder: Path, place: Path) -> asyncio.subprocess.Process:
    """`rowmill reports ingest`, as a person calls it."""
    with (folder / "ingest.log").open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "core.cli", "reports", "ingest", str(place), "--team", "rocks", "--no-wait"),
            env=environment(dsn, folder),
            cwd=PROJECT,
            stdout=output,
            stderr=output,
        )


def environment(dsn: str, folder: Path) -> dict[str, str]:
    return os.environ | {
        "ROWMILL_DOMAINS": "workers.reports",
        "ROWMILL_DATABASE_URL": dsn,
        "ROWMILL_FILES_DIR": str(folder),
        "ROWMILL_BLOB_URL": str(folder / "blobs"),
    }


async def killed(process: asyncio.subprocess.Process) -> int:
    """Kill -9; 1 where it was still running."""
    if process.returncode is None:
        process.kill()
    async with asyncio.timeout(10):
        return int(await process.wait() == -9)  # noqa: PLR2004 - SIGKILL


class Watch:
    """Follows the rows with plain SELECTs."""

    def __init__(self, connection: Connection, show: Show, measure: Callable[[int], None]) -> None:
        self._connection, self._show, self._measure = connection, show, measure

    async def until(
        self, doing: str, reached: Callable[[Any], bool], over: asyncio.subprocess.Process | None = None
    ) -> None:
        """Waits for the condition, or for the end of a process that cannot do more."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            tally = (await QUERIES["tally"].fetch(self._connection))[0]
            self._show(doing, tally["read"], max(tally["received"], 1))
            self._measure(tally["read"])
            if reached(tally) or (over is not None and over.returncode is not None):
                return
            if time.monotonic() > deadline:
                raise DemoFailed(f"{doing}: no end after {PATIENCE_S:g} s ({dict(tally)})")
            await asyncio.sleep(LOOK_S)

    async def settled(self, limit_s: float = 10.0) -> None:
        """The ingestions are counted a second after their last file; a dropped commit keeps one open for ever."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            if (await QUERIES["ended"].fetch(self._connection))[0]["ended"]:
                return
            await asyncio.sleep(LOOK_S)


def make_fleet(dsn: str, folder: Path, *, sabotage: bool, output: Any) -> Fleet:
    """Two worker processes."""
    module = "demo.sabotaged_worker" if sabotage else "core.cli"

    def command(worker_id: str) -> list[str]:
        return [sys.executable, "-m", module, "work", "--worker-id", worker_id, "--parent-pid", str(os.getpid())]

    return Fleet(dsn, Settings(), 2, command, environment(dsn, folder), output)
