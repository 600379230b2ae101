"""Retention deletes what is finished, old enough and held by nobody; nothing else, however often and by whomever."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from core.db import catalogs
from core.db.connect import Connection, Slots
from core.queue import retain as retention
from core.queue.retain import Place, days, retain_step
from core.settings import Settings
from tests.running import SOMEBODY_WAITS, Database, Workers, enqueue, until

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LIVE = ("pending", "processing", "waiting")
DAYS = {"completed": 7, "failed": 30, "cancelled": 7}
STEP = {"after": UUID(int=0), "step": 1000, "now": NOW}


@pytest.fixture
async def slots(database: Database) -> AsyncIterator[Slots]:
    made = Slots(database.dsn, Settings(), "test", 4)
    yield made
    await made.close()


async def task(db: Connection, status: str, age_days: float, **columns: Any) -> UUID:
    at = NOW - timedelta(days=age_days)
    when = {"failed": "failed_at"}.get(status, "completed_at")
    return await enqueue(db, "toy.set", {}, status=status, updated_at=at, created_at=at, **{when: at}, **columns)


async def whole_ring(slots: Slots, settings: Settings | None = None, now: datetime | None = NOW) -> int:
    """Every ring once; returns the rows deleted."""
    place, deleted = Place(), 0
    while True:
        step = await retain_step(slots, settings or Settings(), place, now)
        deleted += step.deleted
        place = step.following
        if place == Place():
            return deleted


async def left(db: Connection) -> set[UUID]:
    return {row["id"] for row in await db.fetch("select id from task_queue")}


# --- what goes and what stays ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", DAYS)
async def test_a_finished_task_goes_after_its_days_and_not_before(db: Connection, slots: Slots, status: str) -> None:
    young = await task(db, status, DAYS[status] - 0.01)
    await task(db, status, DAYS[status] + 0.01)
    assert await whole_ring(slots) == 1
    assert await left(db) == {young}


@pytest.mark.parametrize("status", LIVE)
async def test_live_and_waiting_tasks_never_go(db: Connection, slots: Slots, status: str) -> None:
    kept = await task(db, status, 10_000)
    assert await whole_ring(slots) == 0
    assert await left(db) == {kept}


@pytest.mark.parametrize("status", DAYS)
async def test_zero_days_keep_for_ever(db: Connection, slots: Slots, status: str) -> None:
    kept = await task(db, status, 10_000)
    settings = Settings.model_validate({f"retain_{status}_days": 0})
    assert await whole_ring(slots, settings) == 0
    assert await left(db) == {kept}


async def test_first_and_last_ids_are_visited_too(db: Connection, slots: Slots) -> None:
    for number in (0, 1, 2**128 - 1):
        await task(db, "completed", 8, id=UUID(int=number))
    assert await whole_ring(slots) == 3


async def test_steps_of_any_size_visit_every_row_once(db: Connection) -> None:
    for number in range(25):
        await task(db, "completed" if number % 3 else "pending", 8, id=uuid.uuid4())
    for step, steps in ((7, 4), (1, 9), (100, 1)):
        after: UUID | None = UUID(int=0)
        taken = gone = 0
        while after is not None:
            [row] = await catalogs.engine()["retain_tasks"].fetch(
                db, **{**STEP, "after": after, "step": step}, completed_days=7.0, failed_days=30.0, cancelled_days=7.0
            )
            after, taken, gone = row["walked_to"], taken + 1, gone + row["deleted"]
        assert (taken, gone) == (steps, 16 if step == 7 else 0)


async def test_without_a_given_time_the_databases_clock_counts(db: Connection, slots: Slots) -> None:
    """The settings' days from now: a task that ended in 2029 has not even begun."""
    await task(db, "completed", 8)
    assert await whole_ring(slots, now=None) == 0
    await db.execute("update task_queue set completed_at = now() - interval '8 days'")
    assert await whole_ring(slots, now=None) == 1


# --- locks and other workers -----------------------------------------------------------------------------------------


