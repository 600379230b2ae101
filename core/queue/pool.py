"""The pool of one operator type: looks for work when a slot is free, runs it, hands its decision to its committer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import orjson

from core import log, state, storable
from core.db.connect import TROUBLE, Slots
from core.effects import Effect, made_storable
from core.errors import LostClaim, PayloadRejected, RowmillError, StartOver
from core.outcome import Done, Outcome, Retry, transition
from core.queue.claim import Claimer
from core.queue.commit.batch import Finished
from core.queue.commit.committer import Committer
from core.queue.commit.faults import fault_of, is_database_error, sentence
from core.queue.gate import Gate
from core.queue.reads import Reader
from core.queue.run import Member, Run
from core.registry import Operator
from core.settings import Settings
from core.state import Transition
from core.task import Row, Task

EFFECTS_LIMIT: Final = 5000  # of one Done or one task.commit; larger work goes in chunks
BACKLOG_BATCHES: Final = 2  # finished outcomes in memory, in batches, before claims stop


@dataclass(frozen=True, slots=True)
class Shared:
    """What all pools of a process share."""

    worker_id: str
    settings: Settings
    claimer: Claimer
    reader: Reader
    commits: Slots
    tasks: asyncio.TaskGroup
    may_claim: Callable[[], bool]


class Pool:
    """Slots, claim loop and committer of one operator."""

    def __init__(self, operator: Operator, shared: Shared) -> None:
        self._operator, self._shared = operator, shared
        self._gate = Gate(operator.task_type, shared.worker_id, shared.settings.lease_s, shared.claimer.ask)
        self.committer = Committer(operator, shared.commits, shared.settings, shared.worker_id, self._ended)
        self._runs: dict[UUID, Run] = {}
        self._active = 0
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
        return not self._runs and self.committer.backlog == 0

    def holds(self) -> set[UUID]:
        """Every task this pool has in memory."""
        return {member.id for run in self._runs.values() for member in run.members()}

    def bell(self) -> None:
        self._gate.heard(self._loop.time())
        self._wake.set()

    def wake(self) -> None:
        """Look now: a poll saw work, a timer is due, a key is free."""
        self._wake.set()

    def reopen(self) -> None:
        """After a reconnect: bells were missed, and the gate row may be gone."""
        self._gate.reopened()
        self._wake.set()

    def stop(self) -> None:
        """No further claims."""
        self._stopping = True
        self._wake.set()

    def cancel(self, task_id: UUID) -> None:
        """Somebody asked for this task's cancellation."""
        run = self._runs.get(task_id)
        if run is not None and not run.cancel_asked:
            run.cancel_asked = True
            _cancel(run)

    def expire(self) -> None:
        """Ends runs that have passed their operator's limit. Looked at once a second: no timer per run."""
        begun_before = self._loop.time() - self._operator.run_timeout_s
        for run in self._runs.values():
            if run.started < begun_before and run.task is not None and not run.task.done():
                run.overdue = True
                _cancel(run)

    def interrupt(self) -> None:
        """Ends what still runs: the drain's time is over."""
        for run in self._runs.values():
            _cancel(run)

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
                await self._gate.renew(self._loop.time())
                return 0.0
        return await self._gate.step(self._loop.time(), free=room > 0)

    def _room(self) -> int:
        settings = self._shared.settings
        if self.committer.blocked or not self._shared.may_claim():
            return 0
        backlog = BACKLOG_BATCHES * settings.batch_tasks - self.committer.backlog
        return max(min(self._operator.concurrency - self._active, backlog, settings.batch_tasks), 0)

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
            self._runs[run.id] = run
        if self._stopping:
            for run in runs:
                self._finish(run, (), state.unstarted("worker shut down before the run began"))
            return
        size = self._operator.batch
        groups = [runs[at : at + size] for at in range(0, len(runs), size)] if size else [[run] for run in runs]
        for group in groups:
            self._active += len(group)
            task = self._shared.tasks.create_task(self._work(group))
            for run in group:
                run.task = task

    async def _work(self, group: list[Run]) -> None:
        try:
            tasks = [(run, task) for run in group if (task := self._prepared(run)) is not None]
            if tasks:
                await self._operate(tasks)
        finally:
            self._active -= len(group)
            self._wake.set()

    def _prepared(self, run: Run) -> Task[Any] | None:
        """The task with its payload checked; one that does not fit fails at once, alone."""
        try:
            payload = self._operator.decode(run.leader.payload)
        except PayloadRejected as error:
            followers, run.followers = run.followers, []
            self._finish(run, (), state.failed(str(error)))
            for member in followers:
                self._finish(self._alone(run, member), (), state.unstarted("the payload of its leader does not fit"))
            return None
        run.cell_id = cell if isinstance(cell := getattr(payload, "cell_id", None), UUID) else None
        return Task(
            context=_Context(run, self),
            payload=payload,
            id=run.id,
            task_type=self.task_type,
            run_no=run.run_no,
            attempts=run.attempts,
            max_attempts=run.max_attempts,
            followers=self._follower_payloads(run),
            progress=orjson.loads(run.output) if run.output else None,
            workspace_id=run.workspace_id,
        )

    def _follower_payloads(self, run: Run) -> list[Any]:
        payloads, fitting = [], []
        for member in run.followers:
            try:
                payloads.append(self._operator.decode(member.payload))
                fitting.append(member)
            except PayloadRejected as error:
                self._finish(self._alone(run, member), (), state.failed(str(error)))
        run.followers = fitting
        return payloads

    def _alone(self, run: Run, member: Member) -> Run:
        """A follower that does not share its leader's fate."""
        alone = Run(run.operator, member, run.attempts, run.max_attempts, workspace_id=run.workspace_id)
        alone.started = run.started
        self._runs[member.id] = alone
        return alone

    async def _operate(self, tasks: list[tuple[Run, Task[Any]]]) -> None:
        """Calls the operator and finishes each run with what came of it."""
        try:
            outcomes = await self._outcomes([task for _, task in tasks])
        except asyncio.CancelledError:
            self._interrupted(tasks)
            return
        except Exception as error:  # noqa: BLE001 - an operator's surprise ends its run, not the process
            for run, _ in tasks:
                self._failed(run, error)
            return
        for (run, _), outcome in zip(tasks, outcomes, strict=True):
            self._decided(run, outcome)

    async def _outcomes(self, tasks: Sequence[Task[Any]]) -> Sequence[Outcome]:
        if not self._operator.batch:
            return [await self._operator.run(tasks[0])]
        outcomes: Sequence[Outcome] = await self._operator.run(tasks)
        if len(outcomes) != len(tasks):
            raise RowmillError(
                f"{self.task_type} got {len(tasks)} tasks and returned {len(outcomes)} outcomes; return one for each"
            )
        return outcomes

    def _interrupted(self, tasks: list[tuple[Run, Task[Any]]]) -> None:
        for run, _ in tasks:
            if run.cancel_asked:
                self._finish(run, (), state.cancelled("cancelled by request"))
            elif any(other.overdue for other, _ in tasks):
                self._decided(run, Retry(f"the run took longer than {self._operator.run_timeout_s:g} s"))
            elif self._stopping:
                self._finish(run, (), state.returned("worker shut down during the run"))
            else:
                self._finish(run, (), state.returned("another task of its batch was cancelled"))

    def _failed(self, run: Run, error: Exception) -> None:
        if isinstance(error, LostClaim):
            # Of a batch, one has lost it: the fence knows which, and the others go back.
            self._finish(run, (), state.returned("a claim of its batch was lost"))
        elif isinstance(error, StartOver):
            self._finish(run, (), state.returned(str(error), error.delay_s))
        elif is_database_error(error) and fault_of(error) != "poison":
            delay = state.uncounted_delay_s(run.run_no, run.attempts)
            self._finish(run, (), state.returned(f"database: {sentence(error)}", delay))
        else:
            self._log.warning("operator_raised", task_id=str(run.id), run_no=run.run_no, raised=log.frames(error))
            self._decided(run, Retry(f"{type(error).__name__}: {sentence(error)}"))

    def _decided(self, run: Run, outcome: Outcome) -> None:
        try:
            outcome = _checked(outcome)
            effects = [made_storable(effect) for effect in outcome.effects] if isinstance(outcome, Done) else []
            spread = random.random()
            moved = transition(outcome, run.attempts, run.max_attempts, self._operator.retry, spread)
            self._finish(run, effects, moved)
        except (storable.Unstorable, RowmillError) as error:
            self._finish(run, (), state.failed(sentence(error)))
        except Exception as error:  # noqa: BLE001 - whatever an operator returns ends its run, not the process
            reason = f"the operator returned what cannot be used: {type(error).__name__}: {sentence(error)}"
            self._finish(run, (), state.failed(reason))

    def _finish(self, run: Run, effects: Sequence[Effect], moved: Transition) -> None:
        self.committer.add(Finished(run, effects, _storable(moved), run_ms=self._elapsed_ms(run)))

    def _elapsed_ms(self, run: Run) -> int:
        return min(int((self._loop.time() - run.started) * 1000), 2**31 - 1)

    async def commit(self, run: Run, effects: Sequence[Effect], progress: Mapping[str, Any] | None) -> None:
        """A commit in the middle of the run."""
        _limited(effects)
        kept = None if progress is None else storable.value(dict(progress), "progress")
        waiter: asyncio.Future[None] = self._loop.create_future()
        self.committer.add(Finished(run, [made_storable(e) for e in effects], None, progress=kept, waiter=waiter))
        await waiter

    async def read(self, run: Run, statement: str, keys: tuple[Any, ...]) -> Sequence[Row]:
        return await self._shared.reader.read(run, statement, keys)

    def _ended(self, finished: Finished, moved: Transition | None) -> None:
        """The run's end is durable, or its claim was lost."""
        run = finished.run
        if self._runs.get(run.id) is run:  # else it was lost, and this process has claimed its task anew
            del self._runs[run.id]
        self._wake.set()
        if moved is not None and moved.status == "pending" and moved.delay_s:
            self._loop.call_later(moved.delay_s, self._wake.set)
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


