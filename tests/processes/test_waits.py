"""kill -9 around a wait: while nobody lives, and in the run that the signal brought. Effects once, signals once."""

from __future__ import annotations

import signal
from pathlib import Path

from core.db.connect import Connection
from tests.core.queue.waits import notes, signalled, waits
from tests.processes.programs import appears, runs_of
from tests.running import Workers, ended, enqueue

DOMAINS = "tests.toy,tests.processes.acts"


async def test_a_wait_outlives_its_worker_and_is_answered_while_nobody_lives(db: Connection, workers: Workers) -> None:
    first = await workers.spawn(domains=DOMAINS, lease_s="3")
    task_id = await enqueue(db, "toy.act", {"act": "wait", "arg": {"signal": "k"}})
    await waits(db, task_id, "k")
    first.signal(signal.SIGKILL)
    await first.wait()
    assert await signalled(db, "k", "yes") == "continued"
    await workers.spawn(domains=DOMAINS, lease_s="3")
    row = await ended(db, task_id)
    assert (row["status"], row["crashes"], row["attempts"]) == ("completed", 0, 1)
    assert await notes(db) == ["asks", "k says yes"]


async def test_a_kill_in_the_run_after_the_signal_leaves_it_to_the_next_run(
    db: Connection, workers: Workers, tmp_path: Path
) -> None:
    victim = await workers.spawn(domains=DOMAINS, lease_s="3", watchdog_s="0")
    task_id = await enqueue(db, "toy.act", {"act": "wait_then_stand", "arg": f"{tmp_path}/stands"})
    await waits(db, task_id, "go on")
    await signalled(db, "go on", "yes")
    await appears(tmp_path / "stands.2")
    victim.signal(signal.SIGKILL)
    await victim.wait()
    (tmp_path / "stands.open").touch()
    await workers.spawn(domains=DOMAINS, lease_s="3")
    row = await ended(db, task_id)
    assert (row["status"], row["crashes"]) == ("completed", 1)
    assert await runs_of(db, task_id) == [(1, True, None), (2, False, "worker lost"), (3, True, None)]
    assert await notes(db) == ["asks", "half of yes", "rest of yes"]
    assert await db.fetchval("select count(*) from rowmill.signals") == 1
