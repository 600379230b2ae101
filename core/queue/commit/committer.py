"""The commit loop of one pool: one batch in flight, natural batch sizes, no timer for a batch of one.

A batch that cannot be written as a whole is never dropped: poison is halved until the offender stands alone and
becomes a failed attempt, a locked row defers its run, infrastructure trouble keeps the batch and stops the claims.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import chain
from typing import Final

from core import log, state
from core.db import catalogs
from core.db.connect import DRIVER_TROUBLE, TROUBLE, DatabaseUnreachable, Slots
from core.effects import Target
from core.errors import LostClaim, StartOver
from core.outcome import Retry, transition
from core.queue import ceiling
from core.queue.commit.batch import Caps, Finished, form
from core.queue.commit.faults import Poison, fault_of, is_connection_lost, name_of, sentence
from core.queue.commit.transaction import Fates, Transaction, roll_back
from core.queue.commit.writes import Appeared
from core.registry import Operator
from core.settings import Settings
from core.state import Transition

DEFER_S: Final = 0.03
DEFERRED_LIMIT: Final = 3
REPEATS: Final = 3
APPEARED_LIMIT: Final = 6
LOST_LIMIT: Final = 2  # a batch that lost its connection this often is halved: it may itself be the cause
COMMIT_LIMIT_S: Final = 60.0

Ended = Callable[[Finished, Transition | None], None]  # None: the claim was lost


class Committer:
    """Takes what runs want written; calls `on_end(finished, transition)` once that is durable."""

    def __init__(
        self,
        operator: Operator,
        slots: Slots,
        settings: Settings,
        worker_id: str,
        on_end: Ended,
        *,
        isolated: bool = False,
    ) -> None:
        self._operator, self._slots, self._settings, self._worker_id = operator, slots, settings, worker_id
        self._isolated = isolated  # row policies bind this login: one workspace in a batch
        self._on_end = on_end
        self._waiting: list[Finished] = []
        self._in_flight: list[list[Finished]] = []
        self._more = asyncio.Event()
        self._cap = settings.batch_tasks
        self._repeats = self._losses = 0
        self._delay_s = 0.0
        self._log = log.get("commit").bind(task_type=operator.task_type)
        self.blocked: str | None = None  # why nothing can be written now; claims stop meanwhile

    @property
    def backlog(self) -> int:
        """Finished runs that are not committed yet."""
        return len(self._waiting) + sum(map(len, self._in_flight))

    def add(self, finished: Finished) -> None:
        self._waiting.append(finished)
        self._more.set()

    async def run(self) -> None:
        """Commits until cancelled; cancel only when `backlog` is 0 or abandoned."""
        async with asyncio.TaskGroup() as lanes:
            lanes.create_task(self._lane(first=True))
            lanes.create_task(self._lane(first=False))

    async def _lane(self, *, first: bool) -> None:
        while True:
            batch = await self._next(first=first)
            self._in_flight.append(batch)
            try:
                await self._settle(batch, first=first)
            finally:
                self._in_flight.remove(batch)
                self._more.set()

    def _may_form(self, *, first: bool) -> bool:
        """Any batch may go first. Beside it only a full one goes, while all is well and no other pool waits."""
        return first or (
            len(self._waiting) >= self._settings.batch_tasks == self._cap
            and not (self._repeats or self._losses or self.blocked)
            and self._slots.free
        )

    def _formed(self, now: float) -> list[Finished]:
        """The next batch, taken out of what waits."""
        caps = Caps(self._cap, self._settings.batch_effects, self._settings.batch_bytes)
        batch = form(self._waiting, caps, now, chain.from_iterable(self._in_flight), isolated=self._isolated)
        if len(batch) == len(self._waiting):
            self._waiting = []
        elif batch:
            chosen = set(batch)
            self._waiting = [each for each in self._waiting if each not in chosen]
        return batch

    async def _next(self, *, first: bool) -> list[Finished]:
        loop = asyncio.get_running_loop()
        while True:
            self._more.clear()
            now = loop.time()  # once: what falls due while a batch is formed must still be waited for
            if self._may_form(first=first) and (batch := self._formed(now)):
                return batch
            due = min((each.not_before for each in self._waiting if each.not_before > now), default=now + 3600)
            try:
                async with asyncio.timeout_at(due):
                    await self._more.wait()
            except TimeoutError:
                continue

    async def _settle(self, batch: list[Finished], *, first: bool) -> None:
        try:
            fates = await self._commit(batch)
        except Appeared as appeared:
            self._appeared(batch, appeared.keys)
        except Exception as error:  # noqa: BLE001 - each fault has its own way on
            ceiling.end_if_met(error)
            await self._after_fault(batch, error)
        else:
            if first:
                self._repeats = self._losses = 0
                self._delay_s, self.blocked = 0.0, None
                self._cap = min(self._cap * 2, self._settings.batch_tasks)
            await self._apply(fates)

    async def _commit(self, batch: list[Finished]) -> Fates:
        """One transaction. Asks what became of it when the answer to COMMIT was lost."""
        fates: Fates | None = None  # set = COMMIT has been asked for
        try:
            async with self._slots.acquire() as connection:
                try:
                    async with asyncio.timeout(COMMIT_LIMIT_S):
                        transaction = Transaction(
                            connection, self._operator.package, self._worker_id, isolated=self._isolated
                        )
                        fates = await transaction.prepare(batch)
                        await transaction.commit()
                except BaseException as error:
                    await roll_back(connection, error)
                    raise
        except Exception as error:
            if fates is None or not is_connection_lost(error) or not await self._was_committed(fates):
                raise
        return fates

    async def _was_committed(self, fates: Fates) -> bool:
        """After a COMMIT whose answer was lost: asks by *locking* the fence rows. While the old transaction is under
        way they are locked, and nothing is decided. All or none of a batch was written, so the run row of one final
        run that had begun tells. A run that is not ours any more and has none was lost before it: the fence will say
        so."""
        final = [each.run.leader for each, ended in fates.ended.items() if ended is not None and ended.started]
        self._log.warning("commit_unknown", runs=len(fates.ended))
        while True:
            try:
                async with self._slots.acquire() as connection:
                    statement = catalogs.engine()["fence"]
                    values = {
                        "ids": [member.id for member in final],
                        "run_nos": [member.run_no for member in final],
                        "worker_id": self._worker_id,
                    }
                    async with connection.transaction():
                        await connection.execute("set local lock_timeout = '2s'")
                        await connection.fetch(statement.waiting, *statement.bind(values))
                        # That snapshot is older than its locks: only the next statement sees what it waited for.
                        rows = await catalogs.engine()["was_written"].fetch(connection, **values)
                    if not final:
                        raise StartOver("it is unknown whether a mid-run commit happened")
                    self._log.warning("commit_known", committed=rows[0]["written"])
                    return bool(rows[0]["written"])
            except (DatabaseUnreachable, *DRIVER_TROUBLE):
                await asyncio.sleep(0.2)

    async def _after_fault(self, batch: list[Finished], error: Exception) -> None:
        if isinstance(error, StartOver):
            self._start_over(batch, error)
            return
        fault = fault_of(error)
        if fault == "poison":
            self._halve_or(batch, lambda one: self._poisoned(one, error))
        elif fault == "locked":
            self._halve_or(batch, self._locked)
        elif fault == "repeat" and self._repeats < REPEATS:
            self._repeats += 1
            self._requeue(batch)
        else:
            await self._infrastructure(batch, error)

    def _halve_or(self, batch: list[Finished], single: Callable[[Finished], None]) -> None:
        if len(batch) == 1:
            single(batch[0])
        else:
            self._cap = len(batch) // 2
            self._requeue(batch)

    def _locked(self, one: Finished) -> None:
        if one.deferred < DEFERRED_LIMIT:
            self._requeue([one], defer=[one])
        else:
            self._stop(one, "waits for a locked row", state.uncounted_delay_s(one.run.run_no, one.run.attempts))

    def _appeared(self, batch: list[Finished], keys: set[Target]) -> None:
        """A row that can again and again be neither found nor inserted is kept out by another row: poison."""
        meeting = [each for each in batch if each.meets(keys)]
        hopeless = [each for each in meeting if each.deferred >= APPEARED_LIMIT and keys & each.targets]
        self._requeue(
            [each for each in batch if each not in hopeless], [each for each in meeting if each not in hopeless]
        )
        for each in hopeless:
            self._poisoned(each, Poison("a row cannot be inserted: another one has its unique value"))

    def _poisoned(self, one: Finished, error: Exception) -> None:
        if one.refused:  # its bare end: only a new run can help, so the next beat finds the claim and gives it back
            self._log.error("end_refused", task_id=str(one.run.id), run_no=one.run.run_no, error=name_of(error))
            self._lose(one)
            return
        reason = sentence(error)
        self._log.warning("effects_refused", task_id=str(one.run.id), run_no=one.run.run_no, error=name_of(error))
        if one.waiter is not None:
            if not one.waiter.done():
                one.waiter.set_exception(error)
            return
        run = one.run
        failed = transition(Retry(reason), run.attempts, run.max_attempts, run.operator.retry, random.random())
        run.seen.clear()
        self._waiting.insert(0, Finished(run, (), failed, run_ms=one.run_ms, refused=True))
        self._more.set()

    def _start_over(self, batch: list[Finished], error: StartOver) -> None:
        """Of a batch without any final run: what was deferred or lost in it is tried again."""
        self._requeue([each for each in batch if each.waiter is None])
        for each in batch:
            if each.waiter is not None and not each.waiter.done():
                each.waiter.set_exception(StartOver(str(error)))

    async def _infrastructure(self, batch: list[Finished], error: Exception) -> None:
        self._requeue(batch)
        self._losses += is_connection_lost(error)
        if self._losses >= LOST_LIMIT and len(batch) > 1:
            self._cap, self._losses = len(batch) // 2, 0
        self.blocked = sentence(error)
        self._delay_s = min(max(self._delay_s * 2, 0.1), 5.0)
        self._log.error("commit_blocked", error=self.blocked, runs=len(batch), next_try_s=self._delay_s)
        await asyncio.sleep(self._delay_s)

    def _requeue(self, batch: list[Finished], defer: list[Finished] | None = None) -> None:
        """Back in front, in order."""
        now = asyncio.get_running_loop().time()
        for each in defer or ():
            each.deferred += 1
            each.not_before = now + DEFER_S * min(each.deferred, 30)
        self._waiting[:0] = batch
        self._more.set()

    async def _apply(self, fates: Fates) -> None:
        for each, ended in fates.ended.items():
            if ended is not None and each.waiter is not None:
                self._lose(each)  # its cancellation was asked: the task has ended, and its operator must too
            elif ended is not None:
                self._on_end(each, ended)
            elif each.waiter is not None and not each.waiter.done():
                each.run.seen |= fates.versions.get(each, {})
                each.waiter.set_result(None)
        for each in fates.lost:
            self._lose(each)
        for each in fates.stale:
            delay = state.uncounted_delay_s(each.run.run_no, each.run.attempts)
            self._stop(each, "what this run had read has changed; it runs again", delay)
        if fates.deferred:
            await self._defer(fates)

    def _lose(self, each: Finished) -> None:
        if each.waiter is None:
            self._on_end(each, None)
        elif not each.waiter.done():
            each.waiter.set_exception(
                LostClaim(f"task {each.run.id} is no longer run {each.run.run_no} of this worker")
            )

    def _stop(self, each: Finished, reason: str, delay_s: float) -> None:
        """Sends a run back to pending; a mid-run commit raises in its operator instead."""
        if each.waiter is None:
            each.run.seen.clear()  # nothing is decided on them any more, and their table may be what is locked
            self.add(Finished(each.run, (), state.returned(reason, delay_s), run_ms=each.run_ms))
        elif not each.waiter.done():
            each.waiter.set_exception(StartOver(reason, delay_s))

    async def _defer(self, fates: Fates) -> None:
        """Locked rows: try again soon, a few times; then back to pending. A run whose own task row is locked cannot
        even be sent back, so it stays here, trying ever more slowly."""
        again = []
        for each, locker in fates.deferred.items():
            if each.deferred < DEFERRED_LIMIT or each in fates.unfenced:
                again.append(each)
                continue
            delay = state.uncounted_delay_s(each.run.run_no, each.run.attempts)
            self._stop(each, await self._who(locker), delay)
        self._requeue(again, defer=again)

    async def _who(self, locker: str) -> str:
        if not locker:
            return "waits for a locked row"
        try:
            async with self._slots.acquire() as connection:
                rows = await catalogs.engine()["blocker"].fetch(connection, lockers=[locker])
        except TROUBLE:
            rows = []
        if not rows:
            return "waits for a locked row"
        row = rows[0]
        return f"waits for a lock held by pid {row['pid']} ({row['application_name'] or 'unnamed'}, {row['state']})"
