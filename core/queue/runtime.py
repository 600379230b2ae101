"""One worker process: every background duty hangs on one task group, from the first beat to the last commit."""

from __future__ import annotations

import asyncio
import faulthandler
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core import log
from core.db import catalogs
from core.db.checks import check_statements
from core.db.connect import TROUBLE, Connection, Slots, close, connect
from core.queue import sweep
from core.queue.ask import asking
from core.queue.beat import Beat, watch
from core.queue.child import Children, Starting
from core.queue.claim import Claimer
from core.queue.limits import Limits
from core.queue.listen import Listener, hears_bells
from core.queue.pool import Pool, Shared
from core.queue.publish import publish
from core.queue.reads import Reader
from core.queue.retain import retain
from core.queue.schedule import keep_schedules
from core.registry import Operator
from core.settings import Settings

LAST_COMMITS_S: Final = 5.0  # after the drain's limit, for what has been decided
DEAF: Final = {
    False: "no NOTIFY arrives through DATABASE_URL, as behind a pooler in transaction mode; "
    "tasks are found by polling; set ROWMILL_LISTEN_URL to the server's own address to be woken by bells",
    True: "no NOTIFY of DATABASE_URL arrives through ROWMILL_LISTEN_URL, which must "
    "lead to the same database, past any pooler; until then tasks are found by polling",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What a process found out about its database before it began."""

    isolated: bool  # row policies bind this login
    hears: bool  # bells arrive


class Worker:
    """Runs these operators until `stop()`; then drains."""

    def __init__(
        self,
        dsn: str,
        settings: Settings,
        operators: Sequence[Operator],
        *,
        worker_id: str | None = None,
        code_version: str = "",
        children: Starting | None = None,
    ) -> None:
        self._dsn, self._settings, self._operators = dsn, settings, list(operators)
        self.worker_id = worker_id or str(uuid.uuid4())
        self._beat = Beat(dsn, settings, self.worker_id, code_version, self._drain_asked)
        self._starting = children  # None: tasks that crashed their workers are left to other processes
        self._children: Children | None = None
        self._stop = asyncio.Event()
        self.ready = asyncio.Event()
        self._log = log.get("worker").bind(worker_id=self.worker_id)
        self.pools: list[Pool] = []

    def stop(self) -> None:
        """Drain and end: no further claims, what runs may finish within `drain_s`."""
        self._stop.set()

    def _drain_asked(self) -> None:
        if not self._stop.is_set():
            self._log.info("drain_asked")
            self.stop()

    def alive(self) -> bool:
        """Whether the last beat is young: what the liveness probe answers."""
        return self._beat.fresh()

    async def run(self) -> None:
        """From registration to the last commit. Ends normally after a drain."""
        found = await self._introduce()
        claimer = Claimer(self._dsn, self._settings, self.worker_id)
        settings = self._settings
        commits = Slots(self._dsn, settings, "commit", settings.worker_commits)
        reads = Slots(self._dsn, settings, "read", settings.worker_reads) if settings.worker_reads else commits
        async with asyncio.TaskGroup() as duties, asyncio.TaskGroup() as work:
            reader = Reader(reads, work, isolated=found.isolated)
            shared = Shared(
                worker_id=self.worker_id,
                settings=settings,
                claimer=claimer,
                reader=reader,
                limits=Limits(reads),
                commits=commits,
                tasks=work,
                may_claim=self._beat.fresh,
                isolated=found.isolated,
                hears=found.hears,
            )
            self.pools = [Pool(operator, shared) for operator in self._operators]
            background = await self._begin(duties, claimer, [commits, reads], hears=found.hears)
            loops = [duties.create_task(pool.run(), name=f"pool {pool.task_type}") for pool in self.pools]
            self.ready.set()
            self._log.info("worker_started", task_types=[pool.task_type for pool in self.pools])
            await self._stop.wait()
            drained = await self._drain(loops, claimer)
            for duty in background:
                duty.cancel()
            if not drained and self._settings.watchdog_limit_s:
                await asyncio.sleep(0)  # the watchdog's own end first
                faulthandler.dump_traceback_later(LAST_COMMITS_S, exit=True)
        faulthandler.cancel_dump_traceback_later()
        await self._leave(claimer)
        for part in (claimer, commits, reads):
            await part.close()
        self._log.info("worker_stopped")

    async def _introduce(self) -> Found:
        """Every statement this process may run fits the database, which then learns its operators. Outside of the task
        groups, so that what does not fit is told as it is raised."""
        connection = await connect(self._dsn, self._settings, "check")
        try:
            await check_statements(connection, catalogs.engine())
            for package in sorted({operator.package for operator in self._operators}):
                await check_statements(connection, catalogs.of_package(package))
            await publish(connection, self.worker_id, self._operators)
            isolated = bool((await catalogs.engine()["isolated"].fetch(connection))[0]["isolated"])
            return Found(isolated, await self._hears(connection))
        finally:
            await close(connection)

    async def _hears(self, connection: Connection) -> bool:
        if await hears_bells(self._listen_address, connection, self._settings):
            return True
        self._beat.woken_by = "polls"
        self._log.warning("polls_only", reason=DEAF[self._settings.listen_url is not None])
        return False

    async def _begin(
        self, duties: asyncio.TaskGroup, claimer: Claimer, slots: Sequence[Slots], *, hears: bool
    ) -> list[asyncio.Task[None]]:
        await self._beat.first(self.pools)
        beside = claimer.ask if slots[0] is slots[-1] else asking(slots[-1])  # no commit waits
        task_types = [pool.task_type for pool in self.pools]
        background = [
            duties.create_task(watch(self._settings.watchdog_limit_s), name="watchdog"),
            duties.create_task(self._beat.run(self.pools), name="beat"),
            duties.create_task(sweep.poll(self.pools, claimer, self._settings), name="poll"),
            duties.create_task(sweep.expire(self.pools, [*slots, claimer.slots]), name="expire"),
            duties.create_task(sweep.count(self.pools, claimer, self.worker_id), name="count"),
            duties.create_task(retain(slots[-1], self._settings), name="retain"),
            duties.create_task(keep_schedules(slots[-1]), name="schedules"),
            duties.create_task(sweep.end_waits(claimer), name="waits"),
            duties.create_task(sweep.reap(claimer, self._settings, self._beat.may_reap), name="reap"),
            duties.create_task(claimer.floors.keep(beside, task_types, self._settings.poll_s), name="floors"),
        ]
        background += [duties.create_task(pool.committer.run(), name=f"commit {pool.task_type}") for pool in self.pools]
        if self._starting is not None:  # ends by itself, when its last child has
            self._children = Children(claimer, self._settings, self._operators, self._starting, self._beat.fresh)
            duties.create_task(self._children.run(), name="children")
        if hears:
            listener = Listener(self._listen_address, self._settings, self._bell, self._reopen)
            background.append(duties.create_task(listener.run(), name="listener"))
            await self._ready_or_stopped(listener)
        return background

    @property
    def _listen_address(self) -> str:
        return self._settings.listen_url or self._dsn

    async def _ready_or_stopped(self, listener: Listener) -> None:
        waits = [asyncio.ensure_future(each.wait()) for each in (listener.ready, self._stop)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()

    def _bell(self, task_type: str) -> None:
        for pool in self.pools:
            if pool.task_type == task_type:
                pool.bell()

    def _reopen(self) -> None:
        for pool in self.pools:
            pool.reopen()

    async def _drain(self, loops: Sequence[asyncio.Task[None]], claimer: Claimer) -> bool:
        """The heartbeat stays on: a draining worker is alive. Work that outlives the limit goes back unburnt.

        False = an operator still runs, because it swallows its cancellation."""
        self._log.info("draining", limit_s=self._settings.drain_s)
        self._beat.drains()
        for pool in self.pools:
            pool.stop()
        if self._children is not None:
            self._children.stop()
        await asyncio.gather(*loops)
        await self._step_aside(claimer)
        if not await self._idle_within(self._settings.drain_s):
            for pool in self.pools:
                pool.interrupt()
            if not await self._idle_within(LAST_COMMITS_S):
                self._log.warning("drain_incomplete", tasks=sum(len(pool.holds()) for pool in self.pools))
                return False
        return True

    async def _idle_within(self, limit_s: float) -> bool:
        deadline = asyncio.get_running_loop().time() + limit_s
        while not all(pool.idle for pool in self.pools):
            if asyncio.get_running_loop().time() >= deadline:
                return False
            await asyncio.sleep(0.01)
        return True

    async def _step_aside(self, claimer: Claimer) -> None:
        """Off the gate first, then ring once for what a `looking` row may have kept quiet."""
        try:
            await claimer.ask("gate_leave", listener=self.worker_id)
            task_types = [pool.task_type for pool in self.pools]
            waiting = await claimer.ask("look", task_types=task_types, floors=[None] * len(task_types))
            await claimer.ask("ring", task_types=[row["task_type"] for row in waiting if row["work"]])
        except TROUBLE as error:
            self._log.warning("step_aside_failed", error=str(error))

    async def _leave(self, claimer: Claimer) -> None:
        try:
            await self._beat.leave()
            await sweep.flush(self.pools, claimer, self.worker_id)
        except TROUBLE as error:
            self._log.warning("leave_failed", error=str(error))
