"""A key has at most one running task, whoever claims it and however many wait behind it."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from uuid import UUID

import pytest

from core.db.connect import Connection
from tests.core.queue.claims import claim, claim_rows, complete, work_off
from tests.core.queue.doors import crowding, entered, held, open_door
from tests.core.queue.sleepers import claims_of, wait_asleep, wait_looked
from tests.running import Database, Workers, all_ended, ended, enqueue

KEYED = """
insert into task_queue (task_type, payload, concurrency_key, scheduled_for)
select $1, jsonb_build_object('note', n::text), $2, now() - interval '1 minute' + n * interval '1 ms'
from generate_series(1, $3) n
"""
DISTINCT_KEYS = """
insert into task_queue (task_type, payload, concurrency_key, scheduled_for)
select $1, jsonb_build_object('note', n::text), format($2, to_char(n, 'FM000000')),
    now() + $4::float8 * interval '1 second'
from generate_series(1, $3) n
"""
CROWD = """
insert into task_queue (task_type, payload, concurrency_key, scheduled_for)
select (array['toy.act', 'toy.narrow'])[1 + n % 2],
    jsonb_build_object('act', 'crowd', 'arg', jsonb_build_array('key ' || n % 10, n)),
    'key ' || n % 10, now() - interval '1 minute' + n * interval '1 ms'
