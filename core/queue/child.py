"""Tasks that crashed their worker twice run alone, each in a child process with limits of its own.

Every worker process has this duty and starts one child at a time. It claims a suspect in the child's name, sees how the
child ends, and tells the database at once: a crash alone is the task's own, and ends it in quarantine.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from core import log, storable
from core.db.connect import TROUBLE
from core.queue import ceiling
from core.queue.claim import Claimer
from core.registry import Operator
from core.settings import Settings

LOOK_S: Final = 1.0
START_S: Final = 30.0  # a child's first lease: until it has loaded its operators
MINUTE_S: Final = 60.0
CHAIN_S: Final = 10.0  # a child that is done so early runs another suspect: starting it was the dear part
LAST_S: Final = 10.0  # beyond the drain's own limit, before a child is killed
RESTART_AFTER_S: Final = (1.0, 5.0, 30.0)  # by the number of children in a row that did not come to their task
TRIES: Final = 5
STUBBORN: Final = 73  # exit code of a child whose operator swallowed its cancellation
GAVE_UP: Final = 75  # of a child that met trouble which is not its task's: no database


@dataclass(frozen=True, slots=True)
class Starting:
    """How a child is started."""

    command: Callable[[UUID, str], Sequence[str]]  # of a task id and a worker id
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Suspect:
    """A task that is to run alone, claimed in the name of a child."""

    id: UUID
    worker_id: str


class Children:
    """Runs the suspects of these operators, one after the other, until `stop()`."""

    def __init__(
        self,
        claimer: Claimer,
        settings: Settings,
        operators: Sequence[Operator],
        starting: Starting,
        may_claim: Callable[[], bool],
    ) -> None:
        self._claimer, self._settings, self._starting, self._may_claim = claimer, settings, starting, may_claim
        self._operators = {each.task_type: each for each in operators}
        self._stop = asyncio.Event()
        self._log = log.get("child")

    def stop(self) -> None:
        """No further children; the one that runs is drained."""
        self._stop.set()

    async def run(self) -> None:
        """Until stopped; returns when no child is left."""
        in_vain = 0
        while not self._stop.is_set():
            suspect = await self._claim()
            if suspect is None:
                await self._pause(LOOK_S * random.uniform(0.8, 1.2))
                continue
            in_vain = 0 if await self._run_alone(suspect) else in_vain + 1
            if in_vain:
                await self._pause(RESTART_AFTER_S[min(in_vain, len(RESTART_AFTER_S)) - 1])

    async def _claim(self) -> Suspect | None:
        if not self._may_claim():
            return None
        worker_id = str(uuid.uuid4())
        try:
            rows = await self._claimer.ask(
                "claim_suspect",
                task_types=list(self._operators),
                worker_id=worker_id,
                host=socket.gethostname(),
                pid=os.getpid(),
                lease_s=max(self._settings.lease_s, START_S),
            )
        except TROUBLE as error:
            self._log.warning("claim_failed", error=str(error))
            return None
        return Suspect(rows[0]["id"], worker_id) if rows else None

    async def _run_alone(self, suspect: Suspect) -> bool:
        """Whether the child came to its task."""
        self._log.info("child_started", task_id=str(suspect.id), worker_id=suspect.worker_id)
        crash: str | None = None
        try:
            code = await self._watch(suspect)
            crash = None if self._stop.is_set() or code in {0, GAVE_UP} else _ending(code, self._settings)
        except OSError as error:
            self._log.error("child_not_started", task_id=str(suspect.id), error=str(error))
        status = await self._settle(suspect, crash)
        self._log.info("child_ended", task_id=str(suspect.id), worker_id=suspect.worker_id, crash=crash, left=status)
        return status != "pending"

    async def _watch(self, suspect: Suspect) -> int:
        """The exit code of the child, which is ended when its time is over or this process drains."""
        process = await asyncio.create_subprocess_exec(
            *self._starting.command(suspect.id, suspect.worker_id), env=self._starting.environment
        )
        waiting = asyncio.ensure_future(process.wait())
        stopped = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({waiting, stopped}, timeout=self._patience_s(), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                process.send_signal(signal.SIGTERM)
                await asyncio.wait({waiting}, timeout=self._settings.drain_s + LAST_S)
            if not waiting.done():
                process.kill()
            return await waiting
        finally:
            stopped.cancel()
            if not waiting.done():
                process.kill()

    def _patience_s(self) -> float:
        """A child keeps its time itself; this is for one that does not."""
        longest = max(each.run_timeout_s for each in self._operators.values()) + MINUTE_S
        return START_S + CHAIN_S + (self._settings.child_time_s or longest) + LAST_S

    async def _settle(self, suspect: Suspect, crash: str | None) -> str | None:
        """What became of the task, if the child left it behind. A commit of the dead child may still be under way on
        the server; where the database cannot be reached, the child's lease runs out."""
        for _ in range(TRIES):
            try:
                rows = await self._claimer.ask(
                    "end_child",
                    worker_id=suspect.worker_id,
                    parent_pid=os.getpid(),
                    crash=crash,
                    fingerprint=storable.fingerprint(crash) if crash else None,
                )
            except TROUBLE as error:
                self._log.warning("child_not_settled", task_id=str(suspect.id), error=str(error))
                await asyncio.sleep(LOOK_S)
            else:
                return str(rows[0]["status"]) if rows else None
        return None

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass


def _ending(code: int, settings: Settings) -> str:
    """What an exit code says, as the end of a sentence about a task."""
    if code == ceiling.MET:
        return f"needed more than {settings.child_memory_mb} MB of memory"
    if code == -signal.SIGXCPU:
        return f"used more than {settings.child_cpu_s} s of processor time"
    if code == STUBBORN:
        return "did not end when its time was over"
    if code == 1:  # what the watchdog's timer ends a process with
        return f"stood still for longer than {settings.watchdog_limit_s:g} s, or broke its process in another way"
    if code < 0:
        return f"the process was ended by signal {-code} ({signal.Signals(-code).name})"
    return f"the process ended with exit code {code}"
