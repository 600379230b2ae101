"""Claims: short autocommitted statements on one connection per process, never cancelled half-way.

A claim that outlives its limit loses its connection; whatever it took in the database is found by the beat and given
back (core/queue/beat.py).
"""

from __future__ import annotations

import asyncio
from operator import itemgetter
from typing import Any, Final

import asyncpg

from core.db import catalogs
from core.db.connect import Connection, close, connect
from core.queue.run import Member, Run
from core.registry import Operator
from core.settings import Settings

OLDEST_EVERY: Final = 8  # one claim in eight serves the lane whose head is oldest
_DUE: Final = itemgetter("scheduled_for", "id")
_PRIORITY: Final = itemgetter("priority")


class Claimer:
    """The claim connection of a process; also runs gate and look statements."""

    def __init__(self, dsn: str, settings: Settings, worker_id: str) -> None:
        self._dsn, self._settings, self._worker_id = dsn, settings, worker_id
        self._connection: Connection | None = None
        self._lock = asyncio.Lock()
        self._counts: dict[str, int] = {}
        self._positions: dict[str, str | None] = {}

    async def claim(self, operator: Operator, limit: int) -> list[Run]:
        """Up to `limit` runs in claim order; fewer only when no more could be had."""
        count = self._counts[operator.task_type] = self._counts.get(operator.task_type, 0) + 1
        oldest = count % OLDEST_EVERY == 0
        runs = await self._claim(operator, limit, oldest=oldest)
        if oldest and len(runs) < limit:  # some of its room may have been kept for keys that somebody else took
            runs += await self._claim(operator, limit - len(runs), oldest=False)
        return runs

    async def _claim(self, operator: Operator, limit: int, *, oldest: bool) -> list[Run]:
        rows = await self.ask(
            "claim",
            task_type=operator.task_type,
            worker_id=self._worker_id,
            run_limit=limit,
            oldest=oldest,
            coalesce=operator.coalesce,
            after=self._positions.get(operator.task_type),
        )
        return self.runs(operator, rows)

    async def ask(self, statement: str, **values: Any) -> list[asyncpg.Record]:
        """Runs one engine statement within the claim limit; a statement that ran out of time loses the connection."""
        return await asyncio.shield(asyncio.ensure_future(self._ask(statement, values)))

    async def _ask(self, statement: str, values: dict[str, Any]) -> list[asyncpg.Record]:
        async with self._lock:
            connection = await self._ready()
            try:
                async with asyncio.timeout(self._settings.claim_timeout_s):
                    return await catalogs.engine()[statement].fetch(connection, **values)
            except BaseException:
                connection.terminate()
                raise

    async def _ready(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._dsn, self._settings, "claim")
        return self._connection

    def runs(self, operator: Operator, rows: list[asyncpg.Record]) -> list[Run]:
        """The rows of a claim as runs: leaders with their followers."""
        leaders, followers = [], []
        self._positions[operator.task_type] = None
        for row in rows:
            if row["id"] is None:
                self._positions[operator.task_type] = row["concurrency_key"]
            elif row["leader_id"] is None:
                leaders.append(row)
            else:
                followers.append(row)
        leaders.sort(key=_DUE)
        leaders.sort(key=_PRIORITY, reverse=True)  # equal ones keep their order
        runs = [_run(operator, row) for row in leaders]
        if followers:
            led = {run.id: run for run in runs}
            for row in followers:
                led[row["leader_id"]].followers.append(_member(row))
        return runs

    async def close(self) -> None:
        async with self._lock:
            if self._connection is not None:
                await close(self._connection)


def _member(row: asyncpg.Record) -> Member:
    return Member(row["id"], row["run_no"], row["payload"])


def _run(operator: Operator, row: asyncpg.Record) -> Run:
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
    )
