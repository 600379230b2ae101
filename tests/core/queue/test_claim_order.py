"""Which task a claim takes first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from core.db.connect import Connection
from tests.core.queue.claims import claim, complete, work_off
from tests.core.queue.sleepers import wait_asleep
from tests.running import Workers, ended, enqueue, task_row, until

MANY = """
insert into task_queue (task_type, payload, priority, scheduled_for)
select $1, jsonb_build_object('note', n::text), $2, now() - $3::float8 * interval '1 second' + n * interval '1 ms'
from generate_series(1, $4) n
"""


async def test_a_higher_priority_goes_first_and_equal_ones_by_due_time(db: Connection) -> None:
    for priority, age in ((5, 60.0), (0, 300.0), (100, 10.0), (7, 30.0)):
        await db.execute(MANY, "toy.note", priority, age, 3)
    rows = await claim(db, "toy.note", 100)
    assert [row["priority"] for row in rows] == [100] * 3 + [7] * 3 + [5] * 3 + [0] * 3
    assert [row["payload"] for row in rows] == [f'{{"note": "{n}"}}' for n in (1, 2, 3)] * 4


async def test_within_a_lane_no_task_overtakes_an_earlier_one(db: Connection) -> None:
    await db.execute(MANY, "toy.note", 5, 60.0, 200)
    rows = await work_off(db, "toy.note", 7)
    assert len(rows) == 200
    assert all(a["scheduled_for"] <= b["scheduled_for"] for a, b in pairwise(rows))


async def test_the_oldest_lane_is_served_first_when_its_turn_comes(db: Connection) -> None:
    await db.execute(MANY, "toy.note", 9, 10.0, 50)
    await db.execute(MANY, "toy.note", 1, 3600.0, 50)
    assert {row["priority"] for row in await claim(db, "toy.note", 10)} == {9}
    assert {row["priority"] for row in await claim(db, "toy.note", 10, oldest=True)} == {1}


async def test_a_flood_of_high_priority_leaves_every_eighth_claim_to_the_oldest(
    db: Connection, workers: Workers
) -> None:
    await db.execute(MANY, "toy.narrow", 1, 3600.0, 10)
    await db.execute(MANY, "toy.narrow", 9, 10.0, 400)
    await db.execute('update task_queue set payload = \'{"act": "crowd", "arg": ["x", 1]}\'')
    await workers.start("toy.narrow")
    low = "select count(*) from task_queue where priority = 1 and status = 'pending'"

    async def low_is_empty() -> bool:
        return bool(await db.fetchval(low) == 0)

    await until(low_is_empty, what="the end of the low lane")
    left = await db.fetchval("select count(*) from task_queue where priority = 9 and status = 'pending'")
    assert left > 200


async def test_a_future_task_is_not_claimed(db: Connection) -> None:
    await enqueue(db, "toy.note", {"note": "tomorrow"}, scheduled_for=datetime.now(UTC) + timedelta(days=1))
    await enqueue(
        db,
        "toy.note",
        {"note": "keyed"},
        scheduled_for=datetime.now(UTC) + timedelta(days=1),
        concurrency_key="k",
    )
    assert await claim(db, "toy.note") == []


async def test_a_future_task_starts_on_time_and_not_early(db: Connection, workers: Workers) -> None:
    await wait_asleep(await workers.start("toy.note"))
    due = {delay: datetime.now(UTC) + timedelta(seconds=delay) for delay in (0.3, 0.7, 1.2, 2.4)}
    ids = {delay: await enqueue(db, "toy.note", {"note": str(delay)}, scheduled_for=at) for delay, at in due.items()}
    late = {}
    for delay, task_id in ids.items():
        started = (await ended(db, task_id))["started_at"]
        assert started >= due[delay]
        late[delay] = (started - due[delay]).total_seconds()
    assert max(late.values()) < 0.25, late


async def test_a_type_nobody_knows_stays_pending(db: Connection, workers: Workers) -> None:
    stranger = await enqueue(db, "nobody.knows_this", {})
    await workers.start("toy.note", poll_s=0.05)
    await ended(db, await enqueue(db, "toy.note", {"note": "known"}))
    row = await task_row(db, stranger)
    assert (row["status"], row["attempts"], row["run_no"]) == ("pending", 0, 0)


async def test_two_claims_never_share_a_task(db: Connection) -> None:
    await db.execute(MANY, "toy.note", 5, 60.0, 30)
    first, second = await claim(db, "toy.note", 20), await claim(db, "toy.note", 20)
    assert len({row["id"] for row in [*first, *second]}) == 30
    await complete(db, [row["id"] for row in first])
    assert await claim(db, "toy.note") == []
