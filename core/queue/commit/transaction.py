"""The steps of one commit: fence, lock targets, compare versions, write, finish. One transaction for a whole batch.

Global lock order: task rows by id, then the domain's entities in the order `queries.sql` declares them, each by key,
then audit, then enqueue. Nothing here waits for a row: a run whose rows are locked by somebody else is deferred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import asyncpg

from core import state
from core.db import catalogs
from core.db.connect import DRIVER_TROUBLE, Connection
from core.db.workspace import entering
from core.effects import Target
from core.queue.commit.batch import Finished
from core.queue.commit.changes import Author, document
from core.queue.commit.faults import PREPARE_ANEW, is_connection_lost
from core.queue.commit.writes import Found, Writes
from core.queue.run import Member
from core.state import Awaited, Transition
from core.storable import fingerprint

BEGIN = """
begin isolation level read committed;
set local lock_timeout = '100ms';
set local statement_timeout = '30s';
set local idle_in_transaction_session_timeout = '60s';
set local rowmill.committing = 'on';
set local synchronous_commit = 'on';
set local timezone = 'UTC';
set local jit = 'off'
"""


_Ending = tuple[Member, Transition, bool, Finished]  # the flag: whether it has a run row of its own
_NONE: Final[frozenset[UUID]] = frozenset()


@dataclass(slots=True)
class Fates:
    """What a transaction decided. Counts only once its COMMIT has been confirmed."""

    ended: dict[Finished, Transition | None] = field(default_factory=dict)  # None: mid-run, goes on
    lost: list[Finished] = field(default_factory=list)
    deferred: dict[Finished, str] = field(default_factory=dict)  # -> xid that holds the lock, if known
    stale: list[Finished] = field(default_factory=list)  # mid-run commits decided on old rows
    unfenced: set[Finished] = field(default_factory=set)  # deferred because the task row itself is locked
    versions: dict[Finished, dict[Target, int]] = field(default_factory=dict)


class Transaction:
    """One batch on one connection: `prepare()` does everything up to COMMIT and returns what would be true after it."""

    def __init__(self, connection: Connection, package: str, worker_id: str, *, isolated: bool = False) -> None:
        self._connection, self._worker_id, self._isolated = connection, worker_id, isolated
        self._writes = Writes(connection, catalogs.of_package(package))
        self._engine = catalogs.engine()
        self._fates = Fates()
        self._cancelled: dict[Finished, set[UUID]] = {}
        self._gone: dict[Finished, set[UUID]] = {}
        self._freed = False  # whether a task goes back to be claimed at once

    async def prepare(self, batch: Sequence[Finished]) -> Fates:
        await self._connection.execute(self._opening(batch))
        live = await self._fence(batch)
        live = await self._hold_signals(live)
        live, held = await self._lock(live)
        live = await self._compare(live, held)
        await self._write(live, held)
        await self._finish(live)
        await self._ring(live)
        return self._fates

    def _opening(self, batch: Sequence[Finished]) -> str:
        """Where row policies bind this login, the whole batch is of one workspace: that of its claimed rows."""
        return f"{BEGIN}; {entering(batch[0].run.workspace_id)}" if self._isolated else BEGIN

    async def commit(self) -> None:
        await self._connection.execute("commit")

    async def _fence(self, batch: Sequence[Finished]) -> list[Finished]:
        members = [member for each in batch for member in each.run.members()]
        rows = await self._engine["fence"].fetch(
            self._connection,
            ids=[member.id for member in members],
            run_nos=[member.run_no for member in members],
            worker_id=self._worker_id,
        )
        if not rows:
            return list(batch)
        stopped = {(row["id"], row["run_no"]): row for row in rows}
        return [each for each in batch if self._passes(each, stopped)]

    def _passes(self, each: Finished, stopped: dict[tuple[UUID, int], asyncpg.Record]) -> bool:
        answers = [row for member in each.run.members() if (row := stopped.get((member.id, member.run_no)))]
        gone = {row["id"] for row in answers if not row["still_ours"]}
        if each.run.id in gone:
            self._fates.lost.append(each)
            return False
        if any(row["still_ours"] and not row["held"] for row in answers):
            self._fates.deferred[each] = ""
            self._fates.unfenced.add(each)
            return False
        self._gone[each] = gone
        self._cancelled[each] = {row["id"] for row in answers if row["cancel_asked"]}
        if each.run.id in self._cancelled[each]:
            self._end(each, state.cancelled("cancelled by request"))
        return True

    def _end(self, each: Finished, transition: Transition) -> None:
        """Overrides what the run wanted: its effects are not written."""
        self._fates.ended[each] = transition

    async def _hold_signals(self, live: list[Finished]) -> list[Finished]:
        """Who is about to wait and who signals take the same lock before either looks for the other: whoever comes
        second sees the first. Nobody waits here: a run whose signal is being sent goes to the next batch."""
        waiting = [(each, moved.awaits) for each in live if (moved := each.transition) and moved.awaits]
        if not waiting:
            return live
        signals = sorted({awaits.signal for each, awaits in waiting})
        rows = await self._engine["hold_signals"].fetch(self._connection, signals=signals)
        held = {row["signal"] for row in rows if row["held"]}
        blocked = {each for each, awaits in waiting if awaits.signal not in held and each not in self._fates.ended}
        self._fates.deferred |= dict.fromkeys(blocked, "")
        return [each for each in live if each not in blocked]

    async def _lock(self, live: list[Finished]) -> tuple[list[Finished], dict[Target, Found]]:
        targets = {target for each in self._writing(live) for target in each.targets}
        if not targets:
            return live, {}
        held, busy = await self._writes.lock(targets)
        if not busy:
            return live, held
        kept, blocked = [], set(busy)
        for each in live:
            if each not in self._fates.ended and each.meets(blocked):
                self._fates.deferred[each] = next((busy[t] for t in each.targets if t in busy), "")
                blocked |= each.targets
            else:
                kept.append(each)
        return kept, held

    def _writing(self, live: list[Finished]) -> list[Finished]:
        return [each for each in live if each not in self._fates.ended]

    async def _compare(self, live: list[Finished], held: dict[Target, Found]) -> list[Finished]:
        """Ends runs that were decided on rows which have changed since, in a statement with a newer snapshot."""
        seen = {target for each in self._writing(live) for target in each.run.seen}
        current = {target: found.version for target, found in held.items()}
        unlocked = seen - current.keys()
        if unlocked:
            current |= await self._writes.versions(unlocked)
        kept = []
        for each in live:
            seen_by_it = each.run.seen
            if not seen_by_it or each in self._fates.ended or _unchanged(seen_by_it, current):
                kept.append(each)
            elif each.transition is None:
                self._fates.stale.append(each)
            else:
                self._end(each, _stale(each))
                kept.append(each)
        return kept

    async def _write(self, live: list[Finished], held: dict[Target, Found]) -> None:
        writing = self._writing(live)
        authors = {each: _author(each) for each in writing if each.effects}
        effects = [(effect, authors[each]) for each in writing for effect in each.effects]
        if effects:
            await self._writes.write(effects, held)
        for each in writing:
            self._fates.ended[each] = each.transition
            if each.transition is None:
                own = each.targets & each.run.seen.keys()
                self._fates.versions[each] = await self._writes.versions(set(own)) if own else {}

    async def _finish(self, live: list[Finished]) -> None:
        rows: list[_Ending] = []
        waits: list[tuple[UUID, Awaited]] = []
        for each in live:
            transition = self._fates.ended[each]
            if transition is not None:
                if transition.awaits is not None:
                    waits.append((each.run.id, transition.awaits))
                rows.append((each.run.leader, transition, transition.started, each))
                if each.run.followers:
                    rows += self._followers(each, transition)
        self._freed = any(moved.status == "pending" and not moved.delay_s for _, moved, _, _ in rows)
        if rows:
            await self._engine["finish"].fetch(self._connection, worker_id=self._worker_id, **_finish_columns(rows))
        if waits:
            await self._begin(waits)
        kept = [each for each in live if self._fates.ended[each] is None and each.progress is not None]
        if kept:
            await self._engine["keep_progress"].fetch(
                self._connection,
                ids=[each.run.id for each in kept],
                progresses=[document(each.progress) for each in kept],
            )

    async def _begin(self, waits: Sequence[tuple[UUID, Awaited]]) -> None:
        """Waits begin, and those whose signal has come early end at once, in this very transaction."""
        await self._engine["begin_waits"].fetch(
            self._connection,
            ids=[task_id for task_id, _ in waits],
            signals=[awaits.signal for _, awaits in waits],
            timeouts_s=[awaits.timeout_s for _, awaits in waits],
            policies=[awaits.on_timeout for _, awaits in waits],
        )

    def _followers(self, each: Finished, transition: Transition) -> list[_Ending]:
        rows: list[_Ending] = []
        cancelled, gone = self._cancelled.get(each, _NONE), self._gone.get(each, _NONE)
        led = (
            transition
            if transition.status == "pending"
            else Transition(
                transition.status, transition.success, error=transition.error, output={"led_by": str(each.run.id)}
            )
        )
        if each.run.id in cancelled:
            led = state.returned("the run that led this task was cancelled")
        for member in each.run.followers:
            if member.id in gone:
                continue
            if member.id in cancelled:
                rows.append((member, state.cancelled("cancelled by request"), False, each))
            else:
                rows.append((member, led, False, each))
        return rows

    async def _ring(self, live: list[Finished]) -> None:
        if self._freed:
            await self._engine["ring"].fetch(self._connection, task_types=[live[0].run.operator.task_type])
        keys = [each.run.key for each in live if each.run.key and self._fates.ended[each] is not None]
        if keys:
            await self._engine["ring_freed_keys"].fetch(self._connection, keys=keys)


async def roll_back(connection: Connection, error: BaseException) -> None:
    """Leaves the connection clean, or closed where that is not certain."""
    code = getattr(error, "sqlstate", None)
    if connection.is_closed() or is_connection_lost(error) or code in PREPARE_ANEW:
        connection.terminate()
        return
    try:
        await connection.execute("rollback")
    except DRIVER_TROUBLE:
        connection.terminate()


def _author(each: Finished) -> Author:
    return Author(task_id=each.run.id, run_no=each.run.run_no, workspace_id=each.run.workspace_id)


def _stale(each: Finished) -> Transition:
    run = each.run
    if run.operator.on_stale == "superseded":
        return state.superseded()
    delay = state.uncounted_delay_s(run.run_no, run.attempts)
    return state.returned("what this run had read has changed; it runs again", delay)


def _unchanged(seen: Mapping[Target, int], current: Mapping[Target, int]) -> bool:
    return all(current[target] == version for target, version in seen.items())


def _finish_columns(rows: Sequence[_Ending]) -> dict[str, list[Any]]:
    moves = [moved for _, moved, _, _ in rows]
    return {
        "ids": [member.id for member, _, _, _ in rows],
        "run_mss": [each.run_ms for _, _, _, each in rows],
        "statuses": _unless_all("completed", [t.status for t in moves]),
        "uncounteds": _unless_all(0, [t.uncounted for t in moves]),
        "delays_s": _unless_all(0.0, [t.delay_s for t in moves]),
        "errors": _unless_all(None, [t.error for t in moves]),
        "outputs": _unless_all(None, [None if t.output is None else document(t.output) for t in moves]),
        "logged": _unless_all(True, [logged for _, _, logged, _ in rows]),
        "cell_ids": _unless_all(None, [each.run.cell_id for _, _, _, each in rows]),
        "successes": _unless_all(True, [t.success for t in moves]),
        "fingerprints": _unless_all(None, [None if t.success or not t.error else fingerprint(t.error) for t in moves]),
    }


def _unless_all(usual: object, values: list[Any]) -> list[Any]:
    """No values where all are the usual one, which the statement knows: to encode an array costs more than a task."""
    return [] if values.count(usual) == len(values) else values
