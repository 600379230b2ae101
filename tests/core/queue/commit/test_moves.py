"""The transitions a database sees in a life with everything in it are exactly those that `core.state` names."""

from __future__ import annotations

from typing import Any, get_args
from uuid import UUID

from core.db.connect import Connection
from core.state import MOVES, Status
from tests.committing import Bench, tuples
from tests.core.queue.waits import asks, signalled
from tests.running import Workers, ended, enqueue, until

ACTS_OF_A_LIFE: list[tuple[str, Any]] = [
    ("note_text", "n"),
    ("fail", "no"),
    ("cancel", "no"),
    ("snooze_once", 0.01),
    ("explode", "oh"),
    ("chunks", 3),
]
LOGGED = """
create table public.moves (task_id uuid, was text, became text);
create function log_move() returns trigger language plpgsql as $$
begin
    insert into public.moves values (new.id, old.status, new.status);
    return null;
end $$;
create trigger log_move after update on task_queue for each row
when (old.status <> new.status) execute function log_move()
"""


async def test_the_database_makes_every_move_of_the_table_and_no_other(
    db: Connection, workers: Workers, bench: Bench
) -> None:
    await db.execute(LOGGED)
    await crash_loops(db, bench)
    cancelled = await enqueue(db, "toy.note", {"note": "never"})
    await db.execute("select cancel_task($1)", cancelled)
    worker = await workers.start("toy.act", "toy.set", "toy.note")
    ids = [await enqueue(db, "toy.act", {"act": act, "arg": arg}, max_attempts=2) for act, arg in ACTS_OF_A_LIFE]
    rows = {act: await ended(db, task_id) for (act, _), task_id in zip(ACTS_OF_A_LIFE, ids, strict=True)}
    for act in ("note_text", "fail", "cancel"):
        await db.execute("select retry_task($1)", rows[act]["id"])
    for task_id in ids:
        await ended(db, task_id)
    await returned_by_a_drain(db, workers)
    await waits_of_all_ends(db)
    seen = {(was, became) for was, became in await tuples(db, "select distinct was, became from moves")}
    assert seen == MOVES
    assert {status for move in seen for status in move} <= set(get_args(Status))
    assert not worker.task.done()


async def crash_loops(db: Connection, bench: Bench) -> None:
    """Two workers die with one task: processing -> pending twice; then it crashes alone: -> failed."""
    task_id = await enqueue(db, "toy.set", {"row_id": 1, "value": "x"})
    for _ in range(2):
        assert len(await bench.claimer.claim(bench.operator, 1)) == 1
        await db.execute("select rowmill.reap($1, 10)", bench.worker_id)
    assert await bench.claimer.claim(bench.operator, 1) == []
    assert await db.fetchval("select id from rowmill.take($1, 'child', 'here', 1, 30)", task_id) == task_id
    await db.execute("select rowmill.end_child('child', 2, 'it died', null)")
    row = await ended(db, task_id)
    assert (row["status"], row["crashes"]) == ("failed", 3)


async def returned_by_a_drain(db: Connection, workers: Workers) -> UUID:
    """A running task goes back when its worker is stopped, and one whose end is asked for is cancelled."""
    task_id = await enqueue(db, "toy.act", {"act": "sleep", "arg": 60})
    await until(lambda: db.fetchval("select status = 'processing' from task_queue where id = $1", task_id))
    await db.execute("select cancel_task($1)", task_id)
    assert (await ended(db, task_id))["status"] == "cancelled"
    return task_id


async def waits_of_all_ends(db: Connection) -> None:
    """A wait ends by its signal, by its time-out, or cancelled."""
    answered, cancelled = await asks(db, "answered"), await asks(db, "cancelled")
    late = await enqueue(db, "toy.act", {"act": "wait", "arg": {"signal": "late", "timeout_s": 0.01}})
    await signalled(db, "answered", "yes")
    await db.execute("select cancel_task($1)", cancelled)
    statuses = [(await ended(db, task_id))["status"] for task_id in (answered, cancelled, late)]
    assert statuses == ["completed", "cancelled", "failed"]


async def test_every_started_run_leaves_its_row(db: Connection, workers: Workers) -> None:
    """Completed, failed, retried, snoozed and cancelled runs alike: as many run rows as run numbers were given out."""
    await workers.start("toy.act")
    for act, arg in ACTS_OF_A_LIFE:
        await ended(db, await enqueue(db, "toy.act", {"act": act, "arg": arg}, max_attempts=3))
    runs = await tuples(db, "select task_id, count(*), max(run_no) from robot_input_events group by task_id")
    assert all(count == last for _, count, last in runs)
    assert sorted(runs) == await tuples(db, "select id, run_no, run_no from task_queue order by id")
