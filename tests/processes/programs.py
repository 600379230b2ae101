"""Starts programs for a test, keeps what they say, and ends them, with all their children, when the test ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

from core.db.connect import Connection
from core.settings import PROJECT
from tests.running import LIMIT_S, Database, until

ALL_DOMAINS = "workers.spreadsheets,tests.toy,tests.processes.acts"


@dataclass
class Program:
    """A program in a session of its own, so that nothing it started outlives the test."""

    process: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def lines(self) -> list[dict[str, Any]]:
        """Its structured log lines."""
        return [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def wait(self, limit_s: float = 30.0) -> int:
        async with asyncio.timeout(limit_s):
            return await self.process.wait()


class Programs:
    """The programs of one test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Program] = []

    async def start(
        self, command: Sequence[str | Path], environment: Mapping[str, str] = MappingProxyType({}), cwd: Path = PROJECT
    ) -> Program:
        log = self._folder / f"program-{len(self._started)}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=os.environ | dict(environment),
                cwd=cwd,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        started = Program(process, log)
        self._started.append(started)
        return started

    async def rowmill(self, *arguments: str, database: Database | None = None, **settings: str) -> Program:
        """The command line in the background; settings as in Settings, in lower case."""
        environment = {f"ROWMILL_{name.upper()}": value for name, value in settings.items()}
        if database is not None:
            environment = {"ROWMILL_DATABASE_URL": database.dsn, "ROWMILL_DOMAINS": ALL_DOMAINS, **environment}
        return await self.start([sys.executable, "-m", "core.cli", *arguments], environment)

    async def close(self) -> None:
        for started in self._started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            await started.process.wait()


async def workers_up(db: Connection, count: int, gone: Sequence[str] = (), limit_s: float = LIMIT_S) -> dict[str, int]:
    """Waits until this many workers are at work, besides those that are known to be gone; returns pid by worker id."""

    async def look() -> dict[str, int]:
        rows = await db.fetch(
            "select worker_id, pid from rowmill.workers w where lease_until > now() and not draining"
            " and exists (select from rowmill.gate g where g.listener = w.worker_id) and worker_id <> all ($1::text[])",
            list(gone),
        )
        return {row["worker_id"]: row["pid"] for row in rows} if len(rows) == count else {}

    return await until(look, limit_s, f"{count} workers")


async def appears(path: Path) -> None:
    """Waits for a file."""

    async def look() -> bool:
        return path.exists()

    await until(look, what=f"the file {path}")


async def sleeps_in(db: Connection, statement: str) -> None:
    """Waits until a session stands in pg_sleep inside a statement like this one."""
    query = "select exists (select from pg_stat_activity where wait_event = 'PgSleep' and query ~ $1)"
    await until(lambda: db.fetchval(query, statement), what=f"a session asleep in {statement}")


async def notes_by_task(db: Connection) -> dict[UUID, list[str]]:
    rows = await db.fetch("select task_id, array_agg(note order by note_no) as notes from toy_notes group by task_id")
    return {row["task_id"]: row["notes"] for row in rows}


async def runs_of(db: Connection, task_id: UUID) -> list[tuple[int, bool, str | None]]:
    """`(run_no, success, error)` of every run row."""
    query = "select run_no, success, error_message from robot_input_events where task_id = $1 order by run_no"
    return [(row["run_no"], row["success"], row["error_message"]) for row in await db.fetch(query, task_id)]
