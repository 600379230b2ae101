"""A large sheet, workers and a web server in processes of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg

from core.people import tokens
from core.settings import PROJECT

PACKAGE = "workers.spreadsheets"
LIMIT = aiohttp.ClientTimeout(total=120)


@dataclass
class Sheet:
    """One sheet: its plain columns by title. `db` is for making and looking."""

    db: asyncpg.Connection[asyncpg.Record]
    dsn: str
    id: UUID
    token: str
    columns: dict[str, UUID] = field(default_factory=dict)

    async def add(self, title: str, operator: str | None = None, config: str = "{}") -> UUID:
        self.columns[title] = await self.db.fetchval(
            "insert into sheet_columns (spreadsheet_id, position, title, operator, config) values ($1, $2, $3, $4, $5) "
            "returning id",
            self.id,
            len(self.columns) + 1,
            title,
            operator,
            config,
        )
        return self.columns[title]

    async def feed(self, title: str, source: str) -> None:
        """Makes one column the input of another: from now on it is computed."""
        await self.db.execute(
            "insert into column_inputs (column_id, ordinal, input_column_id) values ($1, 1, $2)",
            self.columns[title],
            self.columns[source],
            timeout=300,
        )

    async def write(self, title: str, rows: int) -> None:
        await self.db.execute(
            "insert into cells (spreadsheet_id, column_id, row_number, content) "
            "select $1, $2, n, '  ada  lovelace ' || n from generate_series(1, $3::int) n",
            self.id,
            self.columns[title],
            rows,
            timeout=300,
        )


@asynccontextmanager
async def large_sheet(dsn: str, rows: int, columns: int) -> AsyncIterator[Sheet]:
    """A sheet of so many cells, all plain."""
    db = await asyncpg.connect(dsn, server_settings={"application_name": "rowmill figures"})
    made = await tokens.create(db, "figures@example.org", "operate", create_user=True)
    owner = await db.fetchval("select id from users where email = 'figures@example.org'")
    sheet_id = await db.fetchval("insert into spreadsheets (name, owner_id) values ('Large', $1) returning id", owner)
    sheet = Sheet(db, dsn, sheet_id, made.secret)
    for at in range(columns):
        await sheet.add(f"C{at + 1}")
        await sheet.write(f"C{at + 1}", rows)
    await db.execute("vacuum analyze cells", timeout=300)
    try:
        yield sheet
    finally:
        await db.close()


@contextmanager
def program(dsn: str, log: Path, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """`rowmill` with these arguments, while the block runs."""
    given = {"ROWMILL_DATABASE_URL": dsn, "ROWMILL_DOMAINS": PACKAGE} | settings
    with log.open("ab") as output:
        running = subprocess.Popen(
            (sys.executable, "-m", "core.cli", *arguments),
            env=os.environ | given,
            cwd=PROJECT,
            stdout=output,
            stderr=output,
        )
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(40)
        except subprocess.TimeoutExpired:
            running.kill()


@asynccontextmanager
async def web(dsn: str, folder: Path, **settings: str) -> AsyncIterator[str]:
    """The address of a web server in a process of its own."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    given = {"ROWMILL_WEB_RATE": "100000", "ROWMILL_WEB_SOCKETS": "400", **settings}
    with program(dsn, folder / "web.log", "web", "--port", str(port), **given):
        await _answers(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"


async def _answers(address: str) -> None:
    deadline = time.monotonic() + 60
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            try:
                async with session.get(address) as answer:
                    if answer.ok:
                        return
            except OSError:
                time.sleep(0.05)  # noqa: ASYNC251 - nothing else runs yet
    raise TimeoutError(f"the web server did not answer at {address}")


def peaks_mb(parent: int) -> dict[str, float]:
    """The largest resident size that a process and each of its children has had."""
    found: dict[str, float] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if parent in {int(folder.name), int(told["PPid"])} and "VmHWM" in told:
            found[f"{folder.name} {command.split('core.cli')[-1].strip()}"] = int(told["VmHWM"].split()[0]) / 1024
    return found


def quantiles(taken: list[float]) -> dict[str, Any]:
    """Median and 99th percentile in milliseconds."""
    ordered = sorted(taken)
    return {
        "samples": len(ordered),
        "p50_ms": round(ordered[len(ordered) // 2] * 1000, 1),
        "p99_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000, 1),
    }
