"""Every way a run can end: what the task's row, its run row and its attempts say afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from core import Cancel, Done, Fail, Outcome, Retry, Snooze, Task
from core.db.connect import Connection
from core.registry import operators
from tests.committing import tuples, worker_of
from tests.core.queue.commit import acts
from tests.running import Database, Workers, all_ended, ended, enqueue, task_row, until
from tests.toy.model import ActPayload, AddNote, NotePayload
from tests.toy.operators import act


@dataclass(frozen=True)
class Expected:
    """What is true after one run of `toy.act` with these arguments."""

    act: str
    arg: Any
    status: str
    attempts: int = 1
    error: str | None = None
    success: bool = False
    delay_s: float | None = None
    max_attempts: int = 3


OUTCOMES = {
    "done": Expected("note_text", "n", "completed", success=True),
    "fail": Expected("fail", "no use", "failed", error="no use"),
    "cancel": Expected("cancel", "not wanted", "cancelled", error="not wanted"),
    "retry": Expected("retry", 30, "pending", error="not yet", delay_s=30),
    "retry by the policy": Expected("retry", None, "pending", error="not yet", delay_s=0.05),
    "retry of the last attempt": Expected("retry", 30, "failed", error="not yet", max_attempts=1),
    "snooze": Expected("snooze_once", 30, "pending", attempts=0, success=True, delay_s=30),
    "snooze of the last attempt": Expected(
        "snooze_once", 30, "pending", attempts=0, success=True, delay_s=30, max_attempts=1
    ),
    "exception": Expected("explode", "oh", "pending", error="ValueError: oh", delay_s=0.05),
    "exception at the last attempt": Expected("explode", "oh", "failed", error="ValueError: oh", max_attempts=1),
    "exception without words": Expected("explode", "", "failed", error="ValueError: ValueError", max_attempts=1),
    "wait without end": Expected("snooze_for", "inf", "pending", error="scheduled_for_finite|out of range"),
    "wait for no number": Expected("snooze_for", "nan", "pending", error="scheduled_for_finite|out of range"),
}


@act
async def snooze_for(task: Task[ActPayload], arg: Any) -> Outcome:
    return Snooze(float(arg))


@pytest.mark.parametrize("what", OUTCOMES)
async def test_an_outcome_decides_status_attempts_and_delay(db: Connection, workers: Workers, what: str) -> None:
    expected = OUTCOMES[what]
    await db.execute("create table seen as select * from task_queue")
    await db.execute(FIRST_END)
    await workers.start("toy.act")
    payload = {"act": expected.act, "arg": expected.arg}
    task_id = await enqueue(db, "toy.act", payload, max_attempts=expected.max_attempts)
    await until(lambda: db.fetchval("select true from seen where id = $1", task_id))
    row = (await db.fetch("select * from seen where id = $1", task_id))[0]
    assert (row["status"], row["attempts"], row["run_no"]) == (expected.status, expected.attempts, 1)
    assert matches(row["error_message"], expected.error), row["error_message"]
    if expected.delay_s is not None:
        assert abs((row["scheduled_for"] - row["updated_at"]).total_seconds() - expected.delay_s) < 0.05
    assert (row["completed_at"] is not None) == (expected.status in {"completed", "cancelled"})
    assert (row["failed_at"] is not None) == (expected.status == "failed")
    assert (row["worker_id"] is None) == (expected.status == "pending")
    runs = await db.fetch("select * from robot_input_events where task_id = $1 and run_no = 1", task_id)
    assert [run["success"] for run in runs] == [expected.success]
    assert matches(runs[0]["error_message"], expected.error)
    assert runs[0]["input_data"] == json.dumps(payload)
    assert runs[0]["processing_time_ms"] >= 0


FIRST_END = """
create function keep_first_end() returns trigger language plpgsql as $$
begin
    insert into seen select new.* where not exists (select from seen s where s.id = new.id);
    return null;
