"""A claim's cost in buffers does not grow with what lies beside it, whatever the statistics say.

Twenty due tasks beside a flood that is measured small and large. Buffers are the function scan's own count, which
includes the statements inside.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from core.db.connect import Connection
from tests.core.queue.claims import CLAIM, claim

SMALL, LARGE, FULL = 1_000, 100_000, 1_000_000
TASKS = 20
PER_TASK = 40  # buffers: measured 14 to 16 without a key, 20 to 32 with one
FIXED = 300  # measured up to 130
WALKING = 25_000  # beside a busy key and future keys: 1,000 visits, an oldest claim twice; 19,500 at a million
GROWTH, DEEPER = 2.0, 100  # trees get deeper
KEYS = {"no": "null", "one": "'flood'", "each": "'flood ' || to_char(n, 'FM00000000')", "scattered": "md5(n::text)"}
DUE = {"without a key": "null", "with keys": "'mine ' || n", "of the flood's key": "'flood'"}


@dataclass(frozen=True)
class Flood:
    """Rows beside the due ones, older than they unless due later; `busy` = the one key of the flood is running."""

    task_type: str = "toy.note"
    priority: int = 5
    due_in_s: float = -60.0
    keys: str = "no"
    busy: bool = False
    crashes: int = 0

    async def load(self, db: Connection, rows: int) -> None:
        await db.execute("set rowmill.quiet = on")
        await db.execute(
            f"""insert into task_queue (task_type, payload, priority, scheduled_for, concurrency_key, crashes)
                select '{self.task_type}', '{{"note": "x"}}', {self.priority},
                       now() + {self.due_in_s} * interval '1 second' + n * interval '1 microsecond', {KEYS[self.keys]},
                       {self.crashes}
                from generate_series(1, {rows}) n"""
        )
        if self.busy and not await db.fetchval("select true from task_queue where status = 'processing'"):
            assert len(await claim(db, self.task_type, 1)) == 1


FLOODS = {
    "future tasks of a higher priority": (Flood(priority=9, due_in_s=3600),),
    "another type": (Flood("toy.set"),),
    "another type with keys": (Flood("toy.set", keys="each"),),
    "a backlog": (Flood(),),
    "a busy key": (Flood(keys="one", busy=True),),
    "a free key": (Flood(keys="one"),),
    "future keys": (Flood(keys="each", due_in_s=3600),),
    "future tasks of one key": (Flood(keys="one", due_in_s=3600),),
    "a backlog of keys": (Flood(keys="each"),),
    "suspects": (Flood(crashes=2),),
    "suspects with keys": (Flood(keys="each", crashes=2),),
    "a busy key and future keys": (Flood(keys="one", busy=True), Flood(keys="each", due_in_s=3600)),
}


@dataclass(frozen=True)
class Cost:
    buffers: int
    rows: int


@asynccontextmanager
async def due_for_a_moment(db: Connection, key: str) -> AsyncIterator[None]:
    await db.execute("begin")
    try:
        await db.execute(
            f"""insert into task_queue (task_type, payload, concurrency_key)
                select 'toy.note', '{{}}', {key} from generate_series(1, {TASKS}) n"""
        )
        yield
    finally:
        await db.execute("rollback")


async def cost(db: Connection, key: str, query: str, *values: Any) -> Cost:
    """The second of two measurements: caches are warm."""
    plan: dict[str, Any] = {}
    for _ in range(2):
        async with due_for_a_moment(db, key):
            told = await db.fetchval(f"explain (analyze, buffers, format json) {query}", *values)
        plan = json.loads(told)[0]["Plan"]
    return Cost(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], int(plan["Actual Rows"]))


async def costs(db: Connection) -> dict[str, Cost]:
    """What a worker asks all day, for each kind of due task."""
    found: dict[str, Cost] = {}
    for due, key in DUE.items():
        found |= {
            f"claim of tasks {due}": await cost(db, key, CLAIM, "toy.note", "me", TASKS, False, False, None),
            f"oldest claim of tasks {due}": await cost(db, key, CLAIM, "toy.note", "me", TASKS, True, False, None),
            f"coalescing claim of tasks {due}": await cost(db, key, CLAIM, "toy.note", "me", TASKS, False, True, None),
            f"claim of one task {due}": await cost(db, key, CLAIM, "toy.note", "me", 1, False, False, None),
            f"has_claimable {due}": await cost(db, key, "select * from rowmill.has_claimable($1)", "toy.note"),
            f"next_due_s {due}": await cost(db, key, "select * from rowmill.next_due_s($1)", "toy.note"),
        }
    return found


def too_dear(found: Mapping[str, Cost], fixed: int) -> dict[str, Cost]:
    return {what: each for what, each in found.items() if each.buffers > fixed + PER_TASK * each.rows}


async def stays_flat(db: Connection, name: str, rows: int) -> None:
    await db.execute("alter table task_queue set (autovacuum_enabled = off)")
    await db.execute("analyze task_queue")  # knows an empty table
    floods = FLOODS[name]
    for flood in floods:
        await flood.load(db, SMALL)
    small = await costs(db)
    for flood in floods:
        await flood.load(db, rows - SMALL)
    large = await costs(db)
    for what, each in large.items():
        print(f"{name:34} {what:48} {small[what].buffers:6} {each.buffers:6} buffers, {each.rows:4} rows")
    assert too_dear(large, WALKING if len(floods) > 1 else FIXED) == {}
    grown = {w: (small[w], c) for w, c in large.items() if c.buffers > GROWTH * small[w].buffers + DEEPER}
    assert grown == {}


@pytest.mark.parametrize("name", FLOODS)
async def test_a_claim_costs_the_same_beside_a_hundred_thousand(db: Connection, name: str) -> None:
    await stays_flat(db, name, LARGE)


@pytest.mark.full
@pytest.mark.parametrize("name", FLOODS)
async def test_a_claim_costs_the_same_beside_a_million(db: Connection, name: str) -> None:
    await stays_flat(db, name, FULL)


async def test_a_claim_needs_no_statistics(db: Connection) -> None:
    """A table that was never analyzed, empty and with a backlog."""
    await db.execute("alter table task_queue set (autovacuum_enabled = off)")
    assert too_dear(await costs(db), FIXED) == {}
    for name in ("a backlog", "another type with keys", "a busy key", "future keys"):
        await FLOODS[name][0].load(db, 5_000)
    assert too_dear(await costs(db), FIXED + WALKING) == {}


@pytest.mark.parametrize("analyzed", ["never", "empty", "full"])
async def test_a_bell_for_freed_keys_costs_a_probe_for_each(db: Connection, analyzed: str) -> None:
    """A type sleeps beside a backlog of other keys: none of them is to be read."""
    await db.execute("alter table task_queue set (autovacuum_enabled = off)")
    await db.execute("insert into rowmill.gate values ('toy.note', 'me', 'asleep', now() + interval '1 hour')")
    if analyzed == "empty":
        await db.execute("analyze task_queue")
    await Flood(keys="scattered").load(db, 20_000)
    if analyzed == "full":
        await db.execute("analyze task_queue")
    freed = [f"freed {n}" for n in range(200)]
    ring = "select rowmill.ring_keys($1)"
    assert (await cost(db, "null", ring, freed)).buffers < FIXED + 5 * len(freed)


async def test_statistics_of_a_flood_that_is_gone_do_no_harm(db: Connection) -> None:
    await db.execute("alter table task_queue set (autovacuum_enabled = off)")
    await FLOODS["a backlog"][0].load(db, 20_000)
    await FLOODS["a backlog of keys"][0].load(db, 20_000)
    await db.execute("analyze task_queue")
    await db.execute("delete from task_queue")
    await db.execute("vacuum (truncate off) task_queue")
    assert too_dear(await costs(db), FIXED) == {}
