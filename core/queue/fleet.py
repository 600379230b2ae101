"""A parent and its worker processes on one machine. A child that dies is reaped at once and replaced: its parent knows
its worker id and hears of its end before any lease is over."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Final

from core import log
from core.db.connect import TROUBLE
from core.queue.claim import Claimer
from core.queue.sweep import REAP_LIMIT, reap_once
from core.settings import Settings

RESTART_AFTER_S: Final = (0.0, 0.5, 1.0, 2.0, 5.0)  # by the number of deaths in a row
AFTER_DRAIN_S: Final = 0.1
STEADY_S: Final = 30.0  # a child that lived this long has not died "in a row"
KILL_AFTER_S: Final = 10.0  # beyond the drain's own limit
LAST_STATEMENT_S: Final = 0.2  # longer than a commit of ours waits for a lock


@dataclass(slots=True)
class Child:
    """One worker process."""

    worker_id: str
    process: asyncio.subprocess.Process
    started: float = field(default_factory=lambda: asyncio.get_running_loop().time())


class Fleet:
    """Keeps `count` worker processes running. `command(worker_id)` is what starts one."""

    def __init__(
        self,
        dsn: str,
        settings: Settings,
        count: int,
        command: Callable[[str], Sequence[str]],
        environment: Mapping[str, str] | None = None,
        output: IO[bytes] | None = None,
    ) -> None:
        self._settings, self._count, self._command, self._environment = settings, count, command, environment
        self._output = output
        self._claimer = Claimer(dsn, settings, f"fleet {uuid.uuid4()}")
        self._stop = asyncio.Event()
        self.children: dict[int, Child] = {}
        self.deaths = 0
        self._log = log.get("fleet")

    def stop(self) -> None:
        """Drains all children."""
        self._stop.set()
        for child in self.children.values():
            if child.process.returncode is None:
                child.process.send_signal(signal.SIGTERM)

    async def run(self) -> None:
        """Until `stop()`; returns when every child has ended."""
        try:
            async with asyncio.TaskGroup() as keepers:
                for place in range(self._count):
                    keepers.create_task(self._keep(place))
        finally:
            self.stop()
            await self._claimer.close()

    async def _keep(self, place: int) -> None:
        deaths_in_a_row = 0
        while not self._stop.is_set():
            try:
                child = self.children[place] = await self._spawn()
            except OSError as error:  # no memory, no processes: the others go on
                self._log.error("worker_not_started", error=str(error))
                await self._pause(RESTART_AFTER_S[-1])
                continue
            if self._stop.is_set():  # while it was being started
                child.process.send_signal(signal.SIGTERM)
            code = await self._ended(child)
            if self._stop.is_set():
                return
            if code == 0:  # drained because somebody asked it to (`rowmill drain`): a restart, not a death
                self._log.info("worker_drained", worker_id=child.worker_id)
                await self._pause(AFTER_DRAIN_S)
                continue
            self.deaths += 1
            self._log.warning("worker_died", worker_id=child.worker_id, exit_code=code)
            await self._reap(child.worker_id)
            lived = asyncio.get_running_loop().time() - child.started
            deaths_in_a_row = 1 if lived > STEADY_S else deaths_in_a_row + 1
            await self._pause(RESTART_AFTER_S[min(deaths_in_a_row - 1, len(RESTART_AFTER_S) - 1)])

    async def _spawn(self) -> Child:
        worker_id = str(uuid.uuid4())
        process = await asyncio.create_subprocess_exec(
            *self._command(worker_id), env=self._environment, stdout=self._output, stderr=self._output
        )
        return Child(worker_id, process)

    async def _ended(self, child: Child) -> int:
        waiting = asyncio.ensure_future(child.process.wait())
        stopped = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({waiting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not waiting.done():
            try:
                async with asyncio.timeout(self._settings.drain_s + KILL_AFTER_S):
                    await asyncio.shield(waiting)
            except TimeoutError:
                self._log.error("worker_killed", worker_id=child.worker_id)
                child.process.kill()
        return await waiting

    async def _reap(self, worker_id: str) -> None:
        """Twice: the dead process's last statement may still have been running on the server."""
        try:
            for pause in (0.0, LAST_STATEMENT_S):
                await self._pause(pause)
                while await reap_once(self._claimer, worker_id) >= REAP_LIMIT:
                    pass
        except TROUBLE as error:
            self._log.warning("reap_failed", worker_id=worker_id, error=str(error))  # the lease will do it

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass
