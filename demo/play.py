"""Plays the demo: import, cascade, a plain-SQL producer, a worker killed half-way, export, proof."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from core.db.connect import Connection
from core.errors import RowmillError
from core.queue.fleet import Child, Fleet
from core.settings import Settings
from demo.expected import read_rows
from demo.latency import measure
from demo.proof import Row, Verdict, prove, prove_export, prove_pages, prove_session
from demo.session import Answered, expected_session, hold_session, rows
from demo.sheet import DERIVED, FAIR_TITLES, FIGURES
from demo.site import LIMIT_BYTES, addresses
from demo.stage import QUERIES, Stage, enter

PATIENCE_S = 120.0
KILL_S = 10.0
PRODUCER_S = 4.0
LOOK_S = 0.1
EDITS = 60  # by hand, over HTTP: while the workers are busy, and when they have nothing to do

Show = Callable[[str, int, int], None]  # what happens now, tasks finished, tasks known


class DemoFailed(RowmillError):
    """The demo could not be played to its end."""


@dataclass(frozen=True, slots=True)
class Played:
    """One run of the demo: figures from the database, the proof's verdict, and where the files lie."""

    figures: dict[str, Any]
    verdict: Verdict
    kills: int
    exported: Path
    session: Answered

    @property
    def holds(self) -> bool:
        return self.verdict.holds and self.kills > 0 and self.session.kills > 0 and self.exported.exists()


async def play(connection: Connection, fleet: Fleet, stage: Stage, dsn: str, show: Show) -> Played:
    """From the first INSERT to the verdict, with the fleet running."""
    watch = _Watch(connection, show)
    imported = await watch.enqueue("spreadsheets.import_file", stage, file="contacts.csv")
    await enter(connection, stage.pages_id, "Address", addresses(stage.site))
    producer = await _start_producer(dsn, stage)
    try:
        rows = sum(1 for _ in read_rows(stage.contacts))
        await watch.until("importing and filling in", lambda tally: tally["filled"] >= rows * len(DERIVED) // 2)
        await watch.require_completed(imported)
        await enter(connection, stage.spreadsheet_id, "Figures", FIGURES)
        kills = await _kill(fleet.children[0])
        busy = await measure(connection, dsn, stage, row=1, edits=EDITS)
        await watch.until("one worker killed; the others go on", lambda _: producer.returncode is not None)
    finally:
        if producer.returncode is None:
            producer.kill()
        await producer.wait()
    await watch.until("finishing", lambda tally: tally["live"] == 0)
    idle = await measure(connection, dsn, stage, row=2, edits=EDITS)
    await watch.until("finishing", lambda tally: tally["live"] == 0)
    exported = await watch.enqueue("spreadsheets.export_file", stage, file="contacts.xlsx")
    await watch.until("exporting", lambda tally: tally["live"] == 0)
    output = json.loads(await watch.require_completed(exported))
    session = await _session(connection, fleet, stage, dsn, watch)
    verdict = prove(stage.contacts, stage.edits, *await _story(connection, stage.spreadsheet_id))
    prove_pages(verdict, stage.site, *await _story(connection, stage.pages_id))
    prove_session(verdict, expected_session(), *await _story(connection, stage.fair_id))
    path = Path(output["file"])
    prove_export(verdict, stage.contacts, stage.edits, path)
    figures = dict((await QUERIES["figures"].fetch(connection))[0])
    figures |= dict((await QUERIES["query_ms"].fetch(connection))[0])
    figures |= {"edit_p50_ms": idle.p50_ms, "edit_p99_ms": idle.p99_ms, "edit_busy_p99_ms": busy.p99_ms}
    return Played(figures, verdict, kills, path, session)


async def _session(connection: Connection, fleet: Fleet, stage: Stage, dsn: str, watch: _Watch) -> Answered:
    for title, contents in zip(FAIR_TITLES, zip(*rows(), strict=True), strict=True):
        await enter(connection, stage.fair_id, title, contents)
    return await hold_session(connection, fleet, dsn, stage.fair_id, watch.tell)


async def _story(connection: Connection, spreadsheet_id: UUID) -> tuple[list[Row], list[Row]]:
    """The cells of a sheet and the audit of all of them."""
    cells = await QUERIES["all_cells"].fetch(connection, spreadsheet_id=spreadsheet_id)
    edits = await QUERIES["all_edits"].fetch(connection, spreadsheet_id=spreadsheet_id)
    return [dict(row) for row in cells], [dict(row) for row in edits]


async def _kill(child: Child) -> int:
    """SIGKILL: no goodbye, no flush; the parent reaps the process, its tasks run elsewhere. How many ended by it."""
    child.process.kill()
    async with asyncio.timeout(KILL_S):
        return int(await child.process.wait() == -signal.SIGKILL)


class _Watch:
    """Follows the queue with plain SELECTs."""

    def __init__(self, connection: Connection, show: Show) -> None:
        self._connection, self._show = connection, show

    async def enqueue(self, task_type: str, stage: Stage, *, file: str) -> UUID:
        payload = json.dumps({"spreadsheet_id": str(stage.spreadsheet_id), "file": file})
        rows = await QUERIES["enqueue"].fetch(self._connection, task_type=task_type, payload=payload)
        task_id: UUID = rows[0]["id"]
        return task_id

    async def until(self, doing: str, reached: Callable[[asyncpg.Record], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            tally = (await QUERIES["tally"].fetch(self._connection))[0]
            self._show(doing, tally["finished"], tally["tasks"])
            if reached(tally):
                return
            if time.monotonic() > deadline:
                failures = [dict(row) for row in await QUERIES["failures"].fetch(self._connection)]
                raise DemoFailed(f"{doing}: no end after {PATIENCE_S:g} s ({dict(tally)}, failures {failures})")
            await asyncio.sleep(LOOK_S)

    def tell(self, doing: str) -> None:
        self._show(doing, 0, 0)

    async def require_completed(self, task_id: UUID) -> str:
        row = (await QUERIES["state_of_task"].fetch(self._connection, id=task_id))[0]
        if row["status"] != "completed":
            raise DemoFailed(f"task {task_id} is {row['status']}: {row['error_message']}")
        return str(row["output"])


async def _start_producer(dsn: str, stage: Stage) -> asyncio.subprocess.Process:
    arguments = [dsn, str(stage.spreadsheet_id), str(stage.edits), str(PRODUCER_S), "7"]
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "demo.producer", *arguments)


def make_fleet(dsn: str, stage: Stage, *, sabotage: bool, output: Any) -> Fleet:
    """Two worker processes whose files lie in the demo's folder and who may call the demo's site."""
    module = "demo.sabotaged_worker" if sabotage else "core.cli"

    def command(worker_id: str) -> list[str]:
        return [sys.executable, "-m", module, "work", "--worker-id", worker_id, "--parent-pid", str(os.getpid())]

    environment = os.environ | {
        "ROWMILL_DOMAINS": "workers.spreadsheets",
        "ROWMILL_DATABASE_URL": dsn,
        "ROWMILL_FILES_DIR": str(stage.folder),
        "ROWMILL_FETCH_ALLOW": stage.site.removeprefix("http://"),
        "ROWMILL_FETCH_PER_S": "50",
        "ROWMILL_FETCH_BURST": "20",
        "ROWMILL_FETCH_MAX_BYTES": str(LIMIT_BYTES),
    }
    return Fleet(dsn, Settings(), 2, command, environment, output)
