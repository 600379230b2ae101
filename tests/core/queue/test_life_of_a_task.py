"""From a plain INSERT to a committed effect, and every way a run can end."""

from __future__ import annotations

from core.db.connect import Connection
from tests.running import Workers, ended, enqueue


async def test_a_plain_insert_becomes_a_committed_effect_with_its_audit(db: Connection, workers: Workers) -> None:
    await workers.start("toy.set")
    task_id = await enqueue(db, "toy.set", {"row_id": 1, "value": "done"})
    row = await ended(db, task_id)
    assert row["status"] == "completed"
    assert (row["attempts"], row["run_no"]) == (1, 1)
    assert await db.fetchval("select value from toy_rows where id = 1") == "done"
    edits = await db.fetch("select before, after, task_id, run_no from toy_edits")
    assert [tuple(edit) for edit in edits] == [(None, "done", task_id, 1)]
    runs = await db.fetch("select task_id, run_no, success, operator_type from robot_input_events")
    assert [tuple(run) for run in runs] == [(task_id, 1, True, "toy.set")]
