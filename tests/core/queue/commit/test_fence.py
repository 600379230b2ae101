"""A run that lost its claim writes nothing: no effect, no audit, no run row. Its neighbours are not held up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from core import Done, LostClaim, Outcome, Task
from core.db import catalogs
from core.db.connect import Connection
from core.queue.commit.committer import Committer
from core.queue.run import Member
from core.registry import operators
from tests.committing import Bench, Benches, tuples, worker_of
from tests.core.queue.commit import acts
from tests.running import Database, Workers, ended, enqueue, task_row, until
from tests.toy.model import AddNote, NotePayload, SetValue
from tests.witnesses.statements import swap_statements

Lose = Callable[[Connection, Bench, Benches], Awaitable[None]]


async def reaped(db: Connection, bench: Bench, _benches: Benches) -> None:
    await db.execute("select rowmill.reap($1, 1)", bench.worker_id)


async def claimed_anew_elsewhere(db: Connection, bench: Bench, benches: Benches) -> None:
    await reaped(db, bench, benches)
    other = benches()
    assert len(await other.claimer.claim(other.operator, 10)) == 1


async def claimed_anew_here(db: Connection, bench: Bench, benches: Benches) -> None:
    await reaped(db, bench, benches)
    assert len(await bench.claimer.claim(bench.operator, 10)) == 1


async def deleted(db: Connection, bench: Bench, _benches: Benches) -> None:
    await db.execute("delete from task_queue where id = (select id from task_queue order by id limit 1)")


LOSSES = [reaped, claimed_anew_elsewhere, claimed_anew_here, deleted]


@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)
async def test_a_lost_run_writes_nothing_while_its_batch_commits(
    db: Connection, bench: Bench, benches: Benches, lose: Lose
) -> None:
    runs = await bench.runs(db, 5)
    await lose(db, bench, benches)
    before = await db.fetchrow("select * from task_queue where id = $1", runs[0].id)
    for number, run in enumerate(runs):
        bench.add(run, [SetValue(number, "mine"), AddNote("mine")])
    ends = await bench.settled()
    assert ends[runs[0].id] is None
    assert {end.status for run in runs[1:] if (end := ends[run.id])} == {"completed"}
    assert await written_by(db, runs[0].id) == []
    assert [len(await written_by(db, run.id)) for run in runs[1:]] == [3, 3, 3, 3]
    assert await db.fetchval("select count(*) from toy_rows where id = 0") == 0
    assert await db.fetchrow("select * from task_queue where id = $1", runs[0].id) == before


async def test_a_task_whose_cancellation_was_asked_writes_none_of_its_effects(db: Connection, bench: Bench) -> None:
    runs = await bench.runs(db, 3)
    assert await db.fetchval("select cancel_task($1)", runs[1].id) == "cancel asked"
    for number, run in enumerate(runs):
        bench.add(run, [SetValue(number, "mine"), AddNote("mine")])
    ends = await bench.settled()
    assert [end.status for run in runs if (end := ends[run.id])] == ["completed", "cancelled", "completed"]
    assert await written_by(db, runs[1].id) == ["run"]
    assert (await task_row(db, runs[1].id))["status"] == "cancelled"
    assert await tuples(db, "select id from toy_rows order by id") == [(0,), (2,)]


async def commit_a_run_number_that_came_again(db: Connection, bench: Bench) -> None:
    """After a commit was lost (restore, asynchronous failover) run numbers come again."""
    mine, neighbour = await bench.runs(db, 2)
    await db.execute("update task_queue set worker_id = 'another' where id = $1", mine.id)
    bench.add(mine, [SetValue(1, "mine")])
    bench.add(neighbour, [SetValue(2, "neighbour's")])
    ends = await bench.settled()
    assert ends[mine.id] is None
    row = await task_row(db, mine.id)
    assert (row["status"], row["worker_id"], row["run_no"]) == ("processing", "another", mine.run_no)
    assert await tuples(db, "select id, value from toy_rows") == [(2, "neighbour's")]


async def test_the_same_run_number_of_another_worker_is_not_mine(db: Connection, bench: Bench) -> None:
    await commit_a_run_number_that_came_again(db, bench)


async def test_witness_a_fence_without_the_worker_id_writes_for_another_worker(
    db: Connection, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap_statements(monkeypatch, catalogs.engine(), "fence_without_worker_id")
    with pytest.raises(AssertionError, match="is None"):
        await commit_a_run_number_that_came_again(db, bench)


@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)
async def test_a_commit_in_the_middle_of_a_lost_run_raises_and_writes_nothing(
    db: Connection, bench: Bench, benches: Benches, lose: Lose
) -> None:
    runs = await bench.runs(db, 2)
    await lose(db, bench, benches)
    lost = bench.add_midway(runs[0], [AddNote("lost")])
    kept = bench.add_midway(runs[1], [AddNote("kept")])
    await bench.settled()
    with pytest.raises(LostClaim, match="no longer run 1 of this worker"):
        lost.result()
    assert kept.result() is None
    assert await tuples(db, "select note from toy_notes") == [("kept",)]


async def test_an_operator_whose_claim_is_lost_is_stopped_by_its_next_commit(db: Connection, workers: Workers) -> None:
    worker = await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "chunks", "arg": 1_000_000})
    await until(lambda: db.fetchval("select true from toy_notes limit 1"))
    assert await db.fetchval("select cancel_task($1)", task_id) == "cancel asked"
    row = await ended(db, task_id)
    assert row["status"] == "cancelled"
    notes = await db.fetchval("select count(*) from toy_notes")
    await until(lambda: all_idle(worker.worker.pools[0].holds))
    assert await db.fetchval("select count(*) from toy_notes") == notes


async def idle(committer: Committer) -> bool:
    return committer.backlog == 0


async def all_idle(holds: Callable[[], set[UUID]]) -> bool:
    return not holds()


async def written_by(db: Connection, task_id: UUID) -> list[str]:
    """What carries this task's id: edits, notes, run rows."""
    rows = await db.fetch(
        """
        select 'edit' from toy_edits where task_id = $1
        union all select 'note' from toy_notes where task_id = $1
        union all select 'run' from robot_input_events
        where task_id = $1 and error_message is distinct from 'worker lost'
        """,
        task_id,
    )
    return [row[0] for row in rows]


