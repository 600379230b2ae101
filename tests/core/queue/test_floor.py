"""Under a transaction that pins vacuum looks begin at a floor: nothing pending is missed, nothing dead is walked."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from core.db.connect import Connection
from core.queue.floor import GRACE_S, HOLDS, LONGEST_S, Floors
from core.queue.gate import Gate
from tests.core.queue.claims import CLAIM, claim
from tests.core.queue.sleepers import wait_asleep
from tests.running import Database, Workers, ended, enqueue, task_row, until

DEAD = 200_000  # a look walks them for 15 ms or more
BUFFERS = 1500  # a probe for each priority is some 400
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
CLAIM_FROM = CLAIM.replace("$6)", "$6, $7)")


@pytest.fixture
async def pinned(database: Database, db: Connection) -> AsyncIterator[None]:
    """Tasks that were enqueued and done while somebody pins vacuum."""
    pinning = await database.connect()
    async with pinning.transaction(isolation="repeatable_read"):
        await pinning.fetch("select 1 from task_queue limit 1")
        await db.execute("set rowmill.quiet = on")
        await db.execute(
            "insert into task_queue (task_type, payload, scheduled_for, priority) select 'toy.note', '{}', "
            "now() - interval '1 hour' + n * interval '1 millisecond', n % 3 * 5 from generate_series(1, $1::int) n",
            DEAD,
        )
        await db.execute("delete from task_queue")
        yield


async def floor(db: Connection) -> datetime | None:
    found: datetime | None = await db.fetchval("select floor from rowmill.find_floor('toy.note')")
    return found


async def buffers(db: Connection, query: str, *values: Any) -> int:
    """Of the second of two runs, taken back."""
    plan: dict[str, Any] = {}
    for _ in range(2):
        async with db.transaction():
            savepoint = db.transaction()
            await savepoint.start()
            plan = json.loads(await db.fetchval(f"explain (analyze, buffers, format json) {query}", *values))[0]["Plan"]
            await savepoint.rollback()
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


async def test_a_cheap_look_has_no_floor(db: Connection) -> None:
    await enqueue(db, "toy.note", {"note": "x"})
    assert await floor(db) is None


async def test_a_floor_is_never_above_what_is_pending_nor_above_two_seconds_ago(
    database: Database, db: Connection, pinned: None
) -> None:
    found = await floor(db)
    assert found is not None
    assert found <= await db.fetchval("select now() - interval '2 seconds'")
    old = await enqueue(db, "toy.note", {"note": "x"}, priority=0, scheduled_for=LONG_AGO)
    other = await database.connect()
    async with other.transaction():
        assert [row["id"] for row in await claim(other, "toy.note", 1)] == [old]
        assert await floor(db) == LONG_AGO  # its claim may yet be taken back


async def test_looks_from_a_floor_see_what_looks_at_everything_see(db: Connection, pinned: None) -> None:
    for priority in (0, 7, 100):
        await enqueue(db, "toy.note", {"note": "x"}, priority=priority)
    await enqueue(db, "toy.note", {"note": "x"}, priority=50, scheduled_for=LATER)
    given = await floor(db)
    assert given is not None
    lanes = "select * from rowmill.lanes('toy.note', $1) order by priority"
    assert await db.fetch(lanes, given) == await db.fetch(lanes, None)
    assert await db.fetchval("select rowmill.has_claimable('toy.note', $1)", given)
    due_in_s = [await db.fetchval("select rowmill.next_due_s('toy.note', $1)", each) for each in (given, None)]
    assert due_in_s[0] == pytest.approx(due_in_s[1], abs=1)
    rows = await db.fetch(CLAIM_FROM, "toy.note", "me", 10, False, False, None, given)
    assert sorted(row["priority"] for row in rows) == [0, 7, 100]


async def test_looks_from_a_floor_do_not_walk_what_is_dead(db: Connection, pinned: None) -> None:
    given = await floor(db)
    await enqueue(db, "toy.note", {"note": "x"})
    looks = {
        "claim": ("select * from rowmill.claim('toy.note', 'me', 10, false, false, null, $1)", given),
        "has_claimable": ("select rowmill.has_claimable('toy.note', $1)", given),
        "next_due_s": ("select rowmill.next_due_s('toy.note', $1)", given),
    }
    found = {name: await buffers(db, *look) for name, look in looks.items()}
    whole = await buffers(db, "select rowmill.has_claimable('toy.note')")
    print(found, whole)
    assert max(found.values()) < BUFFERS < whole


async def test_a_claim_walks_what_is_dead_once(db: Connection, pinned: None) -> None:
    """To find the lanes, and not again to take from them."""
    await enqueue(db, "toy.note", {"note": "x"})
    look = await buffers(db, "select * from rowmill.lanes('toy.note')")
    claimed = await buffers(db, "select * from rowmill.claim('toy.note', 'me', 10, false, false, null)")
    print(look, claimed)
    assert claimed < 1.2 * look + BUFFERS


async def test_keys_know_no_floor(db: Connection) -> None:
    task = await enqueue(db, "toy.note", {"note": "x"}, concurrency_key="k")
    assert await db.fetchval("select rowmill.has_claimable('toy.note', $1)", LATER)
    rows = await db.fetch(CLAIM_FROM, "toy.note", "me", 10, False, False, None, LATER)
    assert [row["id"] for row in rows] == [task]


class Server:
    """Answers find_floors, or nothing."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.answer: list[Mapping[str, Any]] = []
        self.now = 0.0

    async def ask(self, statement: str, **values: Any) -> list[asyncpg.Record]:
        assert statement == "find_floors"
        self.asked.append(values["task_types"])
        return self.answer  # type: ignore[return-value]


