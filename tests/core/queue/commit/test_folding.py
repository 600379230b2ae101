"""Several effects on one row in one batch: the last one is written, every one is audited, replay equals the value."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.db.connect import Connection
from core.queue.commit.changes import Author, fold
from core.queue.run import Run
from tests.committing import Bench, Benches, tuples
from tests.running import SOMEBODY_WAITS, Database, until
from tests.toy.model import AddNote, SetOnce, SetValue

Sequences = list[list[tuple[int, str | None]]]  # per task: row and value of each effect


def test_each_change_finds_what_the_one_before_it_left() -> None:
    chained = fold([(SetValue(1, value), Author()) for value in "abc"], {"id": 1, "value": "old"})
    assert [change.before["value"] for change in chained] == ["old", "a", "b"]


def test_on_an_absent_row_the_first_change_finds_nothing_and_the_next_one_the_first() -> None:
    chained = fold([(SetValue(1, value), Author()) for value in "abc"], {})
    assert [change.before.get("value") for change in chained] == [None, "a", "b"]


@pytest.mark.parametrize("exists", [True, False], ids=["present row", "absent row"])
async def test_many_writers_of_one_row_are_one_write_with_a_chained_audit(
    db: Connection, bench: Bench, exists: bool
) -> None:
    if exists:
        await db.execute("insert into toy_rows (id, value) values (1, 'old')")
    runs = await bench.runs(db, 5)
    for run in runs:
        bench.add(run, [SetValue(1, f"of {run.id}")])
    await bench.settled()
    values = [f"of {run.id}" for run in runs]
    edits = await tuples(db, "select before, after, task_id from toy_edits order by edit_no")
    first = "old" if exists else None
    assert edits == list(zip([first, *values], values, [run.id for run in runs], strict=False))
    assert await db.fetchval("select value from toy_rows") == values[-1]
    assert await db.fetchval("select count(distinct xact_id) from robot_input_events") == 1


some_sequences = st.lists(
    st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["a", "b", "c", None])), max_size=4), min_size=1, max_size=8
)


@given(sequences=some_sequences, present=st.sets(st.integers(1, 4)))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_replaying_the_audit_gives_every_row_whatever_a_batch_holds(
    db: Connection, bench: Bench, sequences: Sequences, present: set[int]
) -> None:
    await db.execute("truncate toy_rows, toy_edits, toy_notes")
    await db.executemany("insert into toy_rows (id, value) values ($1, 'old')", [(row,) for row in present])
    runs = await bench.runs(db, len(sequences))
    for run, wanted in zip(runs, sequences, strict=True):
        bench.add(run, [SetValue(row, value) for row, value in wanted] + [AddNote("n")] * len(wanted))
    await bench.settled()
    rows = dict(await tuples(db, "select id, value from toy_rows"))
    assert await replayed(db, dict.fromkeys(present, "old")) == rows
    assert rows == dict.fromkeys(present, "old") | {row: value for wanted in sequences for row, value in wanted}
    assert await db.fetchval("select count(*) from toy_edits") == sum(map(len, sequences))
    assert await db.fetchval("select count(*) from toy_notes") == sum(map(len, sequences))


async def replayed(db: Connection, start: dict[int, str]) -> dict[int, str | None]:
    """The rows as the audit tells them; an edit that did not find what the one before it left is a broken chain."""
    rows: dict[int, str | None] = dict(start)
    for row, before, after in await db.fetch("select row_id, before, after from toy_edits order by edit_no"):
        assert rows.get(row) == before
        rows[row] = after
    return rows


async def test_effects_that_cannot_fold_are_written_one_batch_after_the_other(db: Connection, bench: Bench) -> None:
    await db.execute("insert into toy_rows (id, value) values (1, 'old')")
    first, second = await bench.runs(db, 2)
    bench.add(first, [SetOnce(1, "first")])
    bench.add(second, [SetOnce(1, "second")])
    await bench.settled()
    assert await db.fetchval("select value from toy_rows") == "second"
    assert await db.fetchval("select count(distinct xact_id) from robot_input_events") == 2


async def test_a_row_that_appears_meanwhile_defers_its_run_and_is_then_written(
    database: Database, db: Connection, bench: Bench
) -> None:
    """Somebody inserts the row between our look and our insert: our insert meets theirs."""
    other = await database.connect()
    blocked, free = await bench.runs(db, 2)
    transaction = other.transaction()
    await transaction.start()
    await other.execute("insert into toy_rows (id, value) values (1, 'theirs')")
    bench.add(blocked, [SetValue(1, "ours")])
    bench.add(free, [SetValue(2, "ours")])
    await until(lambda: waits_for_somebody(db))
    await transaction.commit()
    await bench.settled()
    assert await tuples(db, "select id, value from toy_rows order by id") == [(1, "ours"), (2, "ours")]
    edits = await tuples(db, "select row_id, before, after from toy_edits order by row_id")
    assert edits == [(1, "theirs", "ours"), (2, None, "ours")]
    assert await attempts(db, [blocked, free]) == [1, 1]


async def waits_for_somebody(db: Connection) -> bool:
    waiting: bool = await db.fetchval(SOMEBODY_WAITS)
    return waiting


async def attempts(db: Connection, runs: list[Run]) -> list[int]:
    rows = await db.fetch("select attempts from task_queue where id = any ($1) order by id", [run.id for run in runs])
    return [row["attempts"] for row in rows]


async def test_two_committers_that_make_the_same_rows_lose_nothing(db: Connection, benches: Benches) -> None:
    one, two = benches(), benches()
    for bench, order in ((one, range(30)), (two, range(29, -1, -1))):
        for run, row in zip(await bench.runs(db, 30), order, strict=True):
            bench.add(run, [SetValue(row, bench.worker_id)])
    await asyncio.gather(one.settled(), two.settled())
    rows = dict(await tuples(db, "select id, value from toy_rows"))
    assert await replayed(db, {}) == rows
    assert await db.fetchval("select count(*) from toy_edits") == 60
