"""Limits hold for the fleet: tokens come at their rate, a pause stops everybody, who waits comes back in turn."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from core import Done, Outcome, Snooze, Task
from core.db.connect import Connection, Slots
from core.queue.retain import RINGS, Place, retain_step
from core.settings import Settings
from tests.running import Database, Workers, all_ended, ended, enqueue, until
from tests.toy.model import ActPayload
from tests.toy.operators import act

HOST = "host:example.org"


@act
async def take_turn(task: Task[ActPayload], arg: Any) -> Outcome:
    wait_s = await task.take(arg["name"], arg["rate"], arg["burst"])
    return Snooze(wait_s, "waits for its turn") if wait_s else Done()


async def take(db: Connection, rate: float = 1.0, burst: float = 3.0, waited: bool = False, name: str = HOST) -> float:
    wait_s: float = await db.fetchval("select rowmill.take_token($1, $2, $3, $4)", name, rate, burst, waited)
    return wait_s


async def later(db: Connection, seconds: float) -> None:
    """As if so much time had gone by."""
    await db.execute(
        """update rowmill.limits set filled_at = filled_at - $1 * interval '1 s',
           told_until = told_until - $1 * interval '1 s', paused_until = paused_until - $1 * interval '1 s'""",
        seconds,
    )


async def shown(db: Connection) -> dict[str, Any]:
    (row,) = await db.fetch("select * from monitoring.limits")
    return dict(row)


async def test_a_burst_goes_through_and_then_the_rate_holds(db: Connection) -> None:
    assert [await take(db) for _ in range(3)] == [0, 0, 0]
    assert 0.5 < await take(db) <= 1
    await later(db, 1.0)
    assert await take(db, waited=True) == 0
    assert await take(db, waited=True) > 0


async def test_who_comes_too_early_is_told_times_one_after_the_other(db: Connection) -> None:
    for _ in range(3):
        await take(db, rate=10)
    waits = [await take(db, rate=10) for _ in range(20)]
    assert all(0.05 < after - before < 0.15 for before, after in pairwise(waits))
    assert (await shown(db))["waiting"] >= 19


async def test_who_has_waited_goes_before_who_has_not(db: Connection) -> None:
    for _ in range(4):
        await take(db)
    await later(db, 1.0)
    assert await take(db, waited=False) > 0
    assert await take(db, waited=True) == 0


async def test_a_bucket_is_never_fuller_than_its_burst(db: Connection) -> None:
    await take(db)
    await later(db, 1000)
    assert (await shown(db))["tokens"] == 3
    assert [await take(db) for _ in range(4)][:3] == [0, 0, 0]


async def test_limits_of_other_names_do_not_touch_each_other(db: Connection) -> None:
    assert [await take(db, burst=1, name=name) for name in ("a", "b", "c")] == [0, 0, 0]


async def test_many_sessions_together_get_no_more_than_there_is(database: Database) -> None:
    sessions = [await database.connect() for _ in range(8)]

    async def takes(session: Connection) -> int:
        return sum([await take(session, rate=0.001, burst=10) == 0 for _ in range(5)])

    assert sum(await asyncio.gather(*map(takes, sessions))) == 10


async def pause(db: Connection, seconds: float, reason: str = "429") -> None:
    await db.execute("select rowmill.pause_limit($1, $2, $3)", HOST, seconds, reason)


@pytest.mark.parametrize("known", [True, False])
async def test_a_pause_stops_everybody_and_ends_without_a_burst(db: Connection, known: bool) -> None:
    if known:
        await take(db)
    await pause(db, 30)
    assert 29 < await take(db, waited=True) < 32
    found = await shown(db)
    assert (found["tokens"], found["paused_reason"], found["paused_until"] is not None) == (0, "429", True)
    await later(db, 31.5)
    assert [await take(db, waited=True) == 0 for _ in range(3)] == [True, False, False]
    assert (await shown(db))["paused_until"] is None


async def test_the_longer_pause_stays(db: Connection) -> None:
    await pause(db, 30, "long")
    await pause(db, 5, "short")
    assert (await shown(db))["paused_reason"] == "long"
    assert await take(db) > 29


async def test_a_limit_is_forgotten_after_a_day_without_use(db: Connection, database: Database) -> None:
    await take(db, name="old")
    await later(db, 90_000)
    await take(db, name="new")
    slots = Slots(database.dsn, Settings(), "test", 1)
    try:
        assert (await retain_step(slots, Settings(), Place(RINGS.index("retain_limits")))).deleted == 1
    finally:
        await slots.close()
    assert [row["name"] for row in await db.fetch("select name from rowmill.limits")] == ["new"]


async def test_tasks_take_turns_across_workers_and_use_no_attempt(db: Connection, workers: Workers) -> None:
    """Two workers, six tasks, ten tokens a second: each task runs once its turn has come."""
    ids = [
        await enqueue(db, "toy.act", {"act": "take_turn", "arg": {"name": HOST, "rate": 10, "burst": 1}})
        for _ in range(6)
    ]
    await workers.start("toy.act")
    await workers.start("toy.act")
    rows = [await ended(db, task_id) for task_id in ids]
    assert {(row["status"], row["attempts"]) for row in rows} == {("completed", 1)}
    ends = sorted(row["completed_at"].timestamp() for row in rows)
    assert ends[-1] - ends[0] > 0.45
    assert (
        await db.fetchval("select count(*) from robot_input_events where error_message like 'waits for its turn%'") > 0
    )


async def test_a_pause_asked_for_by_one_task_holds_the_others(db: Connection, workers: Workers) -> None:
    await pause(db, 60)
    held = await enqueue(db, "toy.act", {"act": "take_turn", "arg": {"name": HOST, "rate": 10, "burst": 5}})
    free = await enqueue(db, "toy.act", {"act": "take_turn", "arg": {"name": "host:other", "rate": 10, "burst": 5}})
    await workers.start("toy.act")
    assert (await ended(db, free))["status"] == "completed"
    query = "select status, attempts, scheduled_for > now() + interval '50 s' as later from task_queue where id = $1"
    row = await until(lambda: db.fetchrow(f"{query} and scheduled_for > created_at", held))
    assert tuple(row) == ("pending", 0, True)
    await db.execute("delete from task_queue where id = $1", held)
    await all_ended(db)
