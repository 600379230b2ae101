"""Runs operators: a group of claimed runs in, one decision for each out. Knows nothing of slots, claims and gates."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final
from uuid import UUID

from core import log, state, storable
from core.effects import Effect, made_storable
from core.errors import LostClaim, PayloadRejected, RowmillError, StartOver
from core.outcome import OUTCOMES, Done, Outcome, Retry, Wait, transition
from core.queue import ceiling, waiting
from core.queue.commit.batch import Finished
from core.queue.commit.faults import fault_of, is_database_error, sentence
from core.queue.limits import Limits
from core.queue.reads import Reader
from core.queue.run import Member, Run
from core.registry import Operator
from core.state import Transition
from core.task import Row, Signal, Task

EFFECTS_LIMIT: Final = 5000  # of one Done or one task.commit; larger work goes in chunks


class Executor:
    """One operator's way from a claimed run to what is to be committed.

    `hand_over` takes each decision; `adopt` is told of a follower that ends on its own, as a run of its own.
    """

    def __init__(
        self,
        operator: Operator,
        reader: Reader,
        limits: Limits,
        hand_over: Callable[[Finished], None],
        adopt: Callable[[Run], None],
    ) -> None:
        self._operator, self._reader, self.limits = operator, reader, limits
        self._hand_over, self._adopt = hand_over, adopt
        self._loop = asyncio.get_running_loop()
        self._log = log.get("pool").bind(task_type=operator.task_type)
        self.stopping = False

    async def work(self, group: Sequence[Run]) -> None:
        """Runs the operator on a group: one run, or as many as a batch operator takes. Raises nothing."""
        tasks = [(run, task) for run in group if (task := self._prepared(run)) is not None]
        if tasks:
            await self._operate(tasks)

    def finish(self, run: Run, effects: Sequence[Effect], moved: Transition) -> None:
        """The run has ended in memory; it is true once it is committed."""
        run_ms = min(int((self._loop.time() - run.started) * 1000), 2**31 - 1)
        self._hand_over(Finished(run, effects, _storable(moved), run_ms=run_ms))

    async def commit(self, run: Run, effects: Sequence[Effect], progress: Mapping[str, Any] | None) -> None:
        """A commit in the middle of the run."""
        _acceptable(effects)
        kept = None if progress is None else waiting.carrying(run, storable.value(dict(progress), "progress"))
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._hand_over(Finished(run, [made_storable(e) for e in effects], None, progress=kept, waiter=waiter))
        await waiter
        run.progress = run.progress if progress is None else dict(progress)

    async def read(self, run: Run, statement: str, keys: tuple[Any, ...]) -> Sequence[Row]:
        return await self._reader.read(run, statement, keys)

    def _prepared(self, run: Run) -> Task[Any] | None:
        """The task with its payload checked; one that does not fit fails at once, alone."""
        try:
            payload = self._operator.decode(run.leader.payload)
        except PayloadRejected as error:
            followers, run.followers = run.followers, []
            self.finish(run, (), state.failed(str(error)))
            for member in followers:
                self.finish(self._alone(run, member), (), state.unstarted("the payload of its leader does not fit"))
            return None
        if names_cell(type(payload)):  # type: ignore[arg-type]  # classes are
            run.cell_id = cell if isinstance(cell := payload.cell_id, UUID) else None
        if run.output:
            waiting.unpack(run)
        return Task(
            context=_Context(run, self),
            payload=payload,
            now=run.claimed_at,
            id=run.id,
            task_type=self._operator.task_type,
            run_no=run.run_no,
            attempts=run.attempts,
            max_attempts=run.max_attempts,
            concurrency_key=run.key,
            followers=self._follower_payloads(run) if run.followers else (),
            progress=run.progress,
            signal=None if run.signal is None else Signal(**run.signal),
            workspace_id=run.workspace_id,
        )

    def _follower_payloads(self, run: Run) -> list[Any]:
        payloads, fitting = [], []
        for member in run.followers:
            try:
                payloads.append(self._operator.decode(member.payload))
                fitting.append(member)
            except PayloadRejected as error:
                self.finish(self._alone(run, member), (), state.failed(str(error)))
        run.followers = fitting
        return payloads

    def _alone(self, run: Run, member: Member) -> Run:
        """A follower that does not share its leader's fate."""
        alone = Run(run.operator, member, run.attempts, run.max_attempts, workspace_id=run.workspace_id)
        alone.started = run.started
        self._adopt(alone)
        return alone

    async def _operate(self, tasks: list[tuple[Run, Task[Any]]]) -> None:
        """Calls the operator and finishes each run with what came of it."""
        try:
            if self._operator.batch:
                outcomes = await self._operator.run([task for _, task in tasks])
            else:
                outcomes = [await self._operator.run(tasks[0][1])]
        except asyncio.CancelledError:
            self._interrupted(tasks)
            return
        except Exception as error:  # noqa: BLE001 - an operator's surprise ends its run, not the process
            ceiling.end_if_met(error)
            await self._after_surprise(tasks, error)
            return
        if not isinstance(outcomes, (list, tuple)) or len(outcomes) != len(tasks):
            returned = f"{len(outcomes)} outcomes" if isinstance(outcomes, (list, tuple)) else type(outcomes).__name__
            counted = f"{len(tasks)} tasks and returned {returned}"
            for run, _ in tasks:
                self._failed(run, RowmillError(f"{self._operator.task_type} got {counted}; return one for each"))
            return
        for (run, _), outcome in zip(tasks, outcomes, strict=True):
            self._decided(run, outcome)

    async def _after_surprise(self, tasks: list[tuple[Run, Task[Any]]], error: Exception) -> None:
        """One task's fault is not its batch's: each is tried alone, and the guilty one keeps its error."""
        if len(tasks) == 1 or isinstance(error, (LostClaim, StartOver)):
            for run, _ in tasks:
                self._failed(run, error)
            return
        for at, each in enumerate(tasks):
            if _is_being_cancelled():
                self._interrupted(tasks[at:])
                return
            await self._operate([each])

    def _interrupted(self, tasks: list[tuple[Run, Task[Any]]]) -> None:
        for run, _ in tasks:
            if run.lost:
                self.finish(run, (), state.returned("its claim was lost"))
            elif run.cancel_asked:
                self.finish(run, (), state.cancelled("cancelled by request"))
            elif any(other.overdue for other, _ in tasks):
                self._decided(run, Retry(f"the run took longer than {self._operator.run_timeout_s:g} s"))
            elif self.stopping:
                self.finish(run, (), state.returned("worker shut down during the run"))
            elif _is_being_cancelled():
                self.finish(run, (), state.returned("another task of its batch was cancelled"))
            else:
                self._decided(run, Retry("the operator was cancelled from inside: something it awaited was cancelled"))

    def _failed(self, run: Run, error: Exception) -> None:
        if isinstance(error, LostClaim):
            # Of a batch, one has lost it: the fence knows which, and the others go back.
            self.finish(run, (), state.returned("a claim of its batch was lost"))
        elif isinstance(error, StartOver):
            self.finish(run, (), state.returned(str(error), error.delay_s))
        elif is_database_error(error) and fault_of(error) != "poison":
            delay = state.uncounted_delay_s(run.run_no, run.attempts)
            self.finish(run, (), state.returned(f"database: {sentence(error)}", delay))
        else:
            self._log.warning("operator_raised", task_id=str(run.id), run_no=run.run_no, raised=log.frames(error))
            self._decided(run, Retry(f"{type(error).__name__}: {sentence(error)}"))

    def _decided(self, run: Run, outcome: Outcome) -> None:
        try:
            outcome = checked(outcome)
            effects = [made_storable(effect) for effect in outcome.effects] if isinstance(outcome, (Done, Wait)) else []
            moved = transition(outcome, run.attempts, run.max_attempts, self._operator.retry, random.random())
            if moved.awaits is not None:
                moved = waiting.begun(run, moved)
            self.finish(run, effects, moved)
        except (storable.Unstorable, RowmillError) as error:
            self.finish(run, (), state.failed(sentence(error)))
        except Exception as error:  # noqa: BLE001 - whatever an operator returns ends its run, not the process
            reason = f"the operator returned what cannot be used: {type(error).__name__}: {sentence(error)}"
            self.finish(run, (), state.failed(reason))