from generate_series(1, 400) n
"""


async def test_two_workers_and_two_types_never_run_one_key_twice_at_once(db: Connection, workers: Workers) -> None:
    for _ in range(2):
        await workers.start("toy.act", "toy.narrow", poll_s=0)
    await db.execute(CROWD)
    await all_ended(db)
    assert dict(crowding) == {f"key {n}": 1 for n in range(10)}
    assert await db.fetchval("select count(*) from toy_notes") == 400


async def test_tasks_of_one_key_and_type_run_in_their_order(db: Connection, workers: Workers) -> None:
    for _ in range(2):
        await workers.start("toy.note", poll_s=0)
    async with db.transaction():
        for key in ("a", "b", "c"):
            await db.execute(KEYED, "toy.note", key, 40)
    await all_ended(db)
    notes: defaultdict[str, list[int]] = defaultdict(list)
    written = "select t.concurrency_key, n.note from toy_notes n join task_queue t on t.id = n.task_id order by note_no"
    for row in await db.fetch(written):
        notes[row["concurrency_key"]].append(int(row["note"]))
    assert notes == {key: list(range(1, 41)) for key in "abc"}


async def test_two_tasks_of_one_key_are_never_in_one_claim(db: Connection) -> None:
    await db.execute(KEYED, "toy.note", "one", 5)
    await db.execute(KEYED, "toy.note", "two", 5)
    rows = await claim(db, "toy.note", 10)
    assert sorted(row["concurrency_key"] for row in rows) == ["one", "two"]
    assert [row["payload"] for row in rows] == ['{"note": "1"}'] * 2
    assert await claim(db, "toy.note", 10) == []


@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_a_claim_passes_over_a_key_that_an_open_claim_takes(database: Database, db: Connection, end: str) -> None:
    await db.execute(KEYED, "toy.note", "k", 3)
    await enqueue(db, "toy.act", {}, concurrency_key="k")
    first, second = await database.connect(), await database.connect(statement_timeout="2000")
    await first.execute("begin")
    assert len(await claim(first, "toy.note")) == 1
    assert await claim(second, "toy.note") == []
    assert await claim(second, "toy.act") == []
    await first.execute(end)
    taken = await claim(second, "toy.act")
    assert len(taken) == (0 if end == "commit" else 1)


async def test_the_index_refuses_a_second_running_task_of_a_key(db: Connection) -> None:
    await db.execute(KEYED, "toy.note", "k", 2)
    await claim(db, "toy.note")
    with pytest.raises(Exception, match="task_queue_running"):
        await db.execute("update task_queue set status = 'processing' where status = 'pending'")


async def test_a_finished_key_wakes_a_pool_of_another_type(db: Connection, workers: Workers) -> None:
    started = [await workers.start("toy.act", poll_s=0), await workers.start("toy.note", poll_s=0)]
    blocking = await enqueue(db, "toy.act", held("busy"), concurrency_key="k")
    await entered("busy")
    waiting = await enqueue(db, "toy.note", {"note": "freed"}, concurrency_key="k")
    free = await enqueue(db, "toy.note", {"note": "free"}, concurrency_key="other")
    await ended(db, free)
    await wait_asleep(*started)
    open_door("busy")
    await ended(db, blocking)
    assert (await ended(db, waiting, 5))["status"] == "completed"


async def test_keys_are_served_earliest_first_and_none_starves(db: Connection) -> None:
    """One slot, and a key with many older tasks: the younger key comes when its time is the earliest."""
    await db.execute(KEYED, "toy.note", "many", 20)
    await db.execute(
        "update task_queue set scheduled_for = scheduled_for + interval '5.5 ms' where payload ->> 'note' > '50'"
    )
    await enqueue(db, "toy.note", {"note": "late"}, concurrency_key="few")
    rows = await work_off(db, "toy.note", 1)
    assert all(a["scheduled_for"] <= b["scheduled_for"] for a, b in pairwise(rows))
    assert len(rows) == 21


async def test_with_room_every_free_key_gets_a_run_before_any_gets_a_second(db: Connection) -> None:
    for number in range(8):
        await db.execute(KEYED, "toy.note", f"key {number}", 10)
    seen: list[set[str]] = []
    while rows := await claim(db, "toy.note", 8):
        seen.append({row["concurrency_key"] for row in rows})
        await complete(db, [row["id"] for row in rows])
    assert seen == [{f"key {number}" for number in range(8)}] * 10


async def test_thousands_behind_one_busy_key_stop_nobody(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act", poll_s=0)
    await db.execute(
        """insert into task_queue (task_type, payload, concurrency_key, scheduled_for)
           select 'toy.act', $1, 'busy', now() - interval '1 hour' from generate_series(1, 5000)""",
        '{"act": "at_the_door", "arg": "busy"}',
    )
    await entered("busy")
    others = [
        await enqueue(db, "toy.act", {"act": "note_text", "arg": str(n)}, concurrency_key=f"free {n % 7}")
        for n in range(50)
    ]
    waits = []
    for task_id in others:
        row = await ended(db, task_id, 10)
        waits.append((row["started_at"] - row["created_at"]).total_seconds())
    assert sorted(waits)[len(waits) // 2] < 1, waits  # behind the busy key each would wait for the door
    assert await db.fetchval("select count(*) from task_queue where status = 'pending'") == 4999
    await db.execute("delete from task_queue where status = 'pending'")
    open_door("busy")


async def test_a_crowded_window_is_followed_by_a_walk_over_all_keys(db: Connection) -> None:
    await db.execute(KEYED, "toy.note", "busy", 2000)
    await claim(db, "toy.note", 1)
    await db.execute(DISTINCT_KEYS, "toy.note", "key %s", 30, -1)
    assert len(await claim(db, "toy.note", 50)) == 30


async def busy_and_far_more_than_a_look_can_see(db: Connection) -> None:
    """Due rows of a busy key beyond the widest window, and keys that are not due beyond one walk."""
    await db.execute(KEYED, "toy.note", "busy", 21_000)
    await claim(db, "toy.note", 1)
    await db.execute(DISTINCT_KEYS, "toy.note", "future %s", 2500, 3600)


async def test_the_walk_goes_on_where_it_stopped_and_comes_round(db: Connection) -> None:
    """1,000 visits a claim; keys that are not due yet cost visits too."""
    await busy_and_far_more_than_a_look_can_see(db)
    await enqueue(db, "toy.note", {"note": "z"}, concurrency_key="z")
    positions: list[str | None] = []
    taken: list[str] = []
    after: str | None = None
    for _ in range(8):
        rows = await claim_rows(db, "toy.note", 5, after=after)
        (after,) = [row["concurrency_key"] for row in rows if row["id"] is None] or [None]
        positions.append(after)
        taken += [row["concurrency_key"] for row in rows if row["id"]]
        if len(positions) == 3:
            await enqueue(db, "toy.note", {"note": "a"}, concurrency_key="a")
    assert positions[:3] == ["future 000999", "future 001999", ""]
    assert taken == ["z", "a"]


async def test_a_worker_that_cannot_see_all_keys_keeps_looking(db: Connection, workers: Workers) -> None:
    """Polling is off and the walk has to come round: the gate's last question answers "perhaps" and nobody sleeps."""
    await busy_and_far_more_than_a_look_can_see(db)
    await workers.start("toy.note", poll_s=0)
    far = await enqueue(db, "toy.note", {"note": "z"}, concurrency_key="z")
    near = await enqueue(db, "toy.note", {"note": "a"}, concurrency_key="a")
    assert [(await ended(db, each, 20))["status"] for each in (far, near)] == ["completed"] * 2


