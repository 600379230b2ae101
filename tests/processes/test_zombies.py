"""A worker that stood still past its lease is a zombie: its tasks have run elsewhere, and it writes nothing."""

from __future__ import annotations

import signal
from pathlib import Path

from core.db.connect import Connection
from tests.processes.programs import appears, notes_by_task, runs_of
from tests.running import Database, OwnProcess, Workers, ended, enqueue, task_row, until

LEASES_OVER = "select bool_and(lease_until < clock_timestamp()) from rowmill.workers where worker_id = any ($1)"


async def test_a_stalled_worker_writes_nothing_and_ends_by_itself_unless_the_watchdog_is_off(
    database: Database, db: Connection, workers: Workers, tmp_path: Path
) -> None:
    """Two workers are stopped past their lease while each holds a run; the runs are done again elsewhere; both wake."""
    domains = "tests.toy,tests.processes.acts"
    zombie = await workers.spawn("--only", "toy.act", domains=domains, lease_s="3", watchdog_s="0")
    first = await enqueue(db, "toy.act", {"act": "at_file", "arg": f"{tmp_path}/zombie"})
    await appears(tmp_path / "zombie.1")
    watched = await workers.spawn("--only", "toy.narrow", domains=domains, lease_s="3")
    second = await enqueue(db, "toy.narrow", {"act": "at_file", "arg": f"{tmp_path}/watched"})
    await appears(tmp_path / "watched.1")
    for stopped in (zombie, watched):
        stopped.signal(signal.SIGSTOP)

    rescuer = await workers.start("toy.act", "toy.narrow", lease_s=3)
    await appears(tmp_path / "zombie.2")
    await appears(tmp_path / "watched.2")
    (tmp_path / "zombie.open").touch()
    (tmp_path / "watched.open").touch()
    rows = [await ended(db, task_id) for task_id in (first, second)]
    assert {(row["worker_id"], row["run_no"], row["attempts"]) for row in rows} == {(rescuer.worker_id, 2, 1)}
    await rescuer.stop()

    for stopped in (zombie, watched):
        stopped.signal(signal.SIGCONT)
    assert await watched.wait() == 1
    assert "Timeout" in watched.log.read_text()
    await until(lambda: _lost(zombie), what="the zombie's loss of its claim")
    assert await notes_by_task(db) == {first: ["zombie"], second: ["watched"]}
    for task_id in (first, second):
        assert await runs_of(db, task_id) == [(1, False, "worker lost"), (2, True, None)]
    later = await enqueue(db, "toy.act", {"act": "note_text", "arg": "back at work"})
    assert (await ended(db, later))["worker_id"] == zombie.worker_id


async def _lost(worker: OwnProcess) -> bool:
    return [line["outcome"] for line in worker.lines() if line["event"] == "run"] == ["lost"]


async def test_workers_that_slept_with_their_machine_do_not_reap_each_other(
    database: Database, db: Connection, workers: Workers, tmp_path: Path
) -> None:
    """All were stopped past their lease and wake one by one: the second looks dead to the first, and is not."""
    domains = "tests.toy,tests.processes.acts"
    sleepers = []
    for name, task_type in (("a", "toy.act"), ("b", "toy.narrow")):
        sleepers.append(await workers.spawn("--only", task_type, domains=domains, lease_s="3", watchdog_s="0"))
        await enqueue(db, task_type, {"act": "at_file", "arg": f"{tmp_path}/{name}"})
        await appears(tmp_path / f"{name}.1")
    reaping = "select bool_and(started_at < clock_timestamp() - interval '3.5 s') from rowmill.workers"
    await until(lambda: db.fetchval(reaping), what="workers that are old enough to reap")
    for sleeper in sleepers:
        sleeper.signal(signal.SIGSTOP)
    ids = [sleeper.worker_id for sleeper in sleepers]
    await until(lambda: db.fetchval(LEASES_OVER, ids), what="the end of both leases")
    first, second = sleepers
    first.signal(signal.SIGCONT)
    woken = await db.fetchval("select clock_timestamp()")
    beaten = f"select beat_at > $1::timestamptz + interval '1.3 s' from rowmill.workers where worker_id = '{ids[0]}'"
    await until(lambda: db.fetchval(beaten, woken), what="a few beats of the first, and as many looks for the dead")
    second.signal(signal.SIGCONT)
    for name in ("a", "b"):
        (tmp_path / f"{name}.open").touch()
    done = "select array_agg((status, run_no, crashes)::text) from task_queue having bool_and(status = 'completed')"
    assert await until(lambda: db.fetchval(done), what="both tasks") == ["(completed,1,0)"] * 2


async def test_a_run_lost_and_claimed_anew_by_the_same_worker_is_held_to_its_end(
    database: Database, db: Connection, workers: Workers, tmp_path: Path
) -> None:
    """The end of the lost run must not make the worker forget the new one: it would give it back as stranded."""
    worker = await workers.start("toy.act", lease_s=3)
    task_id = await enqueue(db, "toy.act", {"act": "at_file", "arg": f"{tmp_path}/twice"})
    await appears(tmp_path / "twice.1")
    await db.execute("select rowmill.reap($1, 10)", worker.worker_id)
    await appears(tmp_path / "twice.2")
    (tmp_path / "twice.1.open").touch()
    old = "select started_at < clock_timestamp() - interval '3 s' from task_queue where id = $1"
    await until(lambda: db.fetchval(old, task_id), what="a claim old enough to look stranded")
    row = await task_row(db, task_id)
    assert (row["status"], row["run_no"]) == ("processing", 2)
    (tmp_path / "twice.open").touch()
    await ended(db, task_id)
    assert await notes_by_task(db) == {task_id: ["twice"]}
