"""kill -9 of a worker in each window of claim, work and commit: all effects of a task, once; none lost."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

from core.db.connect import Connection
from tests.processes.programs import Programs, appears, notes_by_task, runs_of, sleeps_in, workers_up
from tests.running import Database, Workers, all_ended, ended, enqueue, task_row, until

LOST = (1, False, "worker lost")
SLOW = """
create function asleep() returns trigger language plpgsql as $$ begin perform pg_sleep(0.8); return new; end $$;
create trigger slow_claim before update on task_queue for each row
    when (new.status = 'processing' and new.task_type = 'toy.batch' and new.run_no = 1) execute function asleep();
create trigger slow_commit before insert on toy_notes for each row
    when (new.note = 'commit') execute function asleep();
"""
KILLS = 5
LOAD = """
insert into task_queue (task_type, payload)
select 'toy.note', jsonb_build_object('note', 'n' || i) from generate_series(1, 400) i
union all
select 'toy.set', jsonb_build_object('row_id', i % 50, 'value', $1 || i) from generate_series(1, 100) i
"""
COMPLETED = "select count(*) from task_queue where status = 'completed'"
NOT_ONCE = """
select q.task_type, q.id from task_queue q
left join toy_notes n on n.task_id = q.id
left join toy_edits e on e.task_id = q.id
left join robot_input_events r on r.task_id = q.id and r.success
group by q.id having count(distinct n.note_no) + count(distinct e.edit_no) <> 1 or count(distinct r.run_no) <> 1
"""
NOT_REPLAYED = """
select r.id from toy_rows r
join lateral (select after from toy_edits e where e.row_id = r.id order by edit_no desc limit 1) e on true
where r.value is distinct from e.after
"""


async def completed(db: Connection, count: int) -> None:
    async def look() -> bool:
        found: int = await db.fetchval(COMPLETED)
        return found >= count

    await until(look, what=f"{count} completed tasks")


async def test_a_kill_in_any_window_leaves_each_effect_exactly_once(
    database: Database, db: Connection, workers: Workers, tmp_path: Path
) -> None:
    """One worker holds five tasks, each in another window, when it is killed; a second one finds them by the lease."""
    await db.execute(SLOW)
    domains = "tests.toy,tests.processes.acts"
    victim = await workers.spawn(domains=domains, lease_s="3", watchdog_s="0")
    reaper = await workers.start("toy.narrow", lease_s=3)
    during_work = await enqueue(db, "toy.act", {"act": "at_file", "arg": f"{tmp_path}/work"})
    between = await enqueue(db, "toy.act", {"act": "chunks_at_file", "arg": f"{tmp_path}/chunks"})
    await appears(tmp_path / "work.1")
    await appears(tmp_path / "chunks.1")
    in_commit = await enqueue(db, "toy.note", {"note": "commit"})
    await sleeps_in(db, "toy_notes")
    in_claim = await enqueue(db, "toy.batch", {"note": "claimed"})
    await sleeps_in(db, "rowmill.claim")
    victim.signal(signal.SIGKILL)
    await victim.wait()

    await db.execute("drop trigger slow_commit on toy_notes")
    (tmp_path / "work.open").touch()
    tasks = [during_work, between, in_commit, in_claim]
    await until(lambda: db.fetchval("select count(*) = 4 from task_queue where crashes = 1"), what="the reaping")
    assert not await db.fetchval("select true from rowmill.workers where worker_id = $1", victim.worker_id)
    await workers.start("toy.act", "toy.note", "toy.batch", lease_s=3)
    rows = [await ended(db, task_id) for task_id in tasks]
    assert {(row["status"], row["attempts"], row["crashes"], row["run_no"]) for row in rows} == {("completed", 1, 1, 2)}
    assert await notes_by_task(db) == {
        during_work: ["work"],
        between: ["chunk 0", "chunk 1", "chunk 2"],
        in_commit: ["commit"],
        in_claim: ["claimed of 1"],
    }
    for task_id in tasks:
        assert await runs_of(db, task_id) == [LOST, (2, True, None)]
    await reaper.stop()


async def test_random_kills_under_load_lose_and_double_nothing(
    database: Database, db: Connection, programs: Programs
) -> None:
    """A producer goes on while workers are killed, also in the middle of a COMMIT; their parent replaces them."""
    choose = random.Random(20)
    fleet = await programs.rowmill("work", "--processes", "2", database=database, lease_s="60")
    killed: list[str] = []
    while len(killed) < KILLS:
        alive = await workers_up(db, 2, killed)
        await db.execute(LOAD, f"{len(killed)}.")
        await completed(db, await db.fetchval(COMPLETED) + choose.randrange(400))
        killed.append(choose.choice(sorted(alive)))
        os.kill(alive[killed[-1]], signal.SIGKILL)
    await all_ended(db)
    counts = await db.fetch("select status, attempts, count(*) from task_queue group by 1, 2")
    assert [tuple(row) for row in counts] == [("completed", 1, KILLS * 500)]
    assert await db.fetch(NOT_ONCE) == []
    assert await db.fetch(NOT_REPLAYED) == []
    fleet.signal(signal.SIGTERM)
    assert await fleet.wait() == 0


async def test_a_task_that_kills_its_worker_fails_when_it_crashes_alone_and_innocents_complete(
    database: Database, db: Connection, programs: Programs
) -> None:
    await programs.rowmill("work", "--processes", "2", database=database, lease_s="60")
    await workers_up(db, 2)
    innocents = [await enqueue(db, "toy.note", {"note": f"innocent {number}"}) for number in range(20)]
    poison = await enqueue(db, "toy.act", {"act": "die"})
    row = await ended(db, poison)
    assert (row["status"], row["attempts"], row["crashes"], row["run_no"]) == ("failed", 0, 3, 3)
    assert row["error_message"] == (
        "crash_loop: it ran alone in a child process, after 2 crashes of its workers, and the process was ended by"
        " signal 9 (SIGKILL)"
    )
    lost = [(run_no, False, "worker lost") for run_no in (1, 2)]
    assert await runs_of(db, poison) == [*lost, (3, False, row["error_message"])]
    for task_id in innocents:
        assert (await ended(db, task_id))["status"] == "completed"
    assert await notes_by_task(db) == {task_id: [f"innocent {n}"] for n, task_id in enumerate(innocents)}


async def test_a_looking_row_of_a_dead_worker_delays_nobody_beyond_a_poll(
    database: Database, db: Connection, workers: Workers
) -> None:
    """While somebody is said to look, producers ring no bell: only the poll of each process finds the row."""
    await workers.start("toy.note")
    ghost = "insert into rowmill.gate values ('toy.note', 'ghost', 'looking', clock_timestamp() + interval '1 hour')"
    await db.execute(ghost)
    task_id = await enqueue(db, "toy.note", {"note": "found"})
    await ended(db, task_id)
    row = await task_row(db, task_id)
    assert (row["started_at"] - row["created_at"]).total_seconds() < 2.5
