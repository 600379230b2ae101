"""Statistics add up to what the tables say, and percentiles stay within a bucket of the truth."""

from __future__ import annotations

import random
import statistics
from typing import Any

import asyncpg
import pytest

from core import state
from core.db import catalogs
from core.db.connect import Connection
from core.queue import sweep
from core.queue.stats import BOUNDS_MS, OUTCOMES, Counts, as_array
from tests.running import Workers, all_ended, enqueue, until

TOTALS = f"select {', '.join(f'sum({name})::int as {name}' for name in OUTCOMES)} from rowmill.task_stats"
IN = "select coalesce(sum(n), 0)::int from rowmill.task_stats, unnest({}_ms_histogram) n"


async def totals(db: Connection) -> dict[str, int]:
    row = await db.fetchrow(TOTALS)
    assert row is not None
    return {name: row[name] or 0 for name in OUTCOMES}


def counted(*transitions: state.Transition, run_ms: float = 5) -> Counts:
    counts = Counts()
    for each in transitions:
        counts.add(each, 1, 1.0, run_ms)
    return counts


class Pools:
    """A pool as the sweep sees it."""

    task_type = "toy.set"

    def __init__(self) -> None:
        self.counts = counted(state.completed())

    def take_counts(self) -> Counts:
        taken, self.counts = self.counts, Counts()
        return taken


class Broken:
    """A database that is away."""

    async def ask(self, *_: Any, **__: Any) -> None:
        raise ConnectionResetError("gone")


# --- counting --------------------------------------------------------------------------------------------------------


def test_every_transition_a_worker_writes_is_counted_as_one_outcome() -> None:
    ends = [
        state.completed(),
        state.superseded(),
        state.failed("x"),
        state.cancelled("x"),
        state.retried("x", 1),
        state.snoozed(None, 1),
        state.returned("x"),
        state.unstarted("x"),
    ]
    counts = counted(*ends)
    assert counts.outcomes == {"completed": 2, "failed": 1, "retried": 1, "cancelled": 1, "returned": 3}
    assert (sum(counts.wait_ms), sum(counts.run_ms)) == (7, 7)  # the unstarted one never ran


def test_a_run_longer_than_every_bound_is_counted_beyond_the_last() -> None:
    assert counted(state.completed(), run_ms=BOUNDS_MS[-1] + 1).run_ms[-1] == 1
    assert counted(state.completed(), run_ms=BOUNDS_MS[-1]).run_ms[-2] == 1
    assert counted(state.completed(), run_ms=0).run_ms[0] == 1


def test_a_histogram_is_written_without_trailing_zeros() -> None:
    assert [as_array(each) for each in ([0, 2, 0, 1, 0, 0], [0, 0], [3])] == ["{0,2,0,1}", "{}", "{3}"]


async def test_counts_that_could_not_be_flushed_are_kept() -> None:
    pool = Pools()
    with pytest.raises(ConnectionResetError):
        await sweep.flush([pool], Broken(), "me")  # type: ignore[list-item,arg-type]
    assert pool.counts.outcomes == counted(state.completed()).outcomes
    assert sum(pool.counts.run_ms) == 1


async def test_a_flush_without_counts_asks_nothing() -> None:
    pool = Pools()
    pool.take_counts()
    await sweep.flush([pool], Broken(), "me")  # type: ignore[list-item,arg-type]


# --- in the database -------------------------------------------------------------------------------------------------


async def test_python_and_sql_share_the_bounds(db: Connection) -> None:
    assert await db.fetchval("select rowmill.histogram_bounds()") == pytest.approx(list(BOUNDS_MS))


async def test_after_a_drain_statistics_equal_the_tables(db: Connection, workers: Workers) -> None:
    for number in range(200):
        await enqueue(db, "toy.note", {"note": str(number)})
    await enqueue(db, "toy.note", {"wrong": 1})
    for number in range(50):
        await enqueue(db, "toy.copy", {"source": number, "target": 1}, concurrency_key="one")
    running = await workers.start("toy.note", "toy.copy")
    await all_ended(db)
    await running.stop()
    rows = await db.fetch("select status, count(*)::int as n from task_queue group by status")
    ends = {row["status"]: row["n"] for row in rows}
    found = await totals(db)
    assert {name: n for name, n in found.items() if n and name not in {"returned", "retried"}} == ends
    runs = await db.fetchval("select count(*)::int from robot_input_events")
    assert (await db.fetchval(IN.format("wait")), await db.fetchval(IN.format("run"))) == (runs, runs)


async def test_a_running_worker_flushes_without_being_stopped(db: Connection, workers: Workers) -> None:
    await enqueue(db, "toy.note", {"note": "x"})
    await workers.start("toy.note")

    async def look() -> bool:
        return (await totals(db))["completed"] == 1

    await until(look, 5, "the flush")


async def flush(db: Connection, counts: Counts, worker_id: str = "me", now: Any = None) -> None:
    await catalogs.engine()["count"].fetch(
        db,
        worker_id=worker_id,
        now=now,
        task_types=["toy.set"],
        wait_ms=[as_array(counts.wait_ms)],
        run_ms=[as_array(counts.run_ms)],
        **{name: [counts.outcomes[name]] for name in OUTCOMES},
    )


async def test_flushes_of_one_minute_add_up_in_one_row(db: Connection) -> None:
    now = await db.fetchval("select timestamptz '2026-01-01 10:00:30+00'")
    await flush(db, counted(state.completed(), run_ms=3), now=now)
    await flush(db, counted(state.completed(), state.failed("x"), run_ms=3000), now=now)
    rows = await db.fetch("select * from rowmill.task_stats")
    assert [(row["completed"], row["failed"], sum(row["run_ms_histogram"])) for row in rows] == [(2, 1, 3)]
    assert rows[0]["minute"] == now.replace(second=0)


@pytest.mark.parametrize("fraction", [0.5, 0.95, 0.99])
async def test_a_percentile_is_within_a_bucket_of_the_truth(db: Connection, fraction: float) -> None:
    chance = random.Random(7)
    values = [chance.lognormvariate(4, 1.5) + 1 for _ in range(5000)]
    counts = Counts()
    for each in values:
        counts.add(state.completed(), 1, 0, each)
    told = await db.fetchval("select rowmill.percentile($1, $2)", counts.run_ms, fraction)
    true = statistics.quantiles(values, n=100)[round(fraction * 100) - 1]
    assert true / 1.42 <= told <= true * 1.42


async def test_percentiles_of_nothing_are_null_and_of_the_longest_are_finite(db: Connection) -> None:
    longest = [0] * len(BOUNDS_MS) + [1]
    ask = "select rowmill.percentile($1, 0.5)"
    assert [await db.fetchval(ask, each) for each in ([], [0, 0], longest)] == [
        None,
        None,
        pytest.approx(BOUNDS_MS[-1]),
    ]


async def test_throughput_merges_the_workers_of_a_minute(db: Connection) -> None:
    await flush(db, counted(*[state.completed()] * 90, run_ms=2), "one")
    await flush(db, counted(*[state.failed("x")] * 10, run_ms=100_000), "two")
    rows: list[asyncpg.Record] = await db.fetch(
        "select task_type, sum(completed)::int as completed, sum(failed)::int as failed, min(run_p50_ms) as half, "
        "max(run_p99_ms) as most from monitoring.throughput_1m group by task_type"
    )
    assert [(row["task_type"], row["completed"], row["failed"]) for row in rows] == [("toy.set", 90, 10)]
    assert rows[0]["half"] <= 2.0
    assert rows[0]["most"] >= 65_536
