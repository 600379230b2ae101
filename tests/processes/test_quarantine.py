"""A task that breaks its process is found, runs alone in a child within limits, and ends in quarantine. Its neighbours
end completed, whatever they were there for: no attempt is used, each effect is there once."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest

from core.db.connect import Connection
from tests.processes.programs import Programs, appears, notes_by_task, workers_up
from tests.running import Database, ended, enqueue, task_row, until

MEMORY = {"memory_mb": "256", "child_memory_mb": "256"}
NEVER_FAILED = """
select count(*) from task_queue
where id = any ($1::uuid[]) and status = 'completed' and attempts = 1
"""
ONCE = "select count(distinct task_id) = $1 and count(*) = $1 from toy_notes"


async def suspect(db: Connection, act: str, arg: object = None, **columns: object) -> UUID:
    """A task whose workers died twice."""
    return await enqueue(db, "toy.act", {"act": act, "arg": arg}, crashes=2, **columns)


async def completed(db: Connection, tasks: Sequence[UUID], limit_s: float = 90) -> None:
    async def look() -> bool:
        found: int = await db.fetchval(NEVER_FAILED, tasks)
        return found == len(tasks)

    await until(look, limit_s, "the end of the innocents")


@pytest.mark.timeout(300)
async def test_ten_memory_bombs_among_two_hundred_innocents(
    database: Database, db: Connection, programs: Programs
) -> None:
    """The innocents share slots, types and processes with the bombs."""
    await db.execute("set rowmill.quiet = on")
    innocents, bombs = [], []
    for number in range(200):
        if number % 3 == 0 and number < 30:
            bombs.append(await enqueue(db, "toy.act", {"act": "bomb", "arg": 4000}))
        kind = {"act": "note_text", "arg": f"{number}"} if number % 2 else {"note": f"{number}"}
        innocents.append(await enqueue(db, "toy.act" if number % 2 else "toy.note", kind))
    server = await db.fetchval("select pg_postmaster_start_time()")
    fleet = await programs.rowmill("work", "--processes", "2", database=database, lease_s="60", **MEMORY)
    for bomb in bombs:
        row = await ended(db, bomb, 200)
        assert (row["status"], row["attempts"]) == ("failed", 0)
        assert row["crashes"] in {3, 4}  # a fourth one where the worker that watched it died of another bomb
        assert re.fullmatch(
            r"crash_loop: it ran alone in a child process, after [23] crashes of its workers,"
            r" and needed more than 256 MB of memory",
            row["error_message"],
        )
    await completed(db, innocents)
    assert await db.fetchval(ONCE, 200)
    assert await db.fetchval("select pg_postmaster_start_time()") == server
    await workers_up(db, 2, limit_s=60)
    fleet.signal(signal.SIGTERM)
    assert await fleet.wait() == 0
    assert await db.fetchval("select count(*) from rowmill.workers") == 0


ENDINGS = {
    "segfault": ({}, "and the process was ended by signal 11 (SIGSEGV)"),
    "spin": ({"child_cpu_s": "4"}, "and used more than 4 s of processor time"),
    "backtrack": ({"lease_s": "3"}, "and stood still for longer than 2.1 s"),
    "bomb": (MEMORY, "and needed more than 256 MB of memory"),
    "stubborn": ({"child_time_s": "3", "drain_s": "1"}, "and did not end when its time was over"),
}


@pytest.mark.timeout(200)
@pytest.mark.parametrize("act", ENDINGS)
async def test_whatever_breaks_a_child_is_its_own_end_and_said(
    database: Database, db: Connection, programs: Programs, tmp_path: Path, act: str
) -> None:
    settings, words = ENDINGS[act]
    worker = await programs.rowmill("work", "--only", "toy.*", database=database, **settings)
    task_id = await suspect(db, act, {"bomb": 4000, "stubborn": f"{tmp_path}/in"}.get(act))
    row = await ended(db, task_id, 120)
    assert (row["status"], row["attempts"], row["crashes"]) == ("failed", 0, 3)
    assert row["error_message"].startswith(
        "crash_loop: it ran alone in a child process, after 2 crashes of its workers, "
    )
    assert words in row["error_message"]
    runs = await db.fetch("select run_no, success, error_message from robot_input_events where task_id = $1", task_id)
    assert [tuple(run) for run in runs] == [(1, False, row["error_message"])]
    assert await db.fetchval("select reason like 'it is quarantined after 3 crashes;%' from monitoring.stuck_tasks")
    await workers_up(db, 1, limit_s=90)
    worker.signal(signal.SIGTERM)
    assert await worker.wait() == 0


async def test_an_innocent_suspect_completes_in_its_child_and_only_there(
    database: Database, db: Connection, programs: Programs
) -> None:
    """Of each kind: plain, keyed, in turn with another task of the key; what is not a suspect runs in the worker."""
    tasks = {
        await suspect(db, "note_if_child", "plain"): "plain True",
        await suspect(db, "note_if_child", "keyed", concurrency_key="k"): "keyed True",
        await suspect(db, "note_if_child", "keyed too", concurrency_key="k"): "keyed too True",
        await enqueue(
            db, "toy.act", {"act": "note_if_child", "arg": "neighbour"}, concurrency_key="k"
        ): "neighbour False",
        await enqueue(db, "toy.act", {"act": "note_if_child", "arg": "once"}, crashes=1): "once False",
    }
    await db.execute("insert into toy_rows (id, value) values (1, 'a')")
    copies = [
        await enqueue(db, "toy.copy", {"source": 1, "target": 2}, crashes=crashes, concurrency_key="c")
        for crashes in (2, 0, 2, 0)
    ]
    await programs.rowmill("work", "--only", "toy.*", database=database)
    await completed(db, [*tasks, *copies])
    assert await notes_by_task(db) == {task_id: [note] for task_id, note in tasks.items()}
    assert await db.fetchval("select value from toy_rows where id = 2") == "a"
    assert await db.fetchval("select bool_and(crashes <= 2 and run_no = 1) from task_queue")


async def test_only_restricts_the_children_too(database: Database, db: Connection, programs: Programs) -> None:
    mine, other = await suspect(db, "note_if_child", "mine"), await enqueue(db, "toy.note", {"note": "n"}, crashes=2)
    await programs.rowmill("work", "--only", "toy.act", database=database)
    await completed(db, [mine])
    assert await db.fetchval("select status = 'pending' and run_no = 0 from task_queue where id = $1", other)


async def test_a_child_that_is_drained_with_its_parent_burns_nothing(
    database: Database, db: Connection, programs: Programs, tmp_path: Path
) -> None:
    """One that takes too long goes back; one that is quick enough ends."""
    worker = await programs.rowmill("work", "--only", "toy.*", database=database, drain_s="1")
    task_id = await suspect(db, "at_file", f"{tmp_path}/door")
    await appears(tmp_path / "door.1")
    worker.signal(signal.SIGTERM)
    assert await worker.wait() == 0
    row = await task_row(db, task_id)
    assert (row["status"], row["attempts"], row["crashes"], row["worker_id"]) == ("pending", 0, 2, None)
    assert await db.fetchval("select count(*) from rowmill.workers") == 0
    worker = await programs.rowmill("work", "--only", "toy.*", database=database, drain_s="20")
    await appears(tmp_path / "door.2")
    worker.signal(signal.SIGTERM)
    (tmp_path / "door.open").touch()
    assert await worker.wait() == 0
    row = await task_row(db, task_id)
    assert (row["status"], row["attempts"], row["crashes"], row["run_no"]) == ("completed", 1, 2, 2)


async def test_a_child_killed_with_its_whole_family_is_not_quarantined(
    database: Database, db: Connection, programs: Programs, tmp_path: Path
) -> None:
    """A power cut is no fault of the task: nobody saw it crash. It runs alone once more."""
    family = await programs.rowmill("work", "--only", "toy.*", database=database, lease_s="3")
    task_id = await suspect(db, "at_file", f"{tmp_path}/door")
    await appears(tmp_path / "door.1")
    os.killpg(family.pid, signal.SIGKILL)
    await family.wait()
    (tmp_path / "door.open").touch()
    await programs.rowmill("work", "--only", "toy.*", database=database, lease_s="3")
    row = await ended(db, task_id, 60)
    assert (row["status"], row["attempts"], row["crashes"], row["run_no"]) == ("completed", 1, 3, 2)


@pytest.mark.timeout(300)
async def test_a_worker_killed_with_fifty_claims_makes_no_innocent_fail(
    database: Database, db: Connection, programs: Programs, tmp_path: Path
) -> None:
    """Twice, so that some of them become suspects."""
    fleet = await programs.rowmill("work", "--processes", "2", "--only", "toy.*", database=database, lease_s="60")
    tasks = [await enqueue(db, "toy.note", {"note": f"{n}"}, concurrency_key="k") for n in range(5)]
    tasks += [await enqueue(db, "toy.act", {"act": "at_file", "arg": f"{tmp_path}/{n}"}) for n in range(45)]
    gone: list[str] = []
    held = "select count(*) >= 40 from task_queue where status = 'processing'"
    for _ in range(2):
        alive = await workers_up(db, 2, gone, 60)
        await until(lambda: db.fetchval(held), 60, "the claims")
        for worker_id, pid in alive.items():
            os.kill(pid, signal.SIGKILL)
            gone.append(worker_id)
    for number in range(45):
        (tmp_path / f"{number}.open").touch()
    await completed(db, tasks, 110)
    assert await db.fetchval(ONCE, len(tasks))
    assert await db.fetchval("select count(*) >= 30 from task_queue where crashes = 2")
    fleet.signal(signal.SIGTERM)
    assert await fleet.wait() == 0


# --- by hand ---------------------------------------------------------------------------------------------------------


async def test_a_person_can_run_one_task_alone(database: Database, db: Connection, programs: Programs) -> None:
    task_id = await enqueue(db, "toy.act", {"act": "note_if_child", "arg": "by hand"})
    other = await enqueue(db, "toy.act", {"act": "note_if_child", "arg": "other"})
    program = await programs.rowmill("work", "--task", str(task_id), database=database)
    assert await program.wait() == 0
    assert await notes_by_task(db) == {task_id: ["by hand True"]}
    assert await db.fetchval("select status from task_queue where id = $1", other) == "pending"
    assert await db.fetchval("select count(*) from rowmill.workers") == 0
    again = await programs.rowmill("work", "--task", str(task_id), database=database)
    assert await again.wait() == 1
    assert "this task cannot run now: It completed at" in again.said()
    assert "Traceback" not in again.said()
