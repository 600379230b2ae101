"""Each invariant, broken by hand, is noticed; and a run of the engine breaks none. A checker that is always content
proves nothing."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from core.db.connect import Connection
from tests.running import until
from tests.torture import checker
from tests.torture.checker import INVARIANTS
from tests.torture.crew import Crew, all_ended
from tests.torture.ledger import Ledger
from tests.torture.producer import Plan, produce
from tests.torture.stage import Ground

TASKS = 40


@dataclass
class Done:
    """A database in which work was done, and nothing is wrong yet."""

    ground: Ground
    db: Connection
    ids: list[UUID]

    async def broken(self) -> set[str]:
        return {each.invariant for each in await self.ground.check()}


@pytest.fixture
async def done(ground: Ground) -> Done:
    """Work by the hand of this test, as the engine does it: faster than starting a worker for each invariant."""
    db = await ground.connect()
    ledger = ground.ledger()
    await produce(ground.dsn, ledger, Plan(TASKS, slots=3, chunks_every=10))
    await db.execute((SQL / "by_hand.sql").read_text(encoding="utf-8"))
    return Done(ground, db, ledger.acked())


SQL = Path(checker.__file__).parent
PARTS = re.split(r"^-- (I\d): (.*)\n", (SQL / "breaches.sql").read_text(encoding="utf-8"), flags=re.MULTILINE)
BREACHES = dict(zip(PARTS[2::3], zip(PARTS[1::3], PARTS[3::3], strict=True), strict=True))


async def test_nothing_is_wrong_where_nothing_is_wrong(done: Done) -> None:
    assert await done.broken() == set()
    assert len(done.ids) == TASKS


@pytest.mark.parametrize("breach", BREACHES)
async def test_a_breach_is_noticed(done: Done, breach: str) -> None:
    invariant, sql = BREACHES[breach]
    await done.db.execute(sql)
    assert invariant in await done.broken()


def test_every_invariant_has_a_breach() -> None:
    assert {invariant for invariant, _ in BREACHES.values()} == set(INVARIANTS) == {f"I{n}" for n in range(1, 9)}


async def test_a_worker_breaks_nothing_also_while_it_works(ground: Ground) -> None:
    crew = Crew(ground)
    await crew.single()
    await crew.up(1)
    working = asyncio.create_task(
        produce(ground.dsn, ground.ledger(), Plan(2000, rate=1000, ms=(0, 20), slots=20, chunks_every=20))
    )
    while not working.done():
        assert await ground.check() == []
    assert await working == 0
    await all_ended(ground, 60)
    assert await ground.check() == []
    db = await ground.connect()
    assert await db.fetchval("select count(*) from torture_effects") >= 2000
    assert await crew.stop() == [0]


# --- the ledger ------------------------------------------------------------------------------------------------------


def test_a_ledger_says_what_was_written_to_it(tmp_path: Path) -> None:
    ids = [uuid4() for _ in range(3)]
    with Ledger(tmp_path / "ledger") as ledger:
        ledger.sent(0, 2)
        ledger.acknowledged(ids)
        ledger.sent(3, 9)
        ledger.sent(11, 12)
    assert Ledger(tmp_path / "ledger").acked() == ids
    assert ledger.sent_ranges() == [(0, 9), (11, 12)]  # what follows each other is one


def test_a_line_that_a_killed_producer_left_unfinished_does_not_count(tmp_path: Path) -> None:
    path, task_id = tmp_path / "ledger", uuid4()
    path.write_text(f"sent 0 0\nacked {task_id}\nsent 1 1\nacked {str(uuid4())[:20]}")
    assert Ledger(path).acked() == [task_id]
    assert Ledger(path).sent_ranges() == [(0, 1)]
    assert Ledger(tmp_path / "none").acked() == []


async def test_a_producer_goes_on_after_a_lost_answer_and_never_sends_a_number_twice(ground: Ground) -> None:
    db, ledger = await ground.connect(), ground.ledger()
    producing = asyncio.create_task(produce(ground.dsn, ledger, Plan(400, rate=400, batch=10)))
    cut = """select count(pg_terminate_backend(pid)) from pg_stat_activity
             where datname = current_database() and query ~ '^\\s*insert into task_queue' and pid <> pg_backend_pid()"""
    await until(lambda: db.fetchval(cut), what="a producer to cut off")
    unknown = await producing
    assert len(ledger.acked()) == 400
    numbers = [n for low, high in ledger.sent_ranges() for n in range(low, high + 1)]
    assert sorted(numbers) == list(range(400 + unknown))
    assert [each for each in await ground.check() if not re.match("I[23]", each.invariant)] == []
