"""`rowmill work --processes N`: a parent that hears of its children's end, and children that hear of their parent's."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from core.db.connect import Connection
from core.queue import fleet as fleets
from core.queue.fleet import Fleet
from core.settings import Settings
from tests.processes.programs import Programs, appears, notes_by_task, runs_of, workers_up
from tests.running import Database, ended, enqueue, until

NO_WORKERS = "select not exists (select from rowmill.workers) and not exists (select from rowmill.gate)"


async def test_a_killed_childs_tasks_run_again_long_before_its_lease_ends_and_it_is_replaced(
    database: Database, db: Connection, programs: Programs, tmp_path: Path
) -> None:
    fleet = await programs.rowmill("work", "--processes", "2", database=database, lease_s="60")
    before = await workers_up(db, 2)
    task_id = await enqueue(db, "toy.act", {"act": "at_file", "arg": f"{tmp_path}/held"})
    await appears(tmp_path / "held.1")
    victim = await db.fetchval("select worker_id from task_queue where id = $1", task_id)
    killed_at = time.monotonic()
    os.kill(before[victim], signal.SIGKILL)
    await appears(tmp_path / "held.2")
    assert time.monotonic() - killed_at < 5
    (tmp_path / "held.open").touch()
    assert (await ended(db, task_id))["worker_id"] != victim
    assert await runs_of(db, task_id) == [(1, False, "worker lost"), (2, True, None)]
    assert await notes_by_task(db) == {task_id: ["held"]}

    after = await workers_up(db, 2, [victim])
    assert len(after.keys() - before.keys()) == 1
    fleet.signal(signal.SIGTERM)
    assert await fleet.wait() == 0
    assert await db.fetchval(NO_WORKERS)


async def test_children_of_a_killed_parent_drain_by_themselves(
    database: Database, db: Connection, programs: Programs, tmp_path: Path
) -> None:
    fleet = await programs.rowmill("work", "--processes", "2", database=database, lease_s="60")
    await workers_up(db, 2)
    task_id = await enqueue(db, "toy.act", {"act": "at_file", "arg": f"{tmp_path}/held"})
    await appears(tmp_path / "held.1")
    fleet.signal(signal.SIGKILL)
    await fleet.wait()
    await until(lambda: _one_left(db), what="the end of the idle child")
    (tmp_path / "held.open").touch()
    await until(lambda: db.fetchval(NO_WORKERS), what="the end of both children")
    row = await ended(db, task_id)
    assert (row["status"], row["run_no"]) == ("completed", 1)


async def _one_left(db: Connection) -> bool:
    count: int = await db.fetchval("select count(*) from rowmill.workers")
    return count == 1


async def test_one_child_of_a_fleet_reaps_nobody_but_itself(database: Database, db: Connection) -> None:
    """After an outage all leases are over; the parent that saw one child die speaks of that one only."""
    await db.execute(
        "insert into rowmill.workers (worker_id, host, pid, lease_until, task_types)"
        " select w, 'here', 1, now() - interval '1 minute', '{toy.note}' from unnest(array['dead', 'alive']) w"
    )
    await db.execute(
        "insert into task_queue (task_type, status, worker_id, run_no, attempts)"
        " select 'toy.note', 'processing', w, 1, 1 from unnest(array['dead', 'alive']) w"
    )
    reaped = await db.fetch("select worker_id from rowmill.reap('dead', 100)")
    assert [row["worker_id"] for row in reaped] == ["dead"]
    assert await db.fetchval("select array_agg(worker_id) from rowmill.workers") == ["alive"]


async def test_a_steady_child_that_dies_is_replaced_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleets, "STEADY_S", 0.0)
    fleet = Fleet(database.dsn, Settings(), 1, lambda _: [sys.executable, "-c", "input()"])
    running = asyncio.create_task(fleet.run())

    async def started(deaths: int) -> bool:
        return fleet.deaths == deaths and 0 in fleet.children and fleet.children[0].process.returncode is None

    await until(lambda: started(0), what="the first child")
    fleet.children[0].process.kill()
    await until(lambda: started(1), limit_s=3, what="its replacement")
    fleet.stop()
    await running


async def test_a_child_that_cannot_be_started_takes_no_other_with_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No memory for a process, no such program: it is tried again."""
    monkeypatch.setattr(fleets, "RESTART_AFTER_S", (0.05,))
    programs = iter(["/nonexistent/program", "/nonexistent/program"])
    fleet = Fleet(database.dsn, Settings(), 2, lambda _: [next(programs, sys.executable), "-c", "input()"])
    running = asyncio.create_task(fleet.run())

    async def both_live() -> bool:
        return len(fleet.children) == 2 and all(each.process.returncode is None for each in fleet.children.values())

    await until(both_live, what="both children")
    fleet.stop()
    await running
