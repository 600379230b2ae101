"""`rowmill drain`: a worker asked by name drains as with SIGTERM, wherever it lives, and everybody sees it go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.db.connect import Connection
from tests.processes.programs import ALL_DOMAINS, Programs, appears, workers_up
from tests.running import Database, Workers, ended, enqueue, task_row, until

DOMAINS = "tests.toy,tests.processes.acts"


async def _shown(db: Connection, worker_id: str) -> dict[str, Any]:
    row = await db.fetchrow("select * from monitoring.workers where worker_id = $1", worker_id)
    return dict(row) if row else {}


async def test_a_worker_asked_by_name_finishes_what_it_runs_and_is_seen_to_go(
    database: Database, db: Connection, workers: Workers, programs: Programs, tmp_path: Path
) -> None:
    worker = await workers.spawn(domains=DOMAINS, code_version="7.7+test", lease_s="3")
    other = await workers.spawn(domains=DOMAINS, lease_s="3")
    held = await enqueue(db, "toy.act", {"act": "at_file", "arg": f"{tmp_path}/held"}, scheduled_for=await _soon(db))
    await appears(tmp_path / "held.1")
    holder = (await task_row(db, held))["worker_id"]
    holding, free = (worker, other) if holder == worker.worker_id else (other, worker)

    drain = await programs.rowmill("drain", holding.worker_id[:13], "--wait", database=database)
    await until(lambda: _drains(db, holding.worker_id), what="the acknowledgement")
    shown = await _shown(db, holding.worker_id)
    assert shown["drain_asked_at"] <= shown["draining_since"]
    assert drain.process.returncode is None
    later = await enqueue(db, "toy.note", {"note": "for the other"})
    assert (await ended(db, later))["worker_id"] == free.worker_id
    (tmp_path / "held.open").touch()
    assert await holding.wait() == 0
    assert await drain.wait() == 0
    done = await task_row(db, held)
    assert (done["status"], done["attempts"], done["run_no"]) == ("completed", 1, 1)
    said = drain.said()
    for part in ("asked 1 worker to drain", "has been asked", "is gone"):
        assert part in said
    assert await _shown(db, holding.worker_id) == {}
    assert (await _shown(db, free.worker_id))["draining"] is False
    versions = {each.worker_id: each is worker for each in (holding, free)}
    left = await _shown(db, free.worker_id)
    assert (left["code_version"] == "7.7+test") == versions[free.worker_id]
    assert left["code_version"]


async def _soon(db: Connection) -> Any:
    return await db.fetchval("select now()")


async def _drains(db: Connection, worker_id: str) -> bool:
    shown = await _shown(db, worker_id)
    return bool(shown and shown["draining"] and shown["draining_since"])


async def test_a_parent_replaces_a_child_that_was_asked_to_drain(
    database: Database, db: Connection, programs: Programs
) -> None:
    fleet = await programs.rowmill("work", "--processes", "2", database=database, lease_s="3", domains=ALL_DOMAINS)
    before = await workers_up(db, 2)
    drained = min(before)
    drain = await programs.rowmill("drain", drained, "--wait", "--json", database=database)
    assert await drain.wait() == 0
    after = await workers_up(db, 2, [drained])
    assert before.keys() & after.keys() == before.keys() - {drained}
    events = [line["event"] for line in fleet.lines()]
    assert "worker_drained" in events
    assert "worker_died" not in events
    assert f'{{"asked":["{drained}"],"gone":["{drained}"]}}' in drain.said()
