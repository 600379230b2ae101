"""Commits in the middle of a run: each chunk once, whatever becomes of the worker."""

from __future__ import annotations

import json

from core.db.connect import Connection
from core.queue.alone import Alone
from core.settings import Settings
from tests.committing import tuples
from tests.running import Database, Workers, ended, enqueue, task_row, until


async def test_chunks_are_written_once_though_workers_vanish_between_them(
    database: Database, db: Connection, workers: Workers
) -> None:
    """The third run is alone: twice it was there when a worker vanished."""
    task_id = await enqueue(db, "toy.act", {"act": "pairs_of_chunks", "arg": 200})
    for already in (5, 40):
        worker = await workers.start("toy.act")
        await until(lambda more=already: db.fetchval("select count(*) >= $1 from toy_notes", more))  # type: ignore[misc]
        await worker.vanish()
        await until(lambda gone=worker: reaped(db, gone.worker_id))  # type: ignore[misc]
    await Alone(database.dsn, Settings(watchdog_s=0), task_id).run()
    row = await ended(db, task_id)
    assert (row["status"], row["attempts"], row["crashes"], row["run_no"]) == ("completed", 1, 2, 3)
    notes = await tuples(db, "select note from toy_notes order by note_no")
    assert notes == [(f"{number}",) for number in range(200)] + [("end",)]
    assert await db.fetchval("select count(*) from toy_edits") == 200
    assert json.loads(row["output"])["went on at"] >= 40
    runs = await tuples(db, "select run_no, success from robot_input_events order by run_no")
    assert runs == [(1, False), (2, False), (3, True)]


async def reaped(db: Connection, worker_id: str) -> bool:
    """As the parent of a dead worker does; a commit under way holds its row until it has ended."""
    await db.execute("select rowmill.reap($1, 500)", worker_id)
    gone: bool = await db.fetchval("select not exists (select from task_queue where worker_id = $1)", worker_id)
    return gone


async def test_progress_is_kept_with_the_task_until_its_end(db: Connection, workers: Workers) -> None:
    worker = await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "chunks", "arg": 10_000})
    await until(lambda: db.fetchval("select count(*) > 3 from toy_notes"))
    await worker.vanish()
    await until(lambda: reaped(db, worker.worker_id))
    row = await task_row(db, task_id)
    assert json.loads(row["output"]) == {"next": await db.fetchval("select count(*) from toy_notes")}


async def test_what_a_run_wrote_itself_does_not_make_its_end_stale(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    absent = await enqueue(db, "toy.act", {"act": "own_rows", "arg": 1})
    await db.execute("insert into toy_rows (id, value) values (2, 'old')")
    present = await enqueue(db, "toy.act", {"act": "own_rows", "arg": 2})
    rows = [await ended(db, task_id) for task_id in (absent, present)]
    assert [(row["status"], row["run_no"]) for row in rows] == [("completed", 1), ("completed", 1)]
    edits = await tuples(db, "select row_id, before, after from toy_edits order by row_id, edit_no")
    assert edits == [(1, None, "midway"), (1, "midway", "end"), (2, "old", "midway"), (2, "midway", "end")]