async def test_a_wide_window_finds_a_due_key_behind_a_busy_one_and_thousands_of_future_keys(db: Connection) -> None:
    await db.execute(KEYED, "toy.note", "busy", 2000)
    await claim(db, "toy.note", 1)
    await db.execute(DISTINCT_KEYS, "toy.note", "future %s", 5000, 3600)
    await enqueue(db, "toy.note", {"note": "z"}, concurrency_key="z")
    assert [row["concurrency_key"] for row in await claim(db, "toy.note", 5)] == ["z"]


async def test_a_key_with_only_future_tasks_is_passed_over(db: Connection) -> None:
    await db.execute(DISTINCT_KEYS, "toy.note", "future %s", 500, 60)
    await enqueue(db, "toy.note", {"note": "due"}, concurrency_key="due")
    assert [row["concurrency_key"] for row in await claim(db, "toy.note", 5)] == ["due"]


async def test_a_bell_that_finds_its_key_still_busy_is_not_forgotten(
    database: Database, db: Connection, workers: Workers
) -> None:
    """The run that holds the key has looked for whom to ring, and commits only after the new task's bell was heard
    and its claim came back empty: nobody rings again."""
    running = await workers.start("toy.note", poll_s=0)
    await wait_asleep(running)
    await enqueue(db, "toy.act", {}, concurrency_key="k")
    (run,) = await claim(db, "toy.act")
    committing = await database.connect()
    await committing.execute("begin")
    await complete(committing, [run["id"]])  # looked for pending tasks of the key before: there was none
    before = claims_of(running, "toy.note")
    task_id = await enqueue(db, "toy.note", {"note": "waits"}, concurrency_key="k")
    await wait_looked(running, "toy.note", before)
    await committing.execute("commit")
    assert (await ended(db, task_id, 5))["status"] == "completed"


async def test_a_reaped_key_wakes_a_pool_of_another_type(db: Connection, workers: Workers) -> None:
    await enqueue(db, "toy.act", {}, concurrency_key="k")
    await claim(db, "toy.act", worker="dead")
    running = await workers.start("toy.note", poll_s=0)
    waiting = await enqueue(db, "toy.note", {"note": "freed"}, concurrency_key="k")
    await ended(db, await enqueue(db, "toy.note", {"note": "free"}))
    await wait_asleep(running)
    await db.execute("select * from rowmill.reap('dead', 10)")
    assert (await ended(db, waiting, 5))["status"] == "completed"


async def test_an_unkeyed_backlog_does_not_starve_the_keys_of_its_type(db: Connection) -> None:
    await db.execute("insert into task_queue (task_type, payload) select 'toy.note', '{}' from generate_series(1, 500)")
    await enqueue(db, "toy.note", {"note": "keyed"}, concurrency_key="k")
    taken: list[UUID] = []
    for number in range(1, 17):
        rows = await claim(db, "toy.note", 10, oldest=number % 8 == 0)
        await complete(db, [row["id"] for row in rows])
        taken += [row["id"] for row in rows if row["concurrency_key"]]
    assert len(taken) == 1
