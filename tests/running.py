"""What tests run things with: databases, workers in this process, workers in processes of their own, and waiting for
conditions. Nothing here sleeps for a fixed time."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from core.db.connect import Connection
from core.queue.runtime import Worker
from core.registry import Operator, operators
from core.settings import PROJECT, Settings

Found = TypeVar("Found")
LIMIT_S = 30.0

# Of this test's database alone: pg_locks shows the waits of every test on the server.
SOMEBODY_WAITS = """
select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')
"""

DOMAINS = (
    "workers.deals",
    "workers.reports",
    "workers.spreadsheets",
    "workers.turns",
    "workers.work_orders",
    "tests.toy",
)


async def until(look: Callable[[], Awaitable[Found | None]], limit_s: float = LIMIT_S, what: str = "") -> Found:
    """Waits until `look()` returns something true, and returns it; fails with the last answer after `limit_s`."""
    deadline = asyncio.get_running_loop().time() + limit_s
    while True:
        found = await look()
        if found:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"{what or 'the condition'} did not come true within {limit_s:g} s; last: {found!r}")
        await asyncio.sleep(0.005)


@dataclass
class Database:
    """One test's database."""

    dsn: str
    name: str
    _sessions: list[Connection] = field(default_factory=list)

    async def connect(self, **settings: str) -> Connection:
        session = await asyncpg.connect(self.dsn, server_settings={"application_name": "test", **settings})
        self._sessions.append(session)
        return session

    async def close(self) -> None:
        for session in self._sessions:
            session.terminate()


async def enqueue(db: Connection, task_type: str, payload: dict[str, Any] | str, **columns: Any) -> UUID:
    """A plain INSERT, as any producer makes it."""
    names = ["task_type", "payload", *columns]
    marks = ", ".join(f"${at}" for at in range(1, len(names) + 1))
    text = payload if isinstance(payload, str) else json.dumps(payload)
    task_id: UUID = await db.fetchval(
        f"insert into task_queue ({', '.join(names)}) values ({marks}) returning id",
        task_type,
        text,
        *columns.values(),
    )
    return task_id


async def task_row(db: Connection, task_id: UUID) -> dict[str, Any]:
    row = await db.fetchrow("select * from task_queue where id = $1", task_id)
    assert row is not None
    return dict(row)


async def ended(db: Connection, task_id: UUID, limit_s: float = LIMIT_S) -> dict[str, Any]:
    """The task's row, once it is completed, failed or cancelled."""

    async def look() -> dict[str, Any] | None:
        row = await task_row(db, task_id)
        return row if row["status"] in {"completed", "failed", "cancelled"} else None

    return await until(look, limit_s, f"the end of task {task_id}")


async def all_ended(db: Connection, limit_s: float = LIMIT_S) -> None:
    """Waits until no task is pending or processing."""
    query = "select not exists (select from task_queue where status in ('pending', 'processing'))"
    await until(lambda: db.fetchval(query), limit_s, "the end of all tasks")


def toy_operators(*names: str) -> list[Operator]:
    known = operators()
    return [known[name] for name in names] if names else [each for name, each in known.items() if name[:4] == "toy."]


@dataclass
class InProcess:
    """A worker running in the test's own loop."""

    worker: Worker
    task: asyncio.Task[None]

    @property
    def worker_id(self) -> str:
        return self.worker.worker_id

    async def stop(self) -> None:
        """A drain, as SIGTERM makes it."""
        self.worker.stop()
        await self.task

    async def vanish(self) -> None:
        """Stops without a word, like a killed process: no drain, no goodbye. A claim that was under way ends first: it
        is shielded, and a ghost must not claim what is reaped next."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        claims = [
            each for each in asyncio.all_tasks() if getattr(each.get_coro(), "__qualname__", "") == "Claimer._ask"
        ]
        await asyncio.gather(*claims, return_exceptions=True)


@dataclass
class OwnProcess:
    """A worker in a process of its own: `rowmill work`."""

    worker_id: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def wait(self, limit_s: float = LIMIT_S) -> int:
        async with asyncio.timeout(limit_s):
            return await self.process.wait()

    def lines(self) -> list[dict[str, Any]]:
        """Its structured log lines."""
        found = [line for line in self.log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
        return [json.loads(line) for line in found]


class Workers:
    """Starts workers and ends them with the test."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder
        self._inside: list[InProcess] = []
        self._outside: list[OwnProcess] = []

    async def start(self, *task_types: str, dsn: str | None = None, **settings: Any) -> InProcess:
        """A worker in this loop, ready to be rung. No watchdog unless the test sets one."""
        chosen = Settings(**{"watchdog_s": 0, "drain_s": 5, **settings})
        worker = Worker(dsn or self._database.dsn, chosen, toy_operators(*task_types))
        running = InProcess(worker, asyncio.create_task(worker.run()))
        self._inside.append(running)
        ready = asyncio.create_task(worker.ready.wait())
        await asyncio.wait({ready, running.task}, return_when=asyncio.FIRST_COMPLETED)
        if running.task.done():
            await running.task
        return running

    async def spawn(
        self, *arguments: str, dsn: str | None = None, module: str = "core.cli", **environment: str
    ) -> OwnProcess:
        """`rowmill work` in a process of its own, registered in the database. Environment names as in Settings."""
        worker_id = str(uuid.uuid4())
        log = self._folder / f"{worker_id}.log"
        given = {f"ROWMILL_{name.upper()}": value for name, value in environment.items()}
        defaults = {"ROWMILL_DOMAINS": "tests.toy", "ROWMILL_DATABASE_URL": dsn or self._database.dsn}
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module, "work", "--worker-id", worker_id, *arguments),
                env=os.environ | defaults | given,
                cwd=PROJECT,
                stdout=output,
                stderr=output,
            )
        spawned = OwnProcess(worker_id, process, log)
        self._outside.append(spawned)
        await until(lambda: self._started(spawned), what=f"the start of a worker (log: {log})")
        return spawned

    async def _started(self, spawned: OwnProcess) -> bool:
        if spawned.process.returncode is not None:
            raise AssertionError(f"the worker ended with {spawned.process.returncode}: {spawned.log.read_text()}")
        return any(line.get("event") == "worker_started" for line in spawned.lines())

    async def close(self) -> None:
        for spawned in self._outside:
            if spawned.process.returncode is None:
                spawned.process.kill()
            await spawned.process.wait()
        for running in self._inside:
            if not running.task.done():
                running.worker.stop()
        for running in self._inside:
            try:
                async with asyncio.timeout(10):
                    await running.task
            except (asyncio.CancelledError, TimeoutError):
                await running.vanish()