@dataclass(frozen=True, slots=True)
class _Context:
    """What a task of a run may ask for."""

    run: Run
    pool: Pool

    async def read(self, statement: str, keys: tuple[Any, ...]) -> Sequence[Row]:
        return await self.pool.read(self.run, statement, keys)

    async def commit(self, effects: Sequence[Effect], progress: Mapping[str, Any] | None) -> None:
        await self.pool.commit(self.run, effects, progress)


def _cancel(run: Run) -> None:
    """Not before its first step: a task that never ran would never finish its run."""
    if run.task is not None:
        asyncio.get_running_loop().call_soon(run.task.cancel)


def _checked(outcome: object) -> Outcome:
    if not isinstance(outcome, Outcome):
        raise RowmillError(
            f"the operator returned {type(outcome).__name__}; return Done, Retry, Snooze, Fail or Cancel"
        )
    if isinstance(outcome, Done):
        _limited(outcome.effects)
        storable.value(dict(outcome.output or {}), "output")
    return outcome


def _limited(effects: Sequence[Effect]) -> None:
    if len(effects) > EFFECTS_LIMIT:
        raise RowmillError(f"{len(effects)} effects at once; commit at most {EFFECTS_LIMIT} with task.commit and go on")


def _storable(moved: Transition) -> Transition:
    if moved.error is None and moved.output is None:
        return moved
    error = None if moved.error is None else storable.error_text(moved.error)
    output = None if moved.output is None else storable.value(moved.output, "output")
    return replace(moved, error=error, output=output)
