"""Two commits of a pool may be under way: beside any batch a full one, of other rows."""

from __future__ import annotations

import asyncio

import pytest

from core.db.connect import Connection
from core.queue.commit.transaction import Transaction
from core.queue.run import Run
from tests.committing import Bench, Benches, tuples
from tests.running import until
from tests.toy.model import SetValue

FULL = 4


@pytest.fixture
def lanes(benches: Benches) -> Bench:
    return benches(batch_tasks=FULL)


class Held:
    """Transactions that hold before their COMMIT until they are let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.arrived, self._go = 0, asyncio.Event()
        commit = Transaction.commit

        async def held(transaction: Transaction) -> None:
            self.arrived += 1
            await self._go.wait()
            await commit(transaction)

        monkeypatch.setattr(Transaction, "commit", held)

    async def at_least(self, count: int) -> bool:
        return self.arrived >= count

    def let_go(self) -> None:
        self._go.set()


def decide(bench: Bench, runs: list[Run], row: int | None = None) -> None:
    for at, run in enumerate(runs, 1):
        bench.add(run, [SetValue(row or at, f"of {run.id}")])


async def test_a_full_batch_of_other_rows_is_committed_beside_the_first(
    db: Connection, lanes: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    runs = await lanes.runs(db, 2 * FULL)
    for at, run in enumerate(runs, 1):
        lanes.add(run, [SetValue(at, "new")])
    await until(lambda: held.at_least(2), what="two open transactions")
    held.let_go()
    await lanes.settled()
    assert await db.fetchval("select count(*) from toy_rows where value = 'new'") == 2 * FULL
    assert await db.fetchval("select count(distinct xact_id) from robot_input_events") == 2


async def test_what_is_less_than_a_batch_waits_for_the_one_under_way(
    db: Connection, lanes: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    runs = await lanes.runs(db, FULL + 2)
    for at, run in enumerate(runs, 1):
        lanes.add(run, [SetValue(at, "new")])
    await until(lambda: held.at_least(1), what="an open transaction")
    assert lanes.committer.backlog == FULL + 2
    assert not lanes.ends
    held.let_go()
    await lanes.settled()
    assert held.arrived == 2


async def test_later_writers_of_a_row_never_overtake_the_batch_under_way(
    db: Connection, lanes: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch)
    runs = await lanes.runs(db, 3 * FULL)
    decide(lanes, runs[:FULL], row=1)
    decide(lanes, runs[FULL : 2 * FULL], row=1)
    for at, run in enumerate(runs[2 * FULL :], 2):
        lanes.add(run, [SetValue(at, "beside")])
    await until(lambda: held.at_least(2), what="two open transactions")
    held.let_go()
    await lanes.settled()
    values = [value for (value,) in await tuples(db, "select after from toy_edits where row_id = 1 order by edit_no")]
    assert values == [f"of {run.id}" for run in runs[: 2 * FULL]]


async def test_poison_in_either_batch_fails_its_run_alone(db: Connection, lanes: Bench) -> None:
    runs = await lanes.runs(db, 4 * FULL)
    for at, run in enumerate(runs, 1):
        lanes.add(run, [SetValue(at, "poison" if at in {2, FULL + 1, 3 * FULL} else "good")])
    await db.execute("alter table toy_rows add constraint no_poison check (value <> 'poison')")
    await lanes.settled()
    assert await db.fetchval("select count(*) from toy_rows where value = 'good'") == 4 * FULL - 3
    states = await tuples(db, "select status, count(*) from task_queue group by status order by status")
    assert states == [("completed", 4 * FULL - 3), ("pending", 3)]
