"""One task, alone in this process: what `rowmill work --task ID` runs. The same operator, reads, fence and commit as in
a worker; no bells, no other duty. Where starting a process costs more than its task, one suspect after the other."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from core import log
from core.db.connect import TROUBLE, Slots
from core.errors import RowmillError
from core.queue import sweep
from core.queue.beat import Beat, watch
from core.queue.child import CHAIN_S, MINUTE_S, START_S, STUBBORN
from core.queue.claim import Claimer
from core.queue.limits import Limits
from core.queue.pool import Pool, Shared
from core.queue.reads import Reader
from core.queue.run import Run
from core.registry import Operator, operators
from core.settings import Settings

LAST_COMMITS_S: Final = 5.0  # after the drain's limit, for what has been decided


class Alone:
    """Runs one task until its end is committed, or until `stop()` and the drain's limit. `hold` is called before it."""

    def __init__(
        self,
        dsn: str,
        settings: Settings,
        task_id: UUID,
        worker_id: str | None = None,
        hold: Callable[[], None] = lambda: None,
        code_version: str = "",
    ) -> None:
        self._dsn, self._settings, self._task_id, self._hold = dsn, settings, task_id, hold
        self._worker_id, self._code_version = worker_id or str(uuid.uuid4()), code_version
        self._stop = asyncio.Event()
        self._log = log.get("alone").bind(worker_id=self._worker_id)

    def stop(self) -> None:
        """Drain: what runs may finish within `drain_s`, else it goes back unburnt."""
        self._stop.set()

    async def run_on(self, task_types: Sequence[str]) -> None:
        """Runs the task, and for some seconds other suspects of these types behind it, never two at a time. A crash is
        the fault of the one that runs: the others have been committed, or not been claimed."""
        begun = asyncio.get_running_loop().time()
        await self.run()
        while asyncio.get_running_loop().time() < begun + CHAIN_S and await self._next(task_types):
            await self.run()

    async def run(self) -> None:
        """Raises RowmillError when the task cannot run now. Ends the process if its operator will not end."""
        self._hold()
        settings = self._settings
        claimer = Claimer(self._dsn, settings, self._worker_id)
        commits = Slots(self._dsn, settings, "commit", settings.worker_commits)
        reads = Slots(self._dsn, settings, "read", settings.worker_reads) if settings.worker_reads else commits
        try:
            operator = await self._operator(claimer)
            run = await self._claimed(operator, claimer)
            isolated = bool((await claimer.ask("isolated"))[0]["isolated"])
            async with asyncio.TaskGroup() as work:
                reader = Reader(reads, work, isolated=isolated)
                shared = Shared(
                    worker_id=self._worker_id,
                    settings=settings,
                    claimer=claimer,
                    reader=reader,
                    limits=Limits(reads),
                    commits=commits,
                    tasks=work,
                    may_claim=lambda: False,
                    isolated=isolated,
                )
                await self._work(Pool(operator, shared), run, claimer)
        finally:
            for part in (claimer, commits, reads):
                await part.close()

    async def _next(self, task_types: Sequence[str]) -> bool:
        if self._stop.is_set():
            return False
        claimer = Claimer(self._dsn, self._settings, self._worker_id)
        try:
            rows = await claimer.ask("claim_suspect", task_types=task_types, **self._identity())
        finally:
            await claimer.close()
        if rows:
            self._task_id = rows[0]["id"]
        return bool(rows)

    def _identity(self) -> dict[str, Any]:
        return {
            "worker_id": self._worker_id,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "lease_s": max(self._settings.lease_s, START_S),
        }

    async def _operator(self, claimer: Claimer) -> Operator:
        rows = await claimer.ask("type_of", task_id=self._task_id)
        if not rows:
            raise RowmillError(f"no task has the id {self._task_id}; look for it with `rowmill tasks`")
        known, task_type = operators(), rows[0]["task_type"]
        if task_type not in known:
            raise RowmillError(f"no operator here runs {task_type}; is its domain named in ROWMILL_DOMAINS?")
        return known[task_type]

    async def _claimed(self, operator: Operator, claimer: Claimer) -> Run:
        rows = await claimer.ask("take", task_id=self._task_id, **self._identity())
        if not rows:
            told = await claimer.ask("type_of", task_id=self._task_id)
            raise RowmillError(f"this task cannot run now: {told[0]['why'] if told else 'it is gone'}")
        return claimer.runs(operator, rows)[0]

    async def _work(self, pool: Pool, run: Run, claimer: Claimer) -> None:
        beat = Beat(self._dsn, self._settings, self._worker_id, self._code_version, self.stop)
        beat.drains()  # it takes no further task
        async with asyncio.TaskGroup() as duties:
            background = [
                duties.create_task(watch(self._settings.watchdog_limit_s), name="watchdog"),
                duties.create_task(sweep.expire([pool], ()), name="expire"),
                duties.create_task(pool.committer.run(), name="commit"),
            ]
            pool.take(run)
            await beat.first([pool])
            background.append(duties.create_task(beat.run([pool]), name="beat"))
            await self._ended(pool, self._settings.child_time_s or run.operator.run_timeout_s + MINUTE_S)
            for duty in background:
                duty.cancel()
        if pool.at_work:
            self._log.error("operator_goes_on", task_id=str(run.id))
            os._exit(STUBBORN)
        await self._leave(beat, pool, claimer)

    async def _ended(self, pool: Pool, limit_s: float) -> None:
        await _wait(lambda: pool.idle or self._stop.is_set(), limit_s)
        if self._stop.is_set():
            pool.stop()
            await _wait(lambda: pool.idle, self._settings.drain_s)
            pool.interrupt()
        else:
            pool.expire(0.0)
        await _wait(lambda: pool.idle, LAST_COMMITS_S)

    async def _leave(self, beat: Beat, pool: Pool, claimer: Claimer) -> None:
        try:
            await beat.leave()
            await sweep.flush([pool], claimer, self._worker_id)
        except TROUBLE as error:
            self._log.warning("leave_failed", error=str(error))


async def _wait(done: Callable[[], bool], limit_s: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit_s
    while not done() and loop.time() < deadline:  # noqa: ASYNC110 - runs end one by one, and nobody counts them
        await asyncio.sleep(0.01)
