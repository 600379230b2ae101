"""A schedule is a row; each of its times becomes one task, whoever is there to see it."""

from __future__ import annotations

import asyncio
import json
import runpy
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from core.db.connect import Connection
from core.queue.schedule import fire_due, following_of
from core.settings import PROJECT
from tests.running import Database, Workers, until

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


async def schedule(db: Connection, name: str = "nightly", cron: str = "*/10 * * * *", timezone: str = "UTC") -> None:
    await db.fetchval(
        "select schedule_task($1, $2, $3, $4, $5)",
        name,
        "toy.note",
        cron,
        json.dumps({"note": name}),
        timezone,
    )


async def made(db: Connection) -> list[tuple[str, datetime]]:
    found = await db.fetch("select enqueued_by, scheduled_for from task_queue order by scheduled_for, enqueued_by")
    return [(row["enqueued_by"], row["scheduled_for"]) for row in found]


async def next_at(db: Connection, name: str = "nightly") -> datetime | None:
    found: datetime | None = await db.fetchval("select next_at from monitoring.schedules where name = $1", name)
    return found


async def test_a_first_look_computes_the_time_and_enqueues_nothing(db: Connection) -> None:
    await schedule(db)
    assert await fire_due(db, NOON) == 0
    assert await next_at(db) == NOON + timedelta(minutes=10)
    assert await made(db) == []


async def test_each_time_becomes_one_task_a_little_ahead_and_due_on_the_second(db: Connection) -> None:
    await schedule(db)
    await fire_due(db, NOON)
    first = NOON + timedelta(minutes=10)
    assert await fire_due(db, first - timedelta(seconds=2)) == 0
    assert await fire_due(db, first - timedelta(seconds=1)) == 1
    assert await fire_due(db, first) == 0
    assert await made(db) == [("schedule nightly", first)]
    assert await next_at(db) == first + timedelta(minutes=10)
    task = await db.fetchrow("select id, task_type, payload from task_queue")
    assert task is not None
    assert (task["task_type"], json.loads(task["payload"])) == ("toy.note", {"note": "nightly"})
    assert await db.fetchval("select last_task_id from monitoring.schedules") == task["id"]


async def test_of_several_workers_one_enqueues(db: Connection, database: Database) -> None:
    for number in range(20):
        await schedule(db, f"s{number}")
    await fire_due(db, NOON)
    others = [await database.connect() for _ in range(6)]
    fired = await asyncio.gather(*(fire_due(each, NOON + timedelta(minutes=10)) for each in others))
    assert sum(fired) == 20
    assert len({name for name, _ in await made(db)}) == 20


async def test_missed_times_are_made_up_for_by_one_task(db: Connection) -> None:
    await schedule(db)
    await fire_due(db, NOON)
    later = NOON + timedelta(hours=5, minutes=3)
    assert await fire_due(db, later) == 1
    assert await made(db) == [("schedule nightly", NOON + timedelta(minutes=10))]
    assert await next_at(db) == NOON + timedelta(hours=5, minutes=10)


async def fire_all(db: Connection, now: datetime) -> int:
    made, again = 0, 1
    while again:
        again = await fire_due(db, now)
        made += again
    return made


@pytest.mark.parametrize(
    ("catch_up", "times"), [("one", [10]), ("all", [10, 20, 30, 40]), ("none", [])], ids=["one", "all", "none"]
)
async def test_a_schedule_says_what_becomes_of_missed_times(db: Connection, catch_up: str, times: list[int]) -> None:
    await db.fetchval("select schedule_task('s', 'toy.note', '*/10 * * * *', catch_up => $1)", catch_up)
    await fire_due(db, NOON)
    assert await fire_all(db, NOON + timedelta(minutes=43)) == len(times)
    assert [at for _, at in await made(db)] == [NOON + timedelta(minutes=each) for each in times]
    assert await next_at(db, "s") == NOON + timedelta(minutes=50)
    assert await fire_all(db, NOON + timedelta(minutes=50, seconds=30)) == 1


