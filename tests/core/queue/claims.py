"""Claims by hand: what a worker does, one statement at a time, so that a test can stop between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from core.db.connect import Connection

CLAIM = "select * from rowmill.claim($1, $2, $3, $4, $5, $6)"


async def claim_rows(
    session: Connection,
    task_type: str,
    limit: int = 10,
    *,
    worker: str = "by hand",
    oldest: bool = False,
    coalesce: bool = False,
    after: str | None = None,
) -> list[asyncpg.Record]:
    """Everything a claim answers, with the row that only carries a position."""
    return await session.fetch(CLAIM, task_type, worker, limit, oldest, coalesce, after)


async def claim(
    session: Connection,
    task_type: str,
    limit: int = 10,
    *,
    worker: str = "by hand",
    oldest: bool = False,
    coalesce: bool = False,
    after: str | None = None,
) -> list[asyncpg.Record]:
    """The claimed rows in claim order."""
    rows = await claim_rows(session, task_type, limit, worker=worker, oldest=oldest, coalesce=coalesce, after=after)
    taken = [row for row in rows if row["id"]]
    return sorted(taken, key=lambda row: (-row["priority"], row["scheduled_for"], row["id"]))


async def complete(session: Connection, ids: Sequence[UUID]) -> None:
    """The end of these runs, without effects."""
    await session.execute(
        "update task_queue set status = 'completed', completed_at = now() where id = any ($1)", list(ids)
    )


async def work_off(session: Connection, task_type: str, limit: int) -> list[asyncpg.Record]:
    """Claims and completes until nothing is left; every claimed row in order."""
    done: list[asyncpg.Record] = []
    while rows := await claim(session, task_type, limit):
        await complete(session, [row["id"] for row in rows])
        done += rows
    return done


async def asleep_by_hand(session: Connection, task_type: str, state: str = "asleep", listener: str = "sleeper") -> None:
    """A gate row of a pool that does not exist."""
    await session.execute(
        """insert into rowmill.gate (task_type, listener, state, valid_until)
           values ($1, $2, $3, clock_timestamp() + interval '1 hour')
           on conflict (task_type, listener) do update set state = excluded.state""",
        task_type,
        listener,
        state,
    )