async def test_a_locked_row_is_passed_over_and_goes_in_a_later_round(
    db: Connection, database: Database, slots: Slots
) -> None:
    locked = await task(db, "completed", 8)
    await task(db, "completed", 8)
    other = await database.connect()
    await other.execute("begin")
    await other.execute("select from task_queue where id = $1 for key share", locked)
    assert await whole_ring(slots) == 1
    await other.execute("rollback")
    assert await whole_ring(slots) == 1


async def test_only_one_step_runs_at_a_time_and_the_other_neither_waits_nor_moves_on(
    db: Connection, database: Database
) -> None:
    await task(db, "completed", 8)
    statement = catalogs.engine()["retain_tasks"]
    given = {**STEP, "completed_days": 7.0, "failed_days": 30.0, "cancelled_days": 7.0}
    other = await database.connect()
    async with other.transaction():
        assert [row["deleted"] for row in await statement.fetch(other, **given)] == [1]
        [row] = await asyncio.wait_for(statement.fetch(db, **given), 1)
        assert tuple(row) == (True, UUID(int=0), 0)


async def test_several_workers_delete_each_row_once(db: Connection, slots: Slots) -> None:
    await db.execute(
        """insert into task_queue (task_type, status, completed_at)
           select 'toy.set', 'completed', $1 from generate_series(1, 5000)""",
        NOW - timedelta(days=8),
    )

    async def until_empty() -> int:
        place, deleted = Place(), 0
        while await db_count(slots):
            step = await retain_step(slots, Settings(), place, NOW)
            place, deleted = step.following, deleted + step.deleted
        return deleted

    assert sum(await asyncio.gather(*(until_empty() for _ in range(3)))) == 5000


async def db_count(slots: Slots) -> int:
    async with slots.acquire() as connection:
        found: int = await connection.fetchval("select count(*) from task_queue")
        return found


async def test_a_step_at_the_end_of_a_ring_goes_on_with_the_next_one(db: Connection, slots: Slots) -> None:
    seen, place = [], Place()
    rings = list(retention.rings(tuple(Settings().domains)))
    for _ in rings:
        step = await retain_step(slots, Settings(), place, NOW)
        seen.append(step.ring)
        place = step.following
    assert (seen, place) == (rings, Place())
    assert set(retention.RINGS) < set(rings), "a domain has rings of its own"


async def test_a_worker_deletes_what_is_old_without_being_asked(db: Connection, workers: Workers) -> None:
    await task(db, "completed", 8)
    await db.execute("update task_queue set completed_at = now() - interval '8 days'")
    await workers.start("toy.set")
    await until(lambda: db.fetchval("select not exists (select from task_queue)"), 10, "the deletion")


# --- holds -----------------------------------------------------------------------------------------------------------


async def test_a_held_task_and_its_audit_stay_until_the_hold_is_gone(db: Connection, slots: Slots) -> None:
    settings = Settings(retain_audit_days=10)
    held = await task(db, "failed", 400)
    await run_row(db, held, 400)
    await db.execute("insert into rowmill.holds (task_id, reason) values ($1, 'case 17')", held)
    assert await whole_ring(slots, settings) == 0
    await db.execute("delete from rowmill.holds")
    assert await whole_ring(slots, settings) == 2


async def test_a_hold_waits_for_a_deletion_in_progress_and_is_refused_after_it(
    db: Connection, database: Database
) -> None:
    doomed = await task(db, "completed", 8)
    other = await database.connect()
    await other.execute("begin")
    given = {**STEP, "completed_days": 7.0, "failed_days": 30.0, "cancelled_days": 7.0}
    await catalogs.engine()["retain_tasks"].fetch(other, **given)
    hold = asyncio.create_task(db.execute("insert into rowmill.holds (task_id, reason) values ($1, 'x')", doomed))
    blocked = SOMEBODY_WAITS
    await until(lambda: other.fetchval(blocked), what="the hold's wait")
    await other.execute("commit")
    with pytest.raises(asyncpg.PostgresError, match="there is nothing to hold") as told:
        await hold
    assert told.value.sqlstate == "RM005"


