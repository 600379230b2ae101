"""A queue under the harness: its schema, its jobs, its worker processes, the marks they left."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import asyncpg

from benchmarks.peers.environments import Recipe
from benchmarks.programs import run
from core import domains
from core.db.migrate import migrate
from tests.processes.programs import Program, Programs
from tests.torture.stage import DOMAIN

Payload = Mapping[str, Any]
KIND: Final = "marked"
MARKS: Final = """
create table torture_marks (mark_no bigint generated always as identity, n bigint, pid int,
    at timestamptz not null default clock_timestamp())
"""


class Contender(Protocol):
    """What the harms need of a queue."""

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> str:
        """Of its liveness: in words."""

    @property
    def marks(self) -> str:
        """The relation of marks: n, at."""

    async def setup(self, dsn: str) -> None: ...

    async def enqueue(self, dsn: str, first: int, count: int, payload: Payload) -> None:
        """Jobs with numbers from `first`; payload: `ms`, `door`, `die`."""

    async def worker(self, dsn: str, programs: Programs) -> Program: ...


@dataclass(frozen=True, slots=True)
class Ours:
    """Rowmill, as it comes."""

    name: str = "Rowmill"
    settings: str = "lease 15 s, a heartbeat each 3 s, the defaults"
    marks: str = "torture_effects"

    async def setup(self, dsn: str) -> None:
        await migrate(dsn, domains.discover([DOMAIN]))

    async def enqueue(self, dsn: str, first: int, count: int, payload: Payload) -> None:
        task_type, given = "torture.work", dict(payload)
        if "door" in given:
            task_type, given = "torture.act", {"act": "first_waits", "arg": given["door"]}
        elif "die" in given:
            task_type, given = "torture.act", {"act": "die"}
        session = await asyncpg.connect(dsn)
        await session.execute(
            "insert into task_queue (task_type, payload)"
            " select $1, jsonb_build_object('n', i) || $2::jsonb from generate_series($3::int, $4::int) i",
            task_type,
            json.dumps(given),
            first,
            first + count - 1,
        )
        await session.close()

    async def worker(self, dsn: str, programs: Programs) -> Program:
        environment = {"ROWMILL_DATABASE_URL": dsn, "ROWMILL_DOMAINS": DOMAIN, "ROWMILL_LOG_LEVEL": "error"}
        return await programs.start([sys.executable, "-m", "core.cli", "work"], environment)


SETTINGS: Final = {
    "procrastinate": "heartbeat 10 s, stalled after 30 s (defaults); the documented periodic task that retries stalled "
    "jobs, each 10 s; concurrency 20",
    "pgqueuer": "heartbeat_timeout 30 s (default), batches of 500",
    "awa-pg": "heartbeat and rescue as they come, no deadline, 1,024 permits",
}


@dataclass(frozen=True, slots=True)
class Peer:
    """Another queue, by its adapter's program."""

    recipe: Recipe
    marks: str = "torture_marks"

    @property
    def name(self) -> str:
        return f"{self.recipe.name} {self.recipe.version}"

    @property
    def settings(self) -> str:
        return SETTINGS[self.recipe.name]

    async def setup(self, dsn: str) -> None:
        session = await asyncpg.connect(dsn)
        await session.execute(MARKS)
        await session.close()
        await self._ask(dsn, "setup", {})

    async def enqueue(self, dsn: str, first: int, count: int, payload: Payload) -> None:
        await self._ask(dsn, "mark", {"first": first, "count": count, "payload": payload})

    async def worker(self, dsn: str, programs: Programs) -> Program:
        command = [*self.recipe.program(), "work", dsn, json.dumps({"kind": KIND})]
        return await programs.start(command, self._environment())

    async def _ask(self, dsn: str, verb: str, options: Payload) -> None:
        command = [*self.recipe.program(), verb, dsn, json.dumps(options)]
        await run(f"{self.recipe.name} {verb}", command, self._environment())

    def _environment(self) -> dict[str, str]:
        counts = Path(os.environ.get("TMPDIR", "/tmp")) / f"rowmill-torture-{os.getpid()}.count"
        return {"BENCH_COUNT_FILE": str(counts), "BENCH_PEER_HOME": str(self.recipe.home), "PYTHONSAFEPATH": ""}
