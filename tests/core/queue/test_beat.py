"""Who may say that others are gone: whoever has not been away himself for long."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import cast
from uuid import UUID

from core.db.connect import Connection
from core.queue.beat import Beat
from core.queue.pool import Pool
from tests.core.queue.beating import beating, is_away, others_time_s
from tests.running import SOMEBODY_WAITS, Database, until

LEASE_S = 6
SESSION_ENDS = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where datname = current_database() and application_name like 'rowmill beat%'
"""
BEATEN = "select max(beat_at) > $1 from rowmill.workers"


async def cut_off(db: Connection, beat: Beat) -> datetime:
    """The session of a beat that is under way ends; when that was."""
    await db.execute("begin; lock table rowmill.workers in exclusive mode")
    beat.drains()  # beats now
    await until(lambda: db.fetchval(SOMEBODY_WAITS), what="a beat under way")
    assert await db.fetchval(SESSION_ENDS) == 1
    await db.execute("rollback")
    cut: datetime = await db.fetchval("select clock_timestamp()")
    return cut


async def test_a_short_outage_delays_no_reaping(database: Database, db: Connection) -> None:
    async with beating(database, LEASE_S) as beat:
        before = beat.reaps_from
        cut = await cut_off(db, beat)
        await until(lambda: db.fetchval(BEATEN, cut), what="a beat by a new session")
        assert beat.reaps_from == before


async def test_a_beat_that_failed_is_repeated_before_the_next_one_is_due(database: Database, db: Connection) -> None:
    async with beating(database, lease_s=300, beat_s=100) as beat:
        cut = await cut_off(db, beat)
        await until(lambda: db.fetchval(BEATEN, cut), what="a beat by a new session")


async def test_whoever_was_away_for_long_lets_a_lease_pass(database: Database, db: Connection) -> None:
    async with beating(database, LEASE_S) as beat:
        before = beat.reaps_from
        assert not beat.may_reap()
        await db.execute("begin; lock table rowmill.workers in exclusive mode")
        await until(lambda: is_away(beat), what="an absence that could have outlasted leases")
        await db.execute("rollback")
        assert await others_time_s(beat, before) > LEASE_S / 2 + 0.5  # a third may be over: the beat was under way


async def test_whoever_has_just_begun_waits_as_long_as_others_may_take_to_beat(database: Database) -> None:
    async with beating(database, LEASE_S) as beat:
        assert LEASE_S / 3 + 0.5 < beat.reaps_from - asyncio.get_running_loop().time() < 0.7 * LEASE_S


class Sleeper:
    """What a beat asks of a pool."""

    task_type = "toy.note"
    reopened = False

    def holds(self) -> set[UUID]:
        return set()

    def reopen(self) -> None:
        self.reopened = True


async def test_a_beat_that_failed_has_not_used_up_the_news_that_its_worker_was_reaped(
    database: Database, db: Connection
) -> None:
    sleeper, locking = Sleeper(), await database.connect()
    async with beating(database, LEASE_S, pools=[cast("Pool", sleeper)]):
        await locking.execute("begin; lock table rowmill.gate in exclusive mode")
        await db.execute("delete from rowmill.workers")
        await until(lambda: db.fetchval(SOMEBODY_WAITS), what="a beat that extends the gate rows")
        assert await db.fetchval(SESSION_ENDS) == 1
        await until(lambda: db.fetchval(SOMEBODY_WAITS), what="the next one")
        await locking.execute("rollback")
        cut = await db.fetchval("select clock_timestamp()")
        await until(lambda: db.fetchval(BEATEN, cut), what="a beat by a new session")
        assert sleeper.reopened