async def test_a_lost_run_is_ended_when_its_worker_claims_the_task_anew_and_leaves_its_successor_alone(
    db: Connection, workers: Workers
) -> None:
    """A worker that was taken for dead claims its own task anew, while the first run has not ended yet."""
    worker = await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "first_run_waits", "arg": str(task_key := id(worker))})
    await until(lambda: db.fetchval("select true from task_queue where status = 'processing'"))
    await db.execute("select rowmill.reap($1, 500)", worker.worker_id)
    await until(lambda: db.fetchval("select true from task_queue where status = 'processing' and run_no = 2"))
    await until(lambda: idle(worker.worker.pools[0].committer))
    assert worker.worker.pools[0].holds() == {task_id}
    acts.GATES[f"{task_key} 2"].set()
    row = await ended(db, task_id)
    assert (row["status"], row["run_no"], row["attempts"]) == ("completed", 2, 1)
    assert await tuples(db, "select note from toy_notes") == [("run 2",)]


async def test_a_lost_run_and_its_successor_in_one_batch_are_told_apart(db: Connection, bench: Bench) -> None:
    (old,) = await bench.runs(db, 1)
    await db.execute(
        "update task_queue set run_no = run_no + 1 where id = $1 and worker_id = $2", old.id, bench.worker_id
    )
    new = replace(old, leader=Member(old.id, old.run_no + 1, old.leader.payload))
    bench.add(old, [AddNote("old")])
    bench.add(new, [AddNote("new")])
    await until(lambda: db.fetchval("select status = 'completed' from task_queue"))
    await until(lambda: idle(bench.committer))
    assert await tuples(db, "select note from toy_notes") == [("new",)]
    assert await tuples(db, "select run_no from robot_input_events") == [(new.run_no,)]


async def test_one_lost_claim_in_a_batch_sends_its_neighbours_back(database: Database, db: Connection) -> None:
    ids = [await enqueue(db, "toy.batch", {"note": f"{number}"}) for number in range(3)]

    other = await database.connect()

    async def commits_each(tasks: Sequence[Task[NotePayload]]) -> Sequence[Outcome]:
        if tasks[0].run_no == 1:
            await other.execute("select cancel_task($1)", ids[0])
        for task in tasks:
            await task.commit([AddNote(task.payload.note)], progress={"done": True})
        return [Done() for _ in tasks]

    async with worker_of(database.dsn, replace(operators()["toy.batch"], run=commits_each)):
        rows = [await ended(db, task_id) for task_id in ids]
    assert [(row["status"], row["attempts"]) for row in rows] == [("cancelled", 1), ("completed", 1), ("completed", 1)]
    assert await tuples(db, "select note from toy_notes order by note") == [("1",), ("2",)]
