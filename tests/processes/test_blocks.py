"""An operator that blocks the loop ends its process within the lease, with a traceback; its neighbours live on."""

from __future__ import annotations

import signal

from core.db.connect import Connection
from tests.processes.programs import Programs, notes_by_task, workers_up
from tests.running import Database, Workers, ended, enqueue


async def test_a_pattern_that_holds_the_interpreter_lock_ends_the_process_within_the_lease(
    database: Database, db: Connection, workers: Workers
) -> None:
    worker = await workers.spawn("--only", "toy.act", domains="tests.toy,tests.processes.acts", lease_s="3")
    await enqueue(db, "toy.act", {"act": "backtrack"})
    assert await worker.wait(limit_s=3 + 2) == 1  # the lease, and a moment to be scheduled on a busy machine
    said = worker.log.read_text()
    assert "Timeout (0:00:02.1" in said
    assert "in backtrack" in said


async def test_a_blocking_task_ends_in_quarantine_and_innocents_complete(
    database: Database, db: Connection, programs: Programs
) -> None:
    """Each process that runs the poison is ended by its watchdog; what else it held runs in another one."""
    fleet = await programs.rowmill("work", "--processes", "2", database=database, lease_s="60", watchdog_s="1")
    await workers_up(db, 2)
    poison = await enqueue(db, "toy.act", {"act": "block", "arg": 60})
    innocents = [await enqueue(db, "toy.note", {"note": f"innocent {number}"}) for number in range(20)]
    row = await ended(db, poison)
    assert (row["status"], row["attempts"], row["crashes"]) == ("failed", 0, 3)
    assert "and stood still for longer than 1 s" in row["error_message"]
    for task_id in innocents:
        assert (await ended(db, task_id))["status"] == "completed"
    assert await notes_by_task(db) == {task_id: [f"innocent {n}"] for n, task_id in enumerate(innocents)}
    assert fleet.said().count("in block") >= 3
    fleet.signal(signal.SIGTERM)
    assert await fleet.wait() == 0
