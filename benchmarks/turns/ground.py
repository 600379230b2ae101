"""A database, people, properties and a web server in a process of its own that can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg

from core.cli.database import scratch_database, server_in_use
from core.db.workspace import DEFAULT_WORKSPACE
from core.people import tokens
from core.settings import PROJECT

PACKAGE = "workers.turns"


@dataclass
class Web:
    """`rowmill web` on one port, however often it is killed."""

    dsn: str
    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    kills: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        given = {
            "ROWMILL_DATABASE_URL": self.dsn,
            "ROWMILL_DOMAINS": PACKAGE,
            "ROWMILL_WEB_RATE": "100000",
            **self.environment,
        }
        with (self.folder / "web.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220 - starting takes no time
                (sys.executable, "-m", "core.cli", "web", "--port", str(self.port)),
                env=os.environ | given,
                cwd=PROJECT,
                stdout=log,
                stderr=log,
            )
        async with aiohttp.ClientSession() as session:
            for _ in range(600):
                try:
                    async with session.get(f"{self.url}/healthz") as answer:
                        if answer.status == 200:  # noqa: PLR2004 - OK
                            return
                except OSError:
                    await asyncio.sleep(0.05)
        raise TimeoutError(f"the web server did not start; see {self.folder / 'web.log'}")

    def kill(self) -> None:
        """Kill -9."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.kills += 1

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()

    @property
    def memory_mb(self) -> float:
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


@dataclass
class Ground:
    """What the measurements stand on."""

    db: asyncpg.Connection[asyncpg.Record]
    web: Web
    token: str
    manager: UUID
    property_id: UUID
    stage_id: UUID

    async def fill(self, rows: int) -> None:
        """So many turns, by plain SQL."""
        await self.db.execute(
            "insert into turns (turn_id, property_id, stage_id, wo_number, turn_amount) "
            "select 'T-' || g, $1, $2, 'WO-' || g, g % 900 from generate_series(1, $3::int) g",
            self.property_id,
            self.stage_id,
            rows,
            timeout=600,
        )
        await self.db.execute("select sync_move()", timeout=600)
        for table in ("turns", "sync_feed", "sync_outbox"):
            await self.db.execute(f"vacuum analyze {table}", timeout=600)


@contextmanager
def database(name: str) -> Iterator[str]:
    with server_in_use() as admin, scratch_database(name, [PACKAGE], admin) as dsn:
        yield dsn


@asynccontextmanager
async def ground(dsn: str, folder: Path, **environment: str) -> AsyncIterator[Ground]:
    """People, a property, a stage, a web server."""
    db = await asyncpg.connect(dsn, server_settings={"application_name": "rowmill figures"})
    web = Web(dsn, free_port(), folder, environment=environment)
    try:
        made = await tokens.create(
            db, "manager@example.org", "operate", create_user=True, workspaces=[DEFAULT_WORKSPACE]
        )
        user: UUID = await db.fetchval("update users set role = 'PROPERTY_MANAGER' returning id")
        property_id: UUID = await db.fetchval(
            "insert into properties (property_id, name, street_address, property_manager_id) "
            "values ('P-1', 'Elm 1', '1 Elm Street', $1) returning id",
            user,
        )
        stage: UUID = await db.fetchval("insert into turn_stages (name, display_order) values ('Open', 1) returning id")
        await web.start()
        yield Ground(db, web, made.secret, user, property_id, stage)
    finally:
        web.stop()
        await db.close()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def quantile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


Figures = dict[str, Any]
