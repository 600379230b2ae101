"""Ids: what any reader of UUIDv7 expects of them, and that a session's seed does not make two alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.db.connect import Connection

MANY = 100_000


async def test_an_id_is_a_uuid_of_version_7_with_the_servers_time(db: Connection) -> None:
    before = await db.fetchval("select clock_timestamp()")
    ids = [UUID(str(row[0])) for row in await db.fetch("select rowmill.uuid7() from generate_series(1, 1000)")]
    after = await db.fetchval("select clock_timestamp()")
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    times = [datetime.fromtimestamp((each.int >> 80) / 1000, UTC) for each in ids]
    assert before - timedelta(milliseconds=1) <= min(times) <= max(times) <= after + timedelta(milliseconds=1)


async def test_ids_of_one_statement_differ(db: Connection) -> None:
    assert await db.fetchval("select count(distinct rowmill.uuid7()) from generate_series(1, $1::int)", MANY) == MANY


async def test_sessions_of_one_seed_make_different_ids(db: Connection) -> None:
    found = set()
    for _ in range(50):
        await db.execute("select setseed(0.5)")
        found.add(await db.fetchval("select rowmill.uuid7()"))
    assert len(found) == 50
