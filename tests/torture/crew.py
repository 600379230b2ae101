"""The worker processes of a scenario: singles that nobody watches but us, and fleets with a parent."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final

import asyncpg

from tests.processes.programs import Program
from tests.torture.producer import TROUBLE, Plan
from tests.torture.stage import DOMAIN, Ground

UP_S: Final = 90.0
ALIVE: Final = """
select w.worker_id, w.pid from rowmill.workers w
where w.lease_until > clock_timestamp() and not w.draining
  and (w.woken_by = 'polls' or exists (select from rowmill.gate g where g.listener = w.worker_id))
"""
NONE_LIVE: Final = """
select not exists (select from task_queue where status = 'pending')
   and not exists (select from task_queue where status = 'processing')
"""
LOOK_S: Final = 0.2
LOOK_FOR_END_S: Final = 0.5  # the end is read from the tables, so looking seldom costs no precision


@dataclass(frozen=True, slots=True)
class Kill:
    """A worker process that we ended: who, and when by the database's clock."""

    worker_id: str
    at: float


class Crew:
    """Starts workers, finds out who lives, kills, and replaces singles that died."""

    def __init__(self, ground: Ground, **settings: str) -> None:
        self._ground, self.choose = ground, ground.choose
        self.settings = {"lease_s": "3", "watchdog_s": "0", "log_level": "error", "drain_s": "20", **settings}
        self.dsn: str | None = None  # another way to the database than the scenario's own
        self.environment: dict[str, str] = {}
        self.singles: list[Program] = []
        self.fleets: list[Program] = []
        self.gone: set[str] = set()  # worker ids that must not be counted as living any more

    async def start(self, *arguments: str, **settings: str) -> Program:
        """`rowmill work` with these arguments."""
        chosen = {"database_url": self.dsn or self._ground.dsn, "domains": DOMAIN, **self.settings, **settings}
        environment = {f"ROWMILL_{name.upper()}": value for name, value in chosen.items()} | self.environment
        command = [sys.executable, "-m", "core.cli", "work", *arguments]
        return await self._ground.programs.start(command, environment)

    async def single(self, *arguments: str, **settings: str) -> Program:
        self.singles.append(await self.start(*arguments, **settings))
        return self.singles[-1]

    async def fleet(self, processes: int, **settings: str) -> Program:
        self.fleets.append(await self.start("--processes", str(processes), **settings))
        return self.fleets[-1]

    async def up(self, count: int, limit_s: float = UP_S) -> dict[str, int]:
        """Waits until so many workers are at work; returns pid by worker id."""
        deadline = time.monotonic() + limit_s
        while len(found := await self.alive()) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{count} workers were not at work after {limit_s:g} s, but {len(found)}")
            await asyncio.sleep(LOOK_S)
        return found

    async def alive(self) -> dict[str, int]:
        """Those at work, as the database knows them, without those we know to be gone. Nobody while it is away."""
        try:
            session = await asyncpg.connect(self._ground.dsn, timeout=5)
        except TROUBLE:
            return {}
        try:
            rows = await session.fetch(ALIVE)
        except TROUBLE:
            return {}
        finally:
            session.terminate()
        return {row["worker_id"]: row["pid"] for row in rows if row["worker_id"] not in self.gone}

    def kill(self, worker_id: str, pid: int) -> Kill:
        """Kill -9."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self.gone.add(worker_id)
        return Kill(worker_id, time.time())

    async def replace_dead(self) -> int:
        """Starts a single again for each that has ended. Returns how many."""
        dead = [each for each in self.singles if each.process.returncode is not None]
        for each in dead:
            self.singles.remove(each)
            await self.single()
        return len(dead)

    async def stop(self, limit_s: float = 60.0) -> list[int]:
        """SIGTERM to all; their exit codes."""
        programs = [*self.singles, *self.fleets]
        for each in programs:
            with suppress(ProcessLookupError):
                each.signal(signal.SIGTERM)
        self.singles, self.fleets = [], []
        return list(await asyncio.gather(*(each.wait(limit_s) for each in programs)))


async def producer(ground: Ground, plan: Plan, dsn: str | None = None) -> Program:
    """A producer in a process of its own, with a ledger that the checker will read."""
    command = [
        *(sys.executable, "-m", "tests.torture.producer", dsn or ground.dsn),
        *(str(ground.ledger().path), json.dumps(asdict(plan))),
    ]
    return await ground.programs.start(command)


async def answer_of(program: Program, limit_s: float = 600.0) -> dict[str, Any]:
    """Waits for a program's end; its last line."""
    code = await program.wait(limit_s)
    if code:
        raise AssertionError(f"a program ended with {code}: {program.said()[-2000:]}")
    found: dict[str, Any] = program.lines()[-1]
    return found


async def all_ended(ground: Ground, limit_s: float, besides: Callable[[], Any] | None = None) -> None:
    """Until no task is pending or processing. `besides` is called at each look: to replace the dead, say."""

    async def look() -> bool:
        if besides is not None:
            await besides()
        try:
            session = await asyncpg.connect(ground.dsn, timeout=5)
        except TROUBLE:
            return False
        try:
            return bool(await session.fetchval(NONE_LIVE))
        except TROUBLE:
            return False
        finally:
            session.terminate()

    deadline = time.monotonic() + limit_s
    while not await look():
        if time.monotonic() > deadline:
            raise AssertionError(f"tasks were still live after {limit_s:g} s")
        await asyncio.sleep(LOOK_FOR_END_S)
