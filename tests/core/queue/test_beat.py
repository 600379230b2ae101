"""Who may say that others are gone: whoever has not been away himself for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from core.db.connect import Connection
from core.queue.beat import Beat
from core.settings import Settings
from tests.running import SOMEBODY_WAITS, Database, until

SESSION_ENDS = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where datname = current_database() and application_name like 'rowmill beat%'
"""
BEATEN = "select max(beat_at) from rowmill.workers"


@asynccontextmanager
async def beating(database: Database, lease_s: float, beat_s: float) -> AsyncIterator[Beat]:
    settings = Settings(database_url=database.dsn, lease_s=lease_s, beat_s=beat_s)
    made = Beat(database.dsn, settings, "me", "test", lambda: None)
    await made.first([])
    running = asyncio.create_task(made.run([]))
    yield made
    running.cancel()
    await asyncio.wait([running])
    await made.leave()


@pytest.fixture
async def beat(database: Database) -> AsyncIterator[Beat]:
    async with beating(database, lease_s=3, beat_s=0.05) as made:
        yield made


async def cut_off(db: Connection, beat: Beat) -> datetime:
    """The session of a beat that is under way ends; when that was."""
    await db.execute("begin; lock table rowmill.workers in exclusive mode")
    beat.drains()  # beats now
    await until(lambda: db.fetchval(SOMEBODY_WAITS), what="a beat under way")
    assert await db.fetchval(SESSION_ENDS) == 1
    await db.execute("rollback")
    cut: datetime = await db.fetchval("select clock_timestamp()")
    return cut


async def test_a_short_outage_delays_no_reaping(db: Connection, beat: Beat) -> None:
    since = beat.alive_since()
    cut = await cut_off(db, beat)
    await until(lambda: _beaten_since(db, cut), what="a beat by a new session")
    assert (since is not None, beat.alive_since()) == (True, since)


async def test_a_beat_that_failed_is_repeated_long_before_the_next_one_is_due(
    db: Connection, database: Database
) -> None:
    async with beating(database, lease_s=300, beat_s=100) as beat:
        cut = await cut_off(db, beat)
        await until(lambda: _beaten_since(db, cut), what="a beat by a new session")


async def test_whoever_was_away_for_long_begins_anew(db: Connection, beat: Beat) -> None:
    since = beat.alive_since()
    assert since is not None
    await db.execute("begin; lock table rowmill.workers in exclusive mode")
    await until(lambda: _away(beat), what="an absence that could have outlasted leases")
    await db.execute("rollback")
    again = await until(lambda: _alive_since(beat), what="the next beat")
    assert again > since


async def _beaten_since(db: Connection, moment: datetime) -> bool:
    beaten: datetime = await db.fetchval(BEATEN)
    return beaten > moment


async def _away(beat: Beat) -> bool:
    return beat.alive_since() is None


async def _alive_since(beat: Beat) -> float | None:
    return beat.alive_since()