async def test_a_floor_is_believed_for_ten_seconds_at_most() -> None:
    server = Server()
    floors = Floors(lambda: server.now)
    server.answer = [{"task_type": "dear", "floor": LONG_AGO, "took_s": 2.0}]
    await floors.find(server.ask, ["dear"])
    server.now = LONGEST_S
    await floors.find(server.ask, ["dear"])
    assert server.asked == [["dear"], ["dear"]]


async def test_a_floor_is_believed_twenty_times_as_long_as_it_took_to_find() -> None:
    server = Server()
    floors = Floors(lambda: server.now)
    server.answer = [{"task_type": "dear", "floor": LONG_AGO, "took_s": 0.1}]
    await floors.find(server.ask, ["dear", "cheap"])
    assert (floors.of("dear"), floors.of("cheap")) == (LONG_AGO, None)
    server.now, server.answer = HOLDS * 0.1 - 0.1, []
    await floors.find(server.ask, ["dear", "cheap"])
    assert floors.of("dear") == LONG_AGO
    server.now = HOLDS * 0.1
    await floors.find(server.ask, ["dear", "cheap"])
    assert server.asked == [["dear", "cheap"], ["cheap"], ["dear", "cheap"]]
    assert floors.of("dear") is None


async def test_no_floor_is_looked_for_while_claims_go_on_in_a_backlog() -> None:
    server = Server()
    await Floors(lambda: server.now, in_backlog="full".__eq__).find(server.ask, ["full", "short"])
    assert server.asked == [["short"]]


async def test_a_floor_that_is_not_found_anew_is_believed_no_more() -> None:
    server = Server()
    floors = Floors(lambda: server.now)
    server.answer = [{"task_type": "dear", "floor": LONG_AGO, "took_s": 0.1}]
    await floors.find(server.ask, ["dear"])
    server.now = HOLDS * 0.1 + GRACE_S
    assert floors.of("dear") == LONG_AGO
    server.now += 0.1
    assert floors.of("dear") is None


async def test_the_gate_looks_from_the_floor() -> None:
    given: list[datetime | None] = []

    async def ask(statement: str, **values: Any) -> list[asyncpg.Record]:
        if statement == "gate_settled":
            given.append(values["floor"])
        answer = {"horizon": "1", "settled": True, "work": False, "due_in_s": None}
        return [answer]  # type: ignore[list-item]

    await Gate("toy.note", "me", 60.0, ask, lambda: LONG_AGO).step(0.0, free=True)
    assert given == [LONG_AGO]


@pytest.mark.parametrize("returned", [False, True], ids=["inserted", "returned"])
async def test_a_task_before_the_floor_is_found_when_the_floor_is_over(
    db: Connection, workers: Workers, monkeypatch: pytest.MonkeyPatch, *, returned: bool
) -> None:
    running = await workers.start("toy.note", poll_s=0.1)
    await wait_asleep(running)
    claimer = running.worker.pools[0]._shared.claimer
    ask, given = claimer.ask, set[tuple[str, datetime | None]]()

    async def noted(statement: str, **values: Any) -> list[asyncpg.Record]:
        if claimer.floors.of("toy.note") == LATER and statement in {"claim", "look", "gate_settled"}:
            given.add((statement, values["floors"][0] if statement == "look" else values["floor"]))
        return await ask(statement, **values)

    monkeypatch.setattr(claimer, "ask", noted)
    monkeypatch.setattr(running.worker.pools[0]._gate, "_ask", noted)
    claimer.floors._note(["toy.note"], [{"task_type": "toy.note", "floor": LATER, "took_s": LONGEST_S}])  # type: ignore[list-item]
    if returned:
        await db.execute(
            "insert into task_queue (task_type, payload, status, worker_id, run_no) "
            "values ('toy.note', '{\"note\": \"x\"}', 'processing', 'gone', 1)"
        )
        await db.fetch("select * from rowmill.reap('gone', 10)")
        (task,) = [row["id"] for row in await db.fetch("select id from task_queue")]
    else:
        task = await enqueue(db, "toy.note", {"note": "x"})
    await until(lambda: all_given(given), what="looks from the floor")
    assert {due for _, due in given} == {LATER}
    assert (await task_row(db, task))["status"] == "pending"
    claimer.floors._clock = lambda: time.monotonic() + LONGEST_S
    assert (await ended(db, task))["status"] == "completed"


async def all_given(given: set[tuple[str, datetime | None]]) -> bool:
    return {statement for statement, _ in given} == {"claim", "look", "gate_settled"}
