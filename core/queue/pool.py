"""The pool of one operator type: looks for work when a slot is free, runs it, hands its decision to its committer."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from core import log, state, storable
from core.db.connect import TROUBLE, Slots
from core.queue.claim import Claimer
from core.queue.commit.batch import Finished
from core.queue.commit.committer import Committer
from core.queue.commit.faults import sentence
from core.queue.execute import Executor
from core.queue.gate import Deaf, Gate
from core.queue.limits import Limits
from core.queue.reads import Reader
from core.queue.run import Run
from core.queue.stats import Counts
from core.registry import Operator
from core.settings import Settings
from core.state import Transition

BACKLOG_BATCHES: Final = 3  # finished outcomes in memory, in batches, before claims stop
TURN: Final = 40  # runs in a row that do not wait, before answers of the database are looked at


@dataclass(frozen=True, slots=True)
class Shared:
    """What all pools of a process share."""

    worker_id: str
    settings: Settings
    claimer: Claimer
    reader: Reader
    limits: Limits
    commits: Slots
    tasks: asyncio.TaskGroup
    may_claim: Callable[[], bool]
    isolated: bool = False  # row policies bind this login
    hears: bool = True  # bells; else a poll finds the tasks


class Pool:
    """Slots, claim loop and committer of one operator."""

    def __init__(self, operator: Operator, shared: Shared) -> None:
        self._operator, self._shared = operator, shared
        gate = Gate if shared.hears else Deaf
        claimer, lease_s = shared.claimer, shared.settings.lease_s
        floor = partial(claimer.floors.of, operator.task_type)
        self._gate = gate(operator.task_type, shared.worker_id, lease_s, claimer.ask, floor)
        self.committer = Committer(
            operator, shared.commits, shared.settings, shared.worker_id, self._ended, isolated=shared.isolated
        )
        self._executor = Executor(operator, shared.reader, shared.limits, self.committer.add, self._adopt)
        self.counts = Counts()  # since the last flush; the sweep takes them away
        self._runs: dict[UUID, Run] = {}
        self._queue: deque[list[Run]] = deque()  # groups of claimed runs that no slot has begun yet
        self._working: dict[asyncio.Task[None], list[Run]] = {}  # what each slot runs
        self._resting = False  # a slot lets others have their turn
        self._straight = True  # whether this operator's runs end without waiting, as far as is known
        self._wake = asyncio.Event()
        self._stopping = False
        self._delay_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._log = log.get("pool").bind(task_type=operator.task_type)

    @property
    def task_type(self) -> str:
        return self._operator.task_type

    @property
    def idle(self) -> bool:
        return not self._runs and not self._working and self.committer.backlog == 0

    def holds(self) -> set[UUID]:
        """Every task this pool has in memory."""
        return {member.id for run in self._runs.values() for member in run.members()}

    def take_counts(self) -> Counts:
        """What was counted since the last call."""
        taken, self.counts = self.counts, Counts()
        return taken

    def bell(self) -> None:
        self._shared.claimer.look_again(self.task_type)
        self._gate.heard(self._loop.time())
        self._wake.set()

    def wake(self) -> None:
        """Look now: a poll saw work, a timer is due, a key is free."""
        self._wake.set()

    def reopen(self) -> None:
        """After a reconnect: bells were missed, the gate row may be gone, and the server may be another one."""
        self._shared.claimer.forget(self.task_type)
        self._gate.reopened()
        self._wake.set()

    def stop(self) -> None:
        """No further claims."""
        self._stopping = self._executor.stopping = True
        self._wake.set()

    def cancel(self, task_id: UUID) -> None:
        """Somebody asked for this task's cancellation."""
        run = self._runs.get(task_id)
        if run is not None and not run.cancel_asked:
            run.cancel_asked = True
            self._cancel(run)

    def expire(self, limit_s: float | None = None) -> None:
        """Ends runs that have passed their operator's limit. Looked at once a second: no timer per run."""
        begun_before = self._loop.time() - (self._operator.run_timeout_s if limit_s is None else limit_s)
        for run in self._at_work():
            if run.started < begun_before:
                run.overdue = True
                self._cancel(run)

    def interrupt(self) -> None:
        """Ends what still runs: the drain's time is over."""
        while self._queue:
            self._hand_back(self._queue.popleft())
        for run in self._at_work():
            self._cancel(run)

    @property
    def at_work(self) -> bool:
        """Whether an operator of this pool is running."""
        return bool(self._working or self._queue)

    def _at_work(self) -> list[Run]:
        return [run for group in (*self._working.values(), *self._queue) for run in group]

    def take(self, run: Run) -> None:
        """Runs what was claimed elsewhere."""
        self._start([run])

    async def run(self) -> None:
        """The claim loop, until stopped."""
        while not self._stopping:
            self._wake.clear()
            try:
                pause = await self._turn()
            except TROUBLE as error:
                self._gate.reopened()
                pause = self._delay_s = min(max(self._delay_s * 2, 0.1), 5.0)
                self._log.warning("claim_failed", error=sentence(error), next_try_s=pause)
                await asyncio.sleep(pause)
                continue
            self._delay_s = 0.0
            if pause != 0.0:
                await self._sleep(pause)

    async def _turn(self) -> float | None:
        """One look; returns how long to wait at most (0 = look again at once, None = until woken)."""
        room = self._room()
        if room:
            runs = await self._shared.claimer.claim(self._operator, room)
            if runs:
                self._gate.claimed()
                self._start(runs)
                await asyncio.sleep(0)
            if len(runs) >= room:
                await self._gate.busy(self._loop.time())
                return 0.0
        return await self._gate.step(self._loop.time(), free=room > 0)

    def _room(self) -> int:
        settings = self._shared.settings
        if self.committer.blocked or not self._shared.may_claim():
            return 0
        backlog = BACKLOG_BATCHES * settings.batch_tasks - self.committer.backlog
        return max(min(self._operator.concurrency - len(self._at_work()), backlog, settings.batch_tasks), 0)

    async def _sleep(self, pause: float | None) -> None:
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _start(self, runs: list[Run]) -> None:
        now = self._loop.time()
        for run in runs:
            run.started = now
            if (old := self._runs.get(run.id)) is not None:
                old.lost = True
                self._cancel(old)
            self._runs[run.id] = run
        if self._stopping:
            self._hand_back(runs)
            return
        size = self._operator.batch
        self._queue += [runs[at : at + size] for at in range(0, len(runs), size)] if size else [[run] for run in runs]
        self._open_slots(1 if self._straight else len(self._queue))
        if self._straight:
            self._loop.call_soon(self._open_the_others)

    def _hand_back(self, runs: list[Run]) -> None:
        for run in runs:
            self._executor.finish(run, (), state.unstarted("worker shut down before the run began"))

    def _open_slots(self, count: int) -> None:
        for _ in range(count):
            self._shared.tasks.create_task(self._slot())

    def _open_the_others(self) -> None:
        """The first slot has had its turn. What it left, because a run of it waits, gets a slot for each group."""
        if self._straight and self._queue and not self._resting:
            self._straight = False
            self._open_slots(len(self._queue))

    async def _slot(self) -> None:
        """Runs queued groups, one after the other: an asyncio task costs more than many a run. Ends when none is left,
        or when one was cancelled."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        done = 0
        try:
            while self._queue and not task.cancelling():
                group = self._working[task] = self._queue.popleft()
                for run in group:
                    run.task = task
                await self._executor.work(group)
                del self._working[task]
                done += 1
                if done % TURN == 0 and self._queue:
                    await self._rest()
        finally:
            self._working.pop(task, None)
            self._straight = self._straight or done > 1
            if self._queue:
                with suppress(RuntimeError):  # the whole process is being cancelled
                    self._open_slots(1)
            self._wake.set()

    async def _rest(self) -> None:
        """A batch of runs takes as long as a statement: without a rest, the server waits for this process meanwhile."""
        self._resting = True
        try:
            await asyncio.sleep(0)
        finally:
            self._resting = False
        if self._straight:
            self._loop.call_soon(self._open_the_others)

    def _cancel(self, run: Run) -> None:
        """Not before its first step: a run that never began would never end. Not after its last: its slot went on."""

        def cancel() -> None:
            if run.task is not None and run in self._working.get(run.task, ()):
                run.task.cancel()

        self._loop.call_soon(cancel)

    def _adopt(self, run: Run) -> None:
        self._runs[run.id] = run

    def _ended(self, finished: Finished, moved: Transition | None) -> None:
        """The run's end is durable, or its claim was lost."""
        run = finished.run
        if self._runs.get(run.id) is run:  # else it was lost, and this process has claimed its task anew
            del self._runs[run.id]
        self._wake.set()
        if moved is not None:
            self.counts.add(moved, len(run.members()), run.wait_ms, finished.run_ms)
        if moved is not None and moved.status == "pending" and moved.delay_s:
            self._loop.call_later(moved.delay_s, self._wake.set)
        if not self._log.is_enabled_for(logging.INFO):
            return
        self._log.info(
            "run",
            task_id=str(run.id),
            run_no=run.run_no,
            attempt=run.attempts,
            outcome=moved.label if moved else "lost",
            effects=len(finished.effects),
            followers=len(run.followers),
            wait_ms=round(run.wait_ms, 1),
            run_ms=finished.run_ms,
            error_fingerprint=storable.fingerprint(moved.error) if moved and moved.error else None,
        )
