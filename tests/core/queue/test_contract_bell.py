"""`arm_bell`: a session of another program makes the channel ring for itself, for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.db.connect import Connection
from tests.core.queue.bells import Bells
from tests.core.queue.claims import asleep_by_hand
from tests.running import Database, enqueue

ARM = "select arm_bell('toy.note', now() + $1::interval)"


async def test_an_armed_session_is_rung_once_per_transaction_and_an_unarmed_one_is_not(
    db: Connection, bells: Bells
) -> None:
    await enqueue(db, "toy.note", {"note": "nobody armed"})
    assert await bells.heard() == []
    await db.fetchval(ARM, timedelta(minutes=5))
    async with db.transaction():
        await enqueue(db, "toy.note", {"note": "one"})
        await enqueue(db, "toy.note", {"note": "two"})
        await enqueue(db, "toy.set", {"row_id": 1, "value": "another type"})
    assert await bells.heard() == ["toy.note"]


async def test_an_arm_lasts_an_hour_at_most(db: Connection) -> None:
    for until in ("infinity", "2999-01-01", None):
        valid = await db.fetchval("select arm_bell('toy.note', $1::text::timestamptz)", until)
        assert timedelta(minutes=59) < valid - datetime.now(UTC) <= timedelta(hours=1)
        assert await db.fetchval("select valid_until from rowmill.gate") == valid


async def test_arming_again_replaces_the_time_and_a_time_that_is_over_disarms(db: Connection, bells: Bells) -> None:
    await db.fetchval(ARM, timedelta(minutes=5))
    await db.fetchval(ARM, timedelta(minutes=1))
    rows = await db.fetch(
        "select listener, state, valid_until < now() + interval '2 minutes' as soon from rowmill.gate"
    )
    assert [tuple(row) for row in rows] == [(f"arm:{db.get_server_pid()}", "asleep", True)]
    assert await db.fetchval(ARM, timedelta(0)) is None
    assert await db.fetchval("select count(*) from rowmill.gate") == 0
    await enqueue(db, "toy.note", {"note": "disarmed"})
    assert await bells.heard() == []


async def test_sessions_and_types_are_armed_each_for_itself(db: Connection, database: Database) -> None:
    other = await database.connect()
    for session in (db, other):
        await session.fetchval(ARM, timedelta(minutes=5))
    await db.fetchval("select arm_bell('toy.set', now() + interval '1 minute')")
    await db.fetchval(ARM, timedelta(seconds=-1))
    rows = await db.fetch("select task_type, listener from rowmill.gate order by 1")
    arms = [("toy.note", f"arm:{other.get_server_pid()}"), ("toy.set", f"arm:{db.get_server_pid()}")]
    assert [tuple(row) for row in rows] == arms


@pytest.mark.parametrize(("state", "rung"), [("looking", []), ("full", ["toy.note"]), ("asleep", ["toy.note"])])
async def test_a_looking_pool_of_the_type_keeps_the_bell_quiet(
    db: Connection, bells: Bells, state: str, rung: list[str]
) -> None:
    """The promise is a worker's wake-up, not a message per task."""
    await db.fetchval(ARM, timedelta(minutes=5))
    await asleep_by_hand(db, "toy.note", state)
    await enqueue(db, "toy.note", {"note": "x"})
    assert await bells.heard() == rung


async def test_the_row_of_a_session_that_went_away_is_swept_when_its_time_is_over(db: Connection) -> None:
    await db.fetchval(ARM, timedelta(minutes=5))
    await db.fetch("select * from rowmill.reap(null, 10)")
    assert await db.fetchval("select count(*) from rowmill.gate") == 1
    await db.execute("update rowmill.gate set valid_until = now() - interval '1 second'")
    await db.fetch("select * from rowmill.reap(null, 10)")
    assert await db.fetchval("select count(*) from rowmill.gate") == 0
