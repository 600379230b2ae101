"""`rowmill workers`: who lives, who drains, who is gone, and what each of them holds."""

from __future__ import annotations

from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill
from tests.running import Workers, enqueue

WORKER = """
insert into rowmill.workers (worker_id, host, pid, started_at, beat_at, lease_until, task_types, draining)
values ($1, 'host-1', 42, now() - interval '3 hours', now() - interval '90 seconds',
        now() + $2 * interval '1 second', array['toy.note', 'toy.act'], $3)"""


async def test_no_worker_is_told_with_the_next_step(rowmill: Rowmill) -> None:
    assert "start one with `rowmill work`" in (await rowmill("workers")).words()
    assert (await rowmill("workers", "--json")).json() == {"workers": []}


async def test_workers_are_listed_with_their_state_and_what_they_hold(db: Connection, rowmill: Rowmill) -> None:
    await db.execute(WORKER, "living", 15, False)
    await db.execute(WORKER, "leaving", 15, True)
    await db.execute(WORKER, "lost", -1, False)
    for _ in range(2):
        await enqueue(db, "toy.note", {}, status="processing", worker_id="living")
    await enqueue(db, "toy.note", {}, status="completed", worker_id="lost")
    listed = (await rowmill("workers", "--json")).json()["workers"]
    told = {each["worker_id"]: (each["state"], each["tasks_held"]) for each in listed}
    assert told == {"living": ("alive", 2), "leaving": ("draining", 0), "lost": ("gone", 0)}
    assert all(90 <= each["beat_age_s"] < 120 for each in listed)
    said = (await rowmill("workers")).words()
    for part in ("3 workers", "host-1:42", "3 h", "1 min 30 s ago", "toy.note, toy.act", "1 worker is gone"):
        assert part in said


async def test_a_real_worker_is_alive(rowmill: Rowmill, workers: Workers) -> None:
    running = await workers.start("toy.note")
    listed = (await rowmill("workers", "--json")).json()["workers"]
    assert [(each["worker_id"], each["state"]) for each in listed] == [(running.worker_id, "alive")]