async def test_a_paused_schedule_lets_its_times_pass_and_goes_on_with_the_next(db: Connection) -> None:
    await schedule(db)
    await fire_due(db, NOON)
    assert await db.fetchval("select pause_schedule('nightly')") == "paused"
    first = await db.fetchrow("select paused_at, paused_by from monitoring.schedules")
    await db.fetchval("select pause_schedule('nightly')")
    await schedule(db)
    assert await db.fetchrow("select paused_at, paused_by from monitoring.schedules") == first
    assert await db.fetchval("select overdue_s from monitoring.schedules") == 0
    assert await fire_due(db, NOON + timedelta(minutes=35)) == 0
    assert await db.fetchval("select resume_schedule('nightly')") == "resumed"
    assert await fire_due(db, NOON + timedelta(minutes=35)) == 0
    assert await next_at(db) == NOON + timedelta(minutes=40)
    await db.fetchval("select resume_schedule('nightly')")
    assert await next_at(db) == NOON + timedelta(minutes=40)
    assert await fire_due(db, NOON + timedelta(minutes=40)) == 1


async def test_a_schedule_paused_while_it_is_looked_at_does_not_fire(db: Connection, database: Database) -> None:
    await schedule(db)
    await fire_due(db, NOON)
    lunch = await database.connect()
    await lunch.execute("begin")
    await lunch.fetchval("select pause_schedule('nightly')")
    fired = asyncio.create_task(fire_due(db, NOON + timedelta(minutes=10)))
    waits = "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock'"
    await until(lambda: lunch.fetchval(waits), what="the look that waits")
    await lunch.execute("commit")
    assert await fired == 0
    assert await made(db) == []


@pytest.mark.parametrize("paused", [False, True])
async def test_a_schedule_runs_now_besides_its_times(db: Connection, paused: bool) -> None:
    await schedule(db)
    await fire_due(db, NOON)
    if paused:
        await db.fetchval("select pause_schedule('nightly')")
    task_id = await db.fetchval("select run_schedule('nightly')")
    task = await db.fetchrow("select *, scheduled_for <= now() as due from task_queue")
    assert task is not None
    assert (task["id"], task["task_type"], task["enqueued_by"], task["due"]) == (
        *(task_id, "toy.note", "schedule nightly"),
        True,
    )
    assert json.loads(task["payload"]) == {"note": "nightly"}
    assert await next_at(db) == NOON + timedelta(minutes=10)
    assert await db.fetchval("select last_task_id from monitoring.schedules") == task_id


async def test_a_time_that_has_made_its_task_does_not_come_again_when_the_schedule_is_written_anew(
    db: Connection,
) -> None:
    """Its task is made a little ahead; who rewrites the schedule within that second would make another."""
    await schedule(db)
    await fire_due(db, NOON)
    ahead = NOON + timedelta(minutes=9, seconds=59)
    assert await fire_due(db, ahead) == 1
    await schedule(db)
    assert await fire_all(db, ahead) == 0
    assert await fire_all(db, NOON + timedelta(minutes=10)) == 0
    assert await next_at(db) == NOON + timedelta(minutes=20)


async def test_a_schedule_that_was_rewritten_or_removed_meanwhile_does_not_fire(db: Connection) -> None:
    await schedule(db)
    await schedule(db, "gone")
    await fire_due(db, NOON)
    await schedule(db, cron="0 0 1 1 *")
    await db.fetchval("select unschedule_task('gone')")
    assert await fire_due(db, NOON + timedelta(minutes=10)) == 0
    assert await made(db) == []
    assert await next_at(db) == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "timezone", "problem"),
    [
        ("61 * * * *", "UTC", "cannot be read"),
        ("a b c d e", "UTC", "cannot be read"),
        ("0 0 30 2 *", "UTC", "cannot be read|names no day"),
    ],
)
async def test_a_schedule_without_a_time_says_why_and_stops_no_other(
    db: Connection, cron: str, timezone: str, problem: str
) -> None:
    await schedule(db, "broken", cron, timezone=timezone)
    await schedule(db)
    await fire_due(db, NOON)
    assert await fire_due(db, NOON + timedelta(minutes=10)) == 1
    assert await db.fetchval("select problem ~ $1 from monitoring.schedules where name = 'broken'", problem)
    await schedule(db, "broken")
    await fire_due(db, NOON)
    assert await next_at(db, "broken") == NOON + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("cron", "timezone", "sentence"),
    [
        ("* * * *", "UTC", "five fields"),
        ("@daily", "UTC", "five fields"),
        ("* * * * *", "Nowhere/City", "no time zone"),
    ],
)
async def test_what_is_plainly_wrong_is_refused_when_it_is_written(
    db: Connection, cron: str, timezone: str, sentence: str
) -> None:
    with pytest.raises(asyncpg.PostgresError, match=sentence) as refused:
        await schedule(db, cron=cron, timezone=timezone)
    assert refused.value.sqlstate == "RM002"
    with pytest.raises(asyncpg.PostgresError, match="one, all or none are made up for, not 'some'"):
        await db.fetchval("select schedule_task('s', 'toy.note', '* * * * *', catch_up => 'some')")


