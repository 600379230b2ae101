"""A decision on rows that have changed since is not written; what happens instead is the operator's word."""

from __future__ import annotations

import json

import pytest

from core import StartOver, state
from core.db.connect import Connection
from tests.committing import Bench, Benches, tuples
from tests.running import Workers, all_ended, enqueue, task_row, until
from tests.toy.model import SetValue

CURRENT = "select version from toy_rows where id = 1"


async def test_a_fresh_decision_is_written(db: Connection, bench: Bench) -> None:
    await db.execute("insert into toy_rows (id, value) values (1, 'read')")
    (run,) = await bench.runs(db, 1)
    bench.add(run, [SetValue(1, "decided")], seen=await db.fetchval(CURRENT))
    await bench.settled()
    assert await db.fetchval("select value from toy_rows") == "decided"


async def test_a_person_who_changed_the_target_since_wins(db: Connection, bench: Bench) -> None:
    await db.execute("insert into toy_rows (id, value) values (1, 'read')")
    stale, fresh = await bench.runs(db, 2)
    version = await db.fetchval(CURRENT)
    await db.execute("update toy_rows set value = 'the person''s', version = nextval('rowmill.version')")
    bench.add(stale, [SetValue(1, "decided"), SetValue(2, "decided")], seen=version)
    bench.add(fresh, [SetValue(3, "decided")])
    ends = await bench.settled()
    assert await tuples(db, "select id, value from toy_rows order by id") == [(1, "the person's"), (3, "decided")]
    assert (end := ends[stale.id]) is not None
    assert (end.status, end.uncounted, end.delay_s) == ("pending", 1, 1.0)
    row = await task_row(db, stale.id)
    assert (row["status"], row["attempts"]) == ("pending", 0)
    assert "changed" in row["error_message"]
    assert await db.fetchval("select count(*) from toy_edits where task_id = $1", stale.id) == 0


async def test_absence_is_a_version_too(db: Connection, bench: Bench) -> None:
    absent, appeared = await bench.runs(db, 2)
    await db.execute("insert into toy_rows (id, value) values (2, 'theirs')")
    bench.add(absent, [SetValue(1, "decided")], seen=0)
    bench.add(appeared, [SetValue(2, "decided")], seen=0)
    ends = await bench.settled()
    assert [(end := ends[run.id]) and end.status for run in (absent, appeared)] == ["completed", "pending"]
    assert await tuples(db, "select id, value from toy_rows order by id") == [(1, "decided"), (2, "theirs")]


async def test_a_row_deleted_since_makes_the_decision_old(db: Connection, bench: Bench) -> None:
    await db.execute("insert into toy_rows (id, value) values (1, 'read')")
    (run,) = await bench.runs(db, 1)
    version = await db.fetchval(CURRENT)
    await db.execute("delete from toy_rows")
    bench.add(run, [SetValue(1, "decided")], seen=version)
    await bench.settled()
    assert await db.fetchval("select count(*) from toy_rows") == 0


async def test_a_row_made_again_is_not_the_row_that_was_read(db: Connection, bench: Bench) -> None:
    await db.execute("insert into toy_rows (id, value) values (1, 'read')")
    (run,) = await bench.runs(db, 1)
    version = await db.fetchval(CURRENT)
    await db.execute("delete from toy_rows")
    await db.execute("insert into toy_rows (id, value) values (1, 'read')")
    bench.add(run, [SetValue(1, "decided")], seen=version)
    await bench.settled()
    assert await db.fetchval("select value from toy_rows") == "read"


async def test_a_superseded_decision_completes_and_writes_nothing(db: Connection, benches: Benches) -> None:
    bench = benches("toy.copy")
    (run,) = await bench.runs(db, 1, concurrency_key="k")
    await db.execute("insert into toy_rows (id, value) values (1, 'theirs')")
    bench.add(run, [SetValue(1, "decided")], seen=0)
    await bench.settled()
    row = await task_row(db, run.id)
    assert (row["status"], json.loads(row["output"])) == ("completed", {"superseded": True})
    assert await tuples(db, "select id, value from toy_rows") == [(1, "theirs")]
    assert await tuples(db, "select success, output_data from robot_input_events") == [(True, '{"superseded": true}')]


async def test_stale_in_the_middle_of_a_run_starts_it_over(db: Connection, bench: Bench) -> None:
    stale, other = await bench.runs(db, 2)
    stale.seen["toy_rows", 1] = 17
    waiter = bench.add_midway(stale, [SetValue(2, "decided")])
    bench.add(other, [SetValue(3, "decided")])
    await bench.settled()
    with pytest.raises(StartOver, match="what this run had read has changed"):
        waiter.result()
    assert await tuples(db, "select id from toy_rows") == [(3,)]


async def test_each_return_waits_twice_as_long_up_to_a_minute(db: Connection, bench: Bench) -> None:
    """The run number counts every claim, the attempts only the counted ones."""
    delays = []
    for _ in range(4):
        await db.execute("update task_queue set scheduled_for = now()")
        runs = await bench.claimer.claim(bench.operator, 1) or await bench.runs(db, 1)
        bench.ends.clear()
        bench.add(runs[0], [SetValue(1, "decided")], seen=17)
        end = (await bench.settled())[runs[0].id]
        assert end is not None
        delays.append(end.delay_s)
    assert delays == [1.0, 2.0, 4.0, 8.0]
    assert await tuples(db, "select attempts, run_no from task_queue") == [(0, 4)]
    assert [state.uncounted_delay_s(run_no, 1) for run_no in (6, 7, 100)] == [32.0, 60.0, 60.0]


async def test_edits_faster_than_their_runs_still_converge(db: Connection, workers: Workers) -> None:
    """Each edit enqueues its own task in its transaction; what is superseded is made good by a later one."""
    await workers.start("toy.copy")
    await db.execute("insert into toy_rows (id, value) values (1, '')")
    for number in range(150):
        async with db.transaction():
            await db.execute(
                "update toy_rows set value = $1, version = nextval('rowmill.version') where id = 1", f"{number}"
            )
            await enqueue(db, "toy.copy", {"source": 1, "target": 2}, concurrency_key="copy of 1")
    await all_ended(db)
    assert await db.fetchval("select value from toy_rows where id = 2") == "149"
    assert await db.fetchval("select count(*) from task_queue where status <> 'completed' or attempts > 1") == 0
    edits = await tuples(db, "select after::int from toy_edits order by edit_no")
    assert edits == sorted(edits), "an older decision was written after a newer one"
    runs = await db.fetchval("select count(*) from robot_input_events")
    assert runs == await db.fetchval("select count(*) from task_queue where leader_id is null")


async def test_hot_rows_without_a_key_converge_too(db: Connection, workers: Workers) -> None:
    """A run that read what another run of its batch writes is not decided on old contents."""
    await workers.start("toy.act")
    await db.execute("insert into toy_rows (id, value) values (1, '0')")
    for _ in range(8):
        await enqueue(db, "toy.act", {"act": "count_up", "arg": 1})
    await until(lambda: db.fetchval("select count(*) > 0 from task_queue where status = 'completed'"))
    done = "select not exists (select from task_queue where status = 'processing')"
    for _ in range(8):
        await db.execute("update task_queue set scheduled_for = clock_timestamp() where status = 'pending'")
        await until(lambda: db.fetchval(done))
    completed = await db.fetchval("select count(*) from task_queue where status = 'completed'")
    assert await db.fetchval("select value from toy_rows where id = 1") == f"{completed}"
    assert await db.fetchval("select count(*) from task_queue where attempts > 1") == 0
