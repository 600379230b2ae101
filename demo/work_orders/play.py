"""Plays the part: every PDF as an application would hand it over, by SQL, with the bytes in the blob store before."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from core.db.connect import Connection
from core.db.statements import Catalog
from core.outside import Blobs
from core.queue.fleet import Fleet
from core.settings import Settings
from demo.play import DemoFailed, Show

HERE: Final = Path(__file__).parent
PDFS: Final = HERE / "pdfs"
QUERIES: Final = Catalog(HERE / "queries.sql")
SPREADSHEET: Final = "Work orders of the demo"
COPIES: Final = 8  # of each file: they must make one row
PATIENCE_S: Final = 100.0
LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Played:
    """What was done, for the proof."""

    seconds: float
    reading_s: float
    kills: int
    repeats: int  # ingestions of bytes that were known
    exported: Path


async def play(connection: Connection, fleet: Fleet, folder: Path, show: Show) -> Played:
    """From an empty database to the exported workbook."""
    begun = time.monotonic()
    [made] = await QUERIES["set_up"].fetch(connection, email="demo@rowmill.invalid", spreadsheet_id=SPREADSHEET)
    workspace_id = made["workspace_id"]
    for file in sorted((HERE / "profiles").glob("*.json")):
        profile = json.loads(file.read_text(encoding="utf-8"))
        given = {"fm_key": profile["fm_key"], "profile": json.dumps(profile)}
        await QUERIES["add_profile"].fetch(connection, workspace_id=workspace_id, **given)
    desk = _Desk(connection, workspace_id, Blobs(str(folder / "blobs")))
    reading = time.monotonic()
    files = sorted(PDFS.glob("*.pdf"))
    for file in files:
        if not file.stem.endswith("-revised"):
            await desk.hand_over(file)
    watch = _Watch(connection, show)
    await watch.until("reading PDFs", lambda tally: tally["read"] >= len(files) // 3)
    kills = await _kill(fleet)
    await watch.until("reading PDFs, one worker killed", lambda tally: tally["reading"] == 0)
    for file in files:
        if file.stem.endswith("-revised"):
            await desk.hand_over(file)
    await watch.until("reading a revision", lambda tally: tally["reading"] == 0)
    reading_s = time.monotonic() - reading
    await watch.until("exporting", lambda tally: tally["live"] == 0 and tally["exporting"] == 0)
    exported = folder / "work-orders" / (SPREADSHEET.replace(" ", "_") + ".xlsx")
    return Played(time.monotonic() - begun, reading_s, kills, desk.repeats, exported)


@dataclass
class _Desk:
    """Where PDFs come in, each several times."""

    connection: Connection
    workspace_id: UUID
    store: Blobs
    repeats: int = 0

    async def hand_over(self, file: Path) -> None:
        kept = await self.store.keep(file.read_bytes())
        name = "ingest_signed" if file.name.startswith("signed-") else "ingest_order"
        given = {"workspace_id": self.workspace_id, "file_hash": kept.sha256, "blob": kept.path, "size": kept.size}
        for _ in range(COPIES):
            [answer] = await QUERIES[name].fetch(self.connection, **given, filename=file.name)
            self.repeats += not answer["is_new"]


async def _kill(fleet: Fleet) -> int:
    child = fleet.children[0]
    child.process.kill()
    async with asyncio.timeout(10):
        return int(await child.process.wait() == -9)  # noqa: PLR2004 - SIGKILL


class _Watch:
    """Follows the tasks with plain SELECTs."""

    def __init__(self, connection: Connection, show: Show) -> None:
        self._connection, self._show = connection, show

    async def until(self, doing: str, reached: Any) -> None:
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


def make_fleet(dsn: str, folder: Path, *, sabotage: bool, output: Any) -> Fleet:
    """Two worker processes; without any Google account their sheet is a workbook in the demo's folder."""
    module = "demo.sabotaged_worker" if sabotage else "core.cli"

    def command(worker_id: str) -> list[str]:
        return [sys.executable, "-m", module, "work", "--worker-id", worker_id, "--parent-pid", str(os.getpid())]

    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROWMILL_GOOGLE_")} | {
        "ROWMILL_DOMAINS": "workers.work_orders",
        "ROWMILL_DATABASE_URL": dsn,
        "ROWMILL_FILES_DIR": str(folder),
        "ROWMILL_BLOB_URL": str(folder / "blobs"),
        "ROWMILL_SHEET_FORMAT": "xlsx",
    }
    return Fleet(dsn, Settings(), 2, command, environment, output)
