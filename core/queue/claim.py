"""Claims: short autocommitted statements on connections of their own, never cancelled half-way.

A claim that outlives its limit loses its connection; whatever it took in the database is found by the beat and given
back (core/queue/beat.py).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

import asyncpg

from core.db import catalogs
from core.db.connect import TROUBLE, Slots
from core.queue.floor import Floors
from core.queue.run import Member, Run
from core.registry import Operator
from core.settings import Settings

OLDEST_EVERY: Final = 8  # one claim in eight serves the lane whose head is oldest
DEAR_S: Final = 0.008  # a claim of five hundred takes the server 5 ms without anything in its way
LOOK_AFTER: Final = 40  # in a backlog: times what a look at everything takes the server, until the next one
_DUE: Final = itemgetter("scheduled_for", "id")
_PRIORITY: Final = itemgetter("priority")


@dataclass(slots=True)
class _Bound:
    """Where the last claim of a type ended, and how long that may be believed (loop time). `dear`: a look at everything
    takes so long that the oldest lane, too, waits for the next one."""

    priority: int
    due: datetime
    id: UUID
    until: float
    dear: bool

    def holds(self, now: float, *, owed: bool) -> bool:
        return now < self.until and (self.dear or not owed)


class Claimer:
    """The claim connections of a process: two, so that no pool waits for another one's claim of large payloads, or one
    where there are few. They also run gate and look statements."""

    def __init__(self, dsn: str, settings: Settings, worker_id: str) -> None:
        self._settings, self._worker_id = settings, worker_id
        self.slots = Slots(dsn, settings, "claim", settings.worker_claims)
        self._asked: set[asyncio.Task[list[asyncpg.Record]]] = set()
        self._counts: dict[str, int] = {}  # claims, and how many there were when the oldest lane was last served
        self._served: dict[str, int] = {}
        self._positions: dict[str, str | None] = {}
        self._bounds: dict[str, _Bound] = {}
        self.floors = Floors(in_backlog=self._bounds.__contains__)

    async def claim(self, operator: Operator, limit: int) -> list[Run]:
        """Up to `limit` runs in claim order; fewer only when no more could be had.

        In a backlog a claim goes on where the last one ended; a look at everything follows a short claim, and comes
        after a time that is long beside what the last one took."""
        count = self._counts[operator.task_type] = self._counts.get(operator.task_type, 0) + 1
        owed = count - self._served.get(operator.task_type, 0) >= OLDEST_EVERY
        bound = self._bounds.get(operator.task_type)
        runs = []
        if bound is not None and bound.holds(asyncio.get_running_loop().time(), owed=owed):
            runs = await self._go_on(operator, limit, bound)
        if len(runs) < limit:
            try:
                runs += await self._look(operator, limit - len(runs), oldest=owed)
            except TROUBLE:
                if not runs:  # else they are ours, and the next claim meets the trouble itself
                    raise
        return runs

    async def _go_on(self, operator: Operator, limit: int, bound: _Bound) -> list[Run]:
        rows = await self.ask(
            "claim_on",
            task_type=operator.task_type,
            worker_id=self._worker_id,
            run_limit=limit,
            priority=bound.priority,
            due=bound.due,
            id=bound.id,
        )
        runs = self.runs(operator, rows)
        self._bind(operator, runs, limit, bound.until, dear=bound.dear)
        return runs

    async def _look(self, operator: Operator, limit: int, *, oldest: bool) -> list[Run]:
        if oldest:
            return await self._look_for_oldest(operator, limit)
        rows = await self._claim(operator, limit, oldest=False)
        runs = self.runs(operator, rows)
        took_s = rows[0]["took_s"] if rows else 0.0
        until = asyncio.get_running_loop().time() + LOOK_AFTER * took_s
        self._bind(operator, runs, limit, until, dear=took_s > DEAR_S)
        return runs

    async def _look_for_oldest(self, operator: Operator, limit: int) -> list[Run]:
        self._served[operator.task_type] = self._counts[operator.task_type]
        self.look_again(operator.task_type)
        runs = self.runs(operator, await self._claim(operator, limit, oldest=True))
        if len(runs) < limit:  # some of its room may have been kept for keys that somebody else took
            runs += self.runs(operator, await self._claim(operator, limit - len(runs), oldest=False))
        return runs

    def forget(self, task_type: str) -> None:
        """Nothing is known of this type any more."""
        self.look_again(task_type)
        self.floors.forget(task_type)

    def look_again(self, task_type: str) -> None:
        """The next claim looks at everything: a bell rang."""
        self._bounds.pop(task_type, None)

    def _bind(self, operator: Operator, runs: list[Run], limit: int, until: float, *, dear: bool) -> None:
        """A full claim of unkeyed tasks has emptied the lanes above its last one: the next may go on from there."""
        self.look_again(operator.task_type)
        if len(runs) >= limit and (last := runs[-1]).key is None:
            self._bounds[operator.task_type] = _Bound(last.priority, last.due_at, last.id, until, dear)

    async def _claim(self, operator: Operator, limit: int, *, oldest: bool) -> list[asyncpg.Record]:
        rows = await self.ask(
            "claim",
            task_type=operator.task_type,
            worker_id=self._worker_id,
            run_limit=limit,
            oldest=oldest,
            coalesce=operator.coalesce,
            after=self._positions.get(operator.task_type),
            floor=self.floors.of(operator.task_type),
        )
        walked = [row["concurrency_key"] for row in rows if row["id"] is None]
        self._positions[operator.task_type] = walked[0] if walked else None
        return rows

    async def ask(self, statement: str, **values: Any) -> list[asyncpg.Record]:
        """Runs one engine statement within the claim limit; a statement that ran out of time loses the connection."""
        asked = asyncio.ensure_future(self._ask(statement, values))
        self._asked.add(asked)
        asked.add_done_callback(self._asked.discard)
        return await asyncio.shield(asked)

    async def _ask(self, statement: str, values: dict[str, Any]) -> list[asyncpg.Record]:
        async with self.slots.acquire() as connection:
            try:
                async with asyncio.timeout(self._settings.claim_timeout_s):
                    return await catalogs.engine()[statement].fetch(connection, **values)
            except BaseException:
                self._bounds.clear()
                connection.terminate()
                raise

    def runs(self, operator: Operator, rows: list[asyncpg.Record]) -> list[Run]:
        """The rows of a claim as runs: leaders with their followers."""
        leaders = [row for row in rows if row["leader_id"] is None and row["id"] is not None]
        followers = [row for row in rows if row["leader_id"] is not None]
        leaders.sort(key=_DUE)
        leaders.sort(key=_PRIORITY, reverse=True)  # equal ones keep their order
        now = _moment_of(leaders[0]) if leaders else datetime.min  # noqa: DTZ901 - of no run
        runs = [_run(operator, row, now) for row in leaders]
        if followers:
            led = {run.id: run for run in runs}
            for row in followers:
                led[row["leader_id"]].followers.append(_member(row))
        return runs

    async def close(self) -> None:
        await asyncio.gather(*self._asked, return_exceptions=True)
        await self.slots.close()


def _moment_of(row: asyncpg.Record) -> datetime:
    """When it was claimed, by the database's clock; near enough for all runs of one claim."""
    due: datetime = row["scheduled_for"]
    return due + timedelta(milliseconds=row["wait_ms"])


def _member(row: asyncpg.Record) -> Member:
    return Member(row["id"], row["run_no"], row["payload"])


def _run(operator: Operator, row: asyncpg.Record, claimed_at: datetime) -> Run:
    return Run(
        operator=operator,
        leader=_member(row),
        attempts=row["attempts"],
        max_attempts=row["max_attempts"],
        key=row["concurrency_key"],
        workspace_id=row["workspace_id"],
        output=row["output"],
        wait_ms=row["wait_ms"],
        due_at=row["scheduled_for"],
        claimed_at=claimed_at,
        priority=row["priority"],
    )
