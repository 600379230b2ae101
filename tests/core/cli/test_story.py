"""`rowmill task ID`: the whole story, from the row to the last effect."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill
from tests.running import Workers, ended, enqueue

RUN = """insert into robot_input_events (task_id, run_no, operator_type, processing_time_ms, success, error_message,
    worker_id, created_at) values ($1, $2, 'toy.act', $3, $4, $5, 'w', now() + $6 * interval '1 second')"""


async def test_the_story_has_runs_with_their_waits_durations_and_errors(db: Connection, rowmill: Rowmill) -> None:
    task_id = await enqueue(db, "toy.act", {"act": "x"}, status="failed", error_message="no luck")
    async with db.transaction():
        await db.execute("update task_queue set created_at = now()")
        await db.execute(RUN, task_id, 1, 500, False, "first try", 2)
        await db.execute(RUN, task_id, 2, 1500, False, "no luck", 10)
    story = (await rowmill("task", str(task_id), "--json")).json()
    told = [(r["run_no"], r["waited_ms"], r["processing_time_ms"], r["error_message"]) for r in story["runs"]]
    assert told == [(1, 1500, 500, "first try"), (2, 6500, 1500, "no luck")]
    said = (await rowmill("task", str(task_id))).words()
    for part in ("runs (2)", "500 ms", "6.5 s", "1.5 s", "first try", f"rowmill retry {task_id}", "enqueued by"):
        assert part in said


async def test_the_story_has_what_the_task_changed_and_what_it_enqueued(
    db: Connection, rowmill: Rowmill, workers: Workers
) -> None:
    parent = await enqueue(db, "toy.note", {"note": "p"})
    await workers.start("toy.note")
    await ended(db, parent)
    made = await enqueue(db, "toy.child", {}, parent_id=parent)
    await db.execute(
        "insert into audit_events (entity, entity_id, action, before, after, task_id, run_no)"
        " values ('guest', '7', 'greet', '\"old\"', '{\"n\": 12345678901234567890123}', $1, 1)",
        parent,
    )
    said = await rowmill("task", str(parent), "--json")
    story = said.json()
    assert [UUID(each["id"]) for each in story["children"]] == [made]
    assert [(e["entity"], e["entity_id"], e["action"], e["before"]) for e in story["effects"]] == [
        ("guest", "7", "greet", "old")
    ]
    assert "12345678901234567890123" in said.out
    told = (await rowmill("task", str(parent))).words()
    assert "effects (1)" in told
    assert "children (1)" in told
    assert f"{parent} (toy.note, completed)" in (await rowmill("task", str(made))).words()


async def test_a_pending_task_has_a_story_too(db: Connection, rowmill: Rowmill) -> None:
    task_id = await enqueue(db, "toy.note", {"note": "x" * 3000})
    said = (await rowmill("task", str(task_id))).words()
    assert "payload (3.0 kB)" in said
    assert "all of it with --json" in said
    assert f"Stop it: rowmill cancel {task_id}" in said
    story = (await rowmill("task", str(task_id), "--json")).json()
    assert (story["runs"], story["effects"], story["children"]) == ([], [], [])
    assert story["task"]["payload"] == {"note": "x" * 3000}


async def test_a_long_story_is_cut_at_its_newest_runs_and_says_so(db: Connection, rowmill: Rowmill) -> None:
    task_id = await enqueue(db, "toy.act", {})
    for number in range(1, 103):
        await db.execute(RUN, task_id, number, 1, False, "again", number)
    story = (await rowmill("task", str(task_id), "--json")).json()
    assert [run["run_no"] for run in story["runs"]] == list(range(3, 103))
    assert story["cut"] == ["runs"]
    assert "runs (only 100)" in (await rowmill("task", str(task_id))).words()


async def test_a_task_is_found_by_any_beginning_that_no_other_shares(db: Connection, rowmill: Rowmill) -> None:
    alone = "11111111-1111-7111-8111-111111111111"
    twins = ("22222222-2222-7111-8111-111111111111", "22222222-2222-7111-8111-111111111112")
    for each in (alone, *twins):
        await db.execute("insert into task_queue (id, task_type) values ($1, 'toy.note')", UUID(each))
    for given in (alone, alone.upper(), alone.replace("-", ""), "11111111", "11111111-11"):
        assert (await rowmill("task", given, "--json")).json()["task"]["id"] == alone
    assert (await rowmill("task", twins[1], "--json")).json()["task"]["id"] == twins[1]
    refusal = (await rowmill("task", "22222222-2222-7111")).refusal()
    assert "several tasks have an id that begins with 22222222-2222-7111; give more" in refusal


@pytest.mark.parametrize("given", ["1234567", "not-an-id", "0" * 33, "12345678'; --", ""])
async def test_what_is_no_id_is_refused(rowmill: Rowmill, given: str) -> None:
    assert "is no id of a task; give all of it, or at least its first 8" in (await rowmill("task", given)).refusal()


async def test_an_unknown_id_is_told_with_the_next_step(rowmill: Rowmill) -> None:
    assert "look for it with `rowmill tasks`" in (await rowmill("task", str(uuid4()))).refusal()