async def test_an_uncommitted_hold_keeps_its_task(db: Connection, database: Database, slots: Slots) -> None:
    kept = await task(db, "completed", 8)
    other = await database.connect()
    async with other.transaction():
        await other.execute("insert into rowmill.holds (task_id, reason) values ($1, 'x')", kept)
        assert await whole_ring(slots) == 0
    assert await whole_ring(slots) == 0
    assert await left(db) == {kept}


# --- commands --------------------------------------------------------------------------------------------------------


async def test_a_command_is_remembered_for_seven_days(db: Connection, slots: Slots) -> None:
    """However many are old: a step that was full goes on where it stood."""
    add = """insert into rowmill.commands (command_id, actor, kind, created_at)
             select gen_random_uuid(), gen_random_uuid(), $1, $2 from generate_series(1, $3)"""
    await db.execute(add, "young", NOW - timedelta(days=6.99), 3)
    await db.execute(add, "old", NOW - timedelta(days=7.01), retention.STEP + 10)
    assert await whole_ring(slots) == retention.STEP + 10
    kinds = await db.fetch("select kind, count(*) from rowmill.commands group by 1")
    assert [tuple(row) for row in kinds] == [("young", 3)]


# --- audit, statistics, dry run --------------------------------------------------------------------------------------


async def run_row(db: Connection, task_id: UUID, age_days: float, run_no: int = 1) -> None:
    await db.execute(
        """insert into robot_input_events (task_id, run_no, operator_type, success, created_at)
           values ($1, $2, 'toy.set', true, $3)""",
        task_id,
        run_no,
        NOW - timedelta(days=age_days),
    )


async def audit_rows(db: Connection) -> int:
    found: int = await db.fetchval(
        "select (select count(*) from robot_input_events) + (select count(*) from audit_events)"
    )
    return found


async def write_audit(db: Connection) -> None:
    for number in range(30):
        for run_no in (1, 2, 3):
            await run_row(db, UUID(int=number), 100 if run_no < 3 else 1, run_no)
    await db.execute(
        """insert into audit_events (entity, entity_id, action, at)
           select 'x', 'x', 'x', $1::timestamptz - n * interval '10 days' from generate_series(1, 20) n""",
        NOW,
    )


async def test_the_audit_is_never_deleted_unless_its_days_are_set(db: Connection, slots: Slots) -> None:
    await task(db, "completed", 8)
    await write_audit(db)
    assert await whole_ring(slots) == 1
    assert await audit_rows(db) == 110


async def test_audit_older_than_its_days_goes_and_younger_stays(
    db: Connection, slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With steps that end in the middle of a task's runs."""
    monkeypatch.setattr(retention, "STEP", 4)
    await write_audit(db)
    assert await whole_ring(slots, Settings(retain_audit_days=55)) == 60 + 15
    assert await audit_rows(db) == 35


async def test_statistics_go_after_thirty_days(db: Connection, slots: Slots, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "STEP", 10)
    await db.execute(
        """insert into rowmill.task_stats (minute, task_type, worker_id)
           select $1::timestamptz - n * interval '1 day', 'toy.set', 'me' from generate_series(1, 60) n""",
        NOW,
    )
    assert await whole_ring(slots) == 30
    assert await db.fetchval("select max($1 - minute) from rowmill.task_stats", NOW) == timedelta(days=30)


async def test_a_dry_run_counts_exactly_what_goes(db: Connection, slots: Slots) -> None:
    for status in (*DAYS, *LIVE):
        for age in (1, 8, 31):
            await task(db, status, age)
    held = await task(db, "completed", 8)
    await db.execute("insert into rowmill.holds (task_id, reason) values ($1, 'x')", held)
    rows = await catalogs.engine()["retain_dry_run"].fetch(db, **days(Settings()), now=NOW)
    told = {row["status"]: (row["would_go"], row["held"]) for row in rows}
    assert told == {"cancelled": (2, 0), "completed": (2, 1), "failed": (1, 0)}
    assert await whole_ring(slots) == 5
