"""What is counted: attempts by outcome, run numbers by claim."""

from __future__ import annotations

from itertools import pairwise
from uuid import UUID

import pytest

from core.db.connect import Connection
from tests.running import Workers, ended, enqueue

RUNS = "select run_no, success, error_message, created_at from robot_input_events where task_id = $1 order by run_no"


async def test_a_retried_task_ends_failed_after_its_last_attempt(db: Connection, workers: Workers) -> None:
    """`toy.act` retries after 0.05 s, then 0.1 s."""
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "explode", "arg": "boom"})
    row = await ended(db, task_id)
    assert (row["status"], row["attempts"], row["run_no"]) == ("failed", 3, 3)
    assert row["error_message"] == "ValueError: boom"
    assert row["failed_at"] is not None
    runs = await db.fetch(RUNS, task_id)
    assert [(run["run_no"], run["success"], run["error_message"]) for run in runs] == [
        (number, False, "ValueError: boom") for number in (1, 2, 3)
    ]
    gaps = [(after["created_at"] - before["created_at"]).total_seconds() for before, after in pairwise(runs)]
    assert gaps[0] >= 0.05
    assert gaps[1] >= 0.1


async def test_max_attempts_of_the_row_decides(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    once = await enqueue(db, "toy.act", {"act": "retry", "arg": 0}, max_attempts=1)
    five = await enqueue(db, "toy.act", {"act": "retry", "arg": 0}, max_attempts=5)
    assert [(await ended(db, each))["attempts"] for each in (once, five)] == [1, 5]


async def test_a_snooze_uses_no_attempt(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "snooze_once", "arg": 0.02}, max_attempts=1)
    row = await ended(db, task_id)
    assert (row["status"], row["attempts"], row["run_no"]) == ("completed", 1, 2)


@pytest.mark.parametrize(("act", "status"), [("fail", "failed"), ("cancel", "cancelled")])
async def test_an_operator_ends_its_task_in_one_run(db: Connection, workers: Workers, act: str, status: str) -> None:
    await workers.start("toy.act")
    row = await ended(db, await enqueue(db, "toy.act", {"act": act, "arg": "because"}))
    assert (row["status"], row["attempts"], row["run_no"], row["error_message"]) == (status, 1, 1, "because")


async def test_a_payload_that_does_not_fit_fails_at_once_naming_the_field(db: Connection, workers: Workers) -> None:
    await workers.start("toy.set")
    row = await ended(db, await enqueue(db, "toy.set", {"row_id": "seven", "value": "secret"}))
    assert (row["status"], row["attempts"]) == ("failed", 1)
    assert "payload.row_id" in row["error_message"]
    assert "seven" not in row["error_message"]


async def test_every_claim_counts_a_run_and_every_row_is_logged_once(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    ids: list[UUID] = [await enqueue(db, "toy.act", {"act": "retry", "arg": 0}) for _ in range(20)]
    for task_id in ids:
        await ended(db, task_id)
    counted = await db.fetch("select task_id, count(*) as runs from robot_input_events group by task_id")
    assert {row["task_id"]: row["runs"] for row in counted} == dict.fromkeys(ids, 3)
