"""The independent checker: invariants I1 to I8 over the tables, in SQL of its own. It shares no code with the engine,
and while it watches nothing is unique that could hide a second effect.

    I1  every task that a producer was told is his is there
    I2  a completed task has exactly one set of effects, of the run that completed it
    I3  a task that is not completed has no effects but those its commits in the middle of a run kept
    I4  a row is what replaying its audit gives
    I5  no task stays with a dead worker for two leases
    I6  attempts and crashes are within their limits
    I7  each move of a task is a legal one, and no move is missing
    I8  nothing comes from nowhere and nothing goes: tasks = inserts - deletes, each of one number that was sent
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from tests.torture.ledger import Ledger

HERE: Final = Path(__file__).parent
_PARTS: Final = re.split(
    r"^-- name: (\S+)\n", (HERE / "invariants.sql").read_text(encoding="utf-8"), flags=re.MULTILINE
)
INVARIANTS: Final[dict[str, str]] = dict(zip(_PARTS[1::2], _PARTS[2::2], strict=True))
MOVES: Final = frozenset({"I7", "I8"})  # asked only where moves are written down
SHOWN: Final = 5
LIMIT_S: Final = 600.0
_SHORTEST_LEASE_S: Final = 3.0

Session = Any  # an asyncpg connection


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold: which, how often, and the first cases."""

    invariant: str
    cases: int
    first: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.invariant} is broken {self.cases} times, for example: {'; '.join(self.first)}"


async def watch(session: Session) -> None:
    """From now on every move of a task is written down, and run rows are not unique."""
    await session.execute((HERE / "watching.sql").read_text(encoding="utf-8"))


async def check(dsn: str, ledgers: Iterable[Ledger] = (), lease_s: float = _SHORTEST_LEASE_S) -> list[Violation]:
    """What is broken now; in the middle of a run (then acknowledgements go on meanwhile) or after it."""
    session = await asyncpg.connect(dsn, timeout=30, command_timeout=LIMIT_S)
    try:
        # Tables that have just been filled have no statistics, and a nested loop over them would take for ever.
        await session.execute("set enable_nestloop = off; set work_mem = '128MB'")
        ledgers = list(ledgers)
        await _load_acked(session, ledgers)
        watched = await session.fetchval("select to_regclass('torture_moves') is not null")
        async with session.transaction(isolation="repeatable_read"):
            await session.fetchval("select count(*) from acked")  # the snapshot is of now
            await _load_sent(session, ledgers)
            found = [await _broken(session, name, lease_s) for name in INVARIANTS if watched or name not in MOVES]
        return [each for each in found if each is not None]
    finally:
        await session.close()


async def _load_acked(session: Session, ledgers: list[Ledger]) -> None:
    """Read before the tables are: what is acknowledged later is not yet claimed to be there."""
    await session.execute(
        "create temporary table acked (id uuid); create temporary table sent (low bigint, high bigint)"
    )
    for ledger in ledgers:
        await session.copy_records_to_table("acked", records=((each,) for each in ledger.acked()))
    await session.execute("analyze acked")


async def _load_sent(session: Session, ledgers: list[Ledger]) -> None:
    """Read behind the snapshot of the tables: what is in it has been sent before."""
    for ledger in ledgers:
        await session.copy_records_to_table("sent", records=ledger.sent_ranges())


async def _broken(session: Session, name: str, lease_s: float) -> Violation | None:
    sql = INVARIANTS[name]
    rows = await session.fetch(sql, *([lease_s] if "$1" in sql else []))
    if not rows:
        return None
    return Violation(name, len(rows), tuple(str(row["why"]) for row in rows[:SHOWN]))