@cache
def names_cell(payload_type: Hashable) -> bool:
    """Whether payloads of this type say which cell they are about."""
    return "cell_id" in getattr(payload_type, "__annotations__", ()) or "cell_id" in getattr(
        payload_type, "model_fields", ()
    )


@dataclass(slots=True)
class _Context:
    """What a task of a run may ask for."""

    run: Run
    executor: Executor

    async def read(self, statement: str, keys: tuple[Any, ...]) -> Sequence[Row]:
        return await self.executor.read(self.run, statement, keys)

    async def commit(self, effects: Sequence[Effect], progress: Mapping[str, Any] | None) -> None:
        await self.executor.commit(self.run, effects, progress)

    async def take(self, name: str, rate: float, burst: float) -> float:
        return await self.executor.limits.take(self.run, name, rate, burst)

    async def hold_off(self, name: str, seconds: float, reason: str) -> None:
        await self.executor.limits.pause(name, seconds, reason)


def _is_being_cancelled() -> bool:
    """Whether somebody cancelled this very task; else a CancelledError is the operator's own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def checked(outcome: object) -> Outcome:
    """The outcome, if it can be used: the engine's own check, which the test kit makes too. Raises RowmillError."""
    if not isinstance(outcome, OUTCOMES):  # a tuple of classes costs a tenth of their union
        raise RowmillError(
            f"the operator returned {type(outcome).__name__}; return Done, Retry, Snooze, Wait, Fail or Cancel"
        )
    if isinstance(outcome, Done):
        _acceptable(outcome.effects)
        if outcome.output:
            storable.value(dict(outcome.output), "output")
    elif isinstance(outcome, Wait):
        waiting.check(outcome)
        _acceptable(outcome.effects)
    return outcome


def _acceptable(effects: Sequence[Effect]) -> None:
    """Not too many, and of one type for each row: writers run type by type, so two types would lose their order."""
    if len(effects) < 2:  # noqa: PLR2004 - one alone cannot disagree with another
        return
    if len(effects) > EFFECTS_LIMIT:
        raise RowmillError(f"{len(effects)} effects at once; commit at most {EFFECTS_LIMIT} with task.commit and go on")
    kinds: dict[object, type[Effect]] = {}
    for effect in effects:
        target = effect.target()
        if target is not None and kinds.setdefault(target, type(effect)) is not type(effect):
            names = f"{kinds[target].__name__} and {type(effect).__name__}"
            raise RowmillError(f"{names} aim at one row; let one effect say what it becomes")


def _storable(moved: Transition) -> Transition:
    if moved.error is None and moved.output is None:
        return moved
    error = None if moved.error is None else storable.error_text(moved.error)
    output = None if moved.output is None else storable.value(moved.output, "output")
    return replace(moved, error=error, output=output)