@pytest.mark.parametrize("name", ["unschedule_task", "pause_schedule", "resume_schedule", "run_schedule"])
async def test_what_is_not_scheduled_is_said_so(db: Connection, name: str) -> None:
    with pytest.raises(asyncpg.PostgresError, match="there is no schedule 'nightly'") as refused:
        await db.fetchval(f"select {name}('nightly')")
    assert refused.value.sqlstate == "RM005"


def test_a_zone_that_this_machine_does_not_know_is_a_problem_of_its_schedule_alone() -> None:
    """PostgreSQL knows more of them than many an image has."""
    following = following_of("* * * * *", "Nowhere/City", datetime(2026, 3, 28, tzinfo=UTC))
    assert following.at is None
    assert "no time zone 'Nowhere/City'" in str(following.problem)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),  # 02:30 does not exist: directly after it
        ("2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),  # 02:30 comes twice: the first one
    ],
)
def test_an_hour_that_is_skipped_or_comes_twice_fires_once(after: str, expected: list[str]) -> None:
    times, at = [], datetime.fromisoformat(after).replace(tzinfo=UTC)
    for _ in expected:
        following = following_of("30 2 * * *", "Europe/Berlin", at).at
        assert following is not None
        at = following.astimezone(UTC)
        times.append(at.strftime("%Y-%m-%dT%H:%M"))
    assert times == expected


BEFORE = """
drop view monitoring.schedules;
alter table rowmill.schedules drop column catch_up, drop column paused_at, drop column paused_by;
drop function schedule_task(text, text, text, jsonb, text, uuid, text);
create function schedule_task(name text, task_type text, cron text, payload jsonb default '{}',
    timezone text default 'UTC', workspace_id uuid default null) returns text language sql as 'select name';
insert into rowmill.schedules (name, task_type, cron, payload, next_at)
values ('old', 'toy.note', '*/10 * * * *', '{"note": "old"}', '2026-03-02 12:10Z');
"""


async def test_schedules_of_a_database_of_before_go_on_and_can_be_paused(db: Connection) -> None:
    """As revision 7 once made them."""
    await db.execute(BEFORE)
    revision = runpy.run_path(str(PROJECT / "migrations" / "engine" / "0012_schedules.py"))
    await db.execute(revision["COLUMNS"])
    for name in ("functions/schedule_task.sql", "monitoring/schedules.sql"):
        await db.execute((PROJECT / "sql" / name).read_text(encoding="utf-8"))
    await schedule(db, "new")
    assert await fire_due(db, NOON + timedelta(minutes=10)) == 1
    assert await made(db) == [("schedule old", NOON + timedelta(minutes=10))]
    assert await db.fetchval("select pause_schedule('old')") == "paused"
    assert await db.fetchval("select array_agg(catch_up) from monitoring.schedules") == ["one", "one"]


async def test_a_worker_keeps_schedules(db: Connection, workers: Workers) -> None:
    await schedule(db, cron="* * * * *")
    await workers.start("toy.note")
    await until(lambda: next_at(db))
    await db.execute("update rowmill.schedules set next_at = now()")
    await until(lambda: db.fetchval("select count(*) from task_queue where status = 'completed'"))
    assert [name for name, _ in await made(db)] == ["schedule nightly"]
