"""A run that lost its claim writes nothing: no effect, no audit, no run row. Its neighbours are not held up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from core import LostClaim
from core.db.connect import Connection
from tests.committing import Bench, Benches, tuples
from tests.running import Workers, ended, enqueue, task_row, until
from tests.toy.model import AddNote, SetValue

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


async def test_the_same_run_number_of_another_worker_is_not_mine(db: Connection, bench: Bench) -> None:
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