end $$;
create trigger first_end after update on task_queue for each row
when (old.status = 'processing' and new.status <> 'processing') execute function keep_first_end()
"""


def matches(message: str | None, expected: str | None) -> bool:
    if message is None or expected is None:
        return message is expected
    return any(part in message for part in expected.split("|"))


@pytest.mark.parametrize("what", acts.NONSENSE)
async def test_what_is_no_outcome_ends_its_own_task_only(db: Connection, workers: Workers, what: str) -> None:
    worker = await workers.start("toy.act")
    bad = await enqueue(db, "toy.act", {"act": "nonsense", "arg": what})
    good = await enqueue(db, "toy.act", {"act": "note_text", "arg": "good"})
    assert (await ended(db, good))["status"] == "completed"
    row = await ended(db, bad)
    assert (row["status"], row["attempts"]) == ("failed", 1)
    assert row["error_message"]
    assert not worker.task.done()


async def test_a_run_that_takes_too_long_is_a_counted_attempt(database: Database, db: Connection) -> None:
    limited = replace(operators()["toy.act"], run_timeout_s=0.1)
    task_id = await enqueue(db, "toy.act", {"act": "sleep", "arg": 60}, max_attempts=2)
    async with worker_of(database.dsn, limited):
        row = await ended(db, task_id)
    assert (row["status"], row["attempts"]) == ("failed", 2)
    assert row["error_message"] == "the run took longer than 0.1 s"


async def test_an_output_is_kept_with_the_task_and_its_run(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "chunks", "arg": 2})
    row = await ended(db, task_id)
    assert json.loads(row["output"]) == {"chunks": 2}
    assert await db.fetchval("select output_data->>'chunks' from robot_input_events") == "2"


async def test_a_long_payload_is_audited_by_fingerprint_and_size(db: Connection, workers: Workers) -> None:
    await workers.start("toy.note")
    short = await enqueue(db, "toy.note", {"note": "s" * 2036})
    long = await enqueue(db, "toy.note", {"note": "l" * 2037})
    await all_ended(db)
    inputs = dict(await tuples(db, "select task_id, input_data from robot_input_events"))
    assert json.loads(inputs[short]) == {"note": "s" * 2036}
    text = await db.fetchval("select payload::text from task_queue where id = $1", long)
    assert json.loads(inputs[long]) == {"sha256": hashlib.sha256(text.encode()).hexdigest(), "bytes": 2049}


async def test_errors_that_differ_only_in_numbers_share_a_fingerprint(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    for reason in ("row 17 is locked", "row 4711 is locked", "row 'a' is gone", "no row"):
        await enqueue(db, "toy.act", {"act": "fail", "arg": reason})
    await all_ended(db)
    groups = await tuples(db, "select count(*) from robot_input_events group by error_fingerprint order by 1")
    assert groups == [(1,), (1,), (2,)]


# --- batch operators ---


async def mixed(tasks: Sequence[Task[NotePayload]]) -> Sequence[Outcome]:
    made: dict[str, Outcome] = {"fail": Fail("no"), "retry": Retry("later", 60), "cancel": Cancel("never")}
    return [made.get(task.payload.note, Done([AddNote(task.payload.note)])) for task in tasks]


async def too_few(tasks: Sequence[Task[NotePayload]]) -> Sequence[Outcome]:
    return [Done([AddNote("n")]) for _ in tasks[1:]]


async def test_a_batch_operator_gives_each_task_its_own_outcome(database: Database, db: Connection) -> None:
    notes = ["a", "fail", "b", "retry", "cancel", "c"]
    ids = [await enqueue(db, "toy.batch", {"note": note}) for note in notes]
    async with worker_of(database.dsn, replace(operators()["toy.batch"], run=mixed)):
        await until(lambda: db.fetchval("select count(*) = 6 from robot_input_events"))
    statuses = [(await task_row(db, task_id))["status"] for task_id in ids]
    assert statuses == ["completed", "failed", "completed", "pending", "cancelled", "completed"]
    assert await tuples(db, "select note from toy_notes order by note") == [("a",), ("b",), ("c",)]


async def test_a_batch_operator_that_returns_nothing_fails_its_tasks_and_no_others(
    database: Database, db: Connection
) -> None:
    async def forgets(_tasks: Sequence[Task[NotePayload]]) -> Sequence[Outcome]:
        return None  # type: ignore[return-value]

    ids = [await enqueue(db, "toy.batch", {"note": "n"}, max_attempts=1) for _ in range(3)]
    async with worker_of(database.dsn, replace(operators()["toy.batch"], run=forgets)):
        rows = [await ended(db, task_id) for task_id in ids]
    assert {(row["status"], row["crashes"]) for row in rows} == {("failed", 0)}
    assert "got 3 tasks and returned NoneType; return one for each" in rows[0]["error_message"]


async def test_a_wrong_number_of_outcomes_is_an_error_of_all(database: Database, db: Connection) -> None:
    ids = [await enqueue(db, "toy.batch", {"note": "n"}, max_attempts=1) for _ in range(3)]
    async with worker_of(database.dsn, replace(operators()["toy.batch"], run=too_few)):
        rows = [await ended(db, task_id) for task_id in ids]
    assert {row["status"] for row in rows} == {"failed"}
    assert "got 3 tasks and returned 2 outcomes; return one for each" in rows[0]["error_message"]
    assert await db.fetchval("select count(*) from toy_notes") == 0


async def test_a_drained_run_is_returned_with_a_run_row_and_no_attempt(db: Connection, workers: Workers) -> None:
    worker = await workers.start("toy.act", drain_s=0)
    task_id = await enqueue(db, "toy.act", {"act": "sleep", "arg": 60})
    await until(lambda: db.fetchval("select true from task_queue where status = 'processing'"))
    async with asyncio.timeout(10):
        await worker.stop()
    row = await task_row(db, task_id)
    assert (row["status"], row["attempts"], row["run_no"]) == ("pending", 0, 1)
    runs = await tuples(db, "select run_no, success, error_message from robot_input_events")
    assert runs == [(1, False, "worker shut down during the run")]


async def test_an_operator_cancelled_from_inside_uses_an_attempt(database: Database, db: Connection) -> None:
    async def cancelled_inside(_task: Task[NotePayload]) -> Outcome:
        raise asyncio.CancelledError

    task_id = await enqueue(db, "toy.note", {"note": "n"}, max_attempts=1)
    async with worker_of(database.dsn, replace(operators()["toy.note"], run=cancelled_inside)):
        row = await ended(db, task_id)
    assert (row["status"], row["attempts"]) == ("failed", 1)
    assert "cancelled from inside" in row["error_message"]


async def test_one_bad_task_of_a_batch_operator_fails_alone(database: Database, db: Connection) -> None:
    async def chokes(tasks: Sequence[Task[NotePayload]]) -> Sequence[Outcome]:
        if any(task.payload.note == "bad" for task in tasks):
            raise ValueError("bad note")
        return [Done([AddNote(task.payload.note)]) for task in tasks]

    ids = [await enqueue(db, "toy.batch", {"note": note}, max_attempts=1) for note in ("a", "bad", "b")]
    async with worker_of(database.dsn, replace(operators()["toy.batch"], run=chokes)):
        rows = [await ended(db, task_id) for task_id in ids]
    assert [row["status"] for row in rows] == ["completed", "failed", "completed"]
    assert rows[1]["error_message"] == "ValueError: bad note"


async def test_tasks_of_a_batch_tried_alone_go_back_when_one_of_them_is_cancelled(
    database: Database, db: Connection
) -> None:
    ids = [await enqueue(db, "toy.batch", {"note": note}, max_attempts=1) for note in ("a", "b", "c")]

    async def held_alone(tasks: Sequence[Task[NotePayload]]) -> Sequence[Outcome]:
        if len(tasks) > 1 and tasks[0].id == ids[0]:
            raise ValueError("not together")
        if tasks[0].id == ids[0]:
            await db.execute("select cancel_task($1)", ids[0])
            await asyncio.Event().wait()
        return [Done([AddNote(task.payload.note)]) for task in tasks]

    async with worker_of(database.dsn, replace(operators()["toy.batch"], run=held_alone)):
        other = await database.connect()
        rows = [await ended(other, task_id) for task_id in ids]
    assert [(row["status"], row["attempts"]) for row in rows] == [("cancelled", 1), ("completed", 1), ("completed", 1)]
    assert [row["run_no"] for row in rows] == [1, 2, 2]
