"""Named reads of operators, batched: what the runs of a process ask of one statement within two turns of the loop
goes out as one query. Autocommitted, on the primary, after the claim.

Where row policies bind this login (`isolated`), a query is of one workspace, the one its tasks were claimed for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from core.db import catalogs
from core.db.connect import Connection, DatabaseUnreachable, Slots
from core.db.statements import Statement
from core.db.workspace import entering
from core.queue.run import Run
from core.task import Row

LARGEST_READ: Final = 1000  # keys in one query
_MARKS: Final = frozenset({"ord", "_target", "_version"})


@dataclass(frozen=True, slots=True)
class _Place:
    """What can be asked together."""

    package: str
    name: str
    workspace: str | None  # how to enter it; None: no policy binds this login


@dataclass(frozen=True, slots=True)
class _Asked:
    run: Run
    keys: tuple[Any, ...]
    answer: asyncio.Future[Sequence[Row]]


class Reader:
    """Batches the reads of a process. Its queries belong to the task group it is given."""

    def __init__(self, slots: Slots, tasks: asyncio.TaskGroup, *, isolated: bool = False) -> None:
        self._slots, self._tasks, self._isolated = slots, tasks, isolated
        self._asked: dict[_Place, list[_Asked]] = {}

    async def read(self, run: Run, name: str, keys: tuple[Any, ...]) -> Sequence[Row]:
        """Rows of one key, in the statement's order. Versions are noted on the run."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Sequence[Row]] = loop.create_future()
        place = _Place(run.operator.package, name, entering(run.workspace_id) if self._isolated else None)
        if place not in self._asked:
            self._asked[place] = []
            loop.call_soon(loop.call_soon, self._send, place)  # a turn later, for the runs beside it
        self._asked[place].append(_Asked(run, keys, answer))
        return await answer

    def _send(self, place: _Place) -> None:
        asked = self._asked.pop(place)
        for start in range(0, len(asked), LARGEST_READ):
            self._tasks.create_task(self._query(place, asked[start : start + LARGEST_READ]))

    async def _query(self, place: _Place, asked: list[_Asked]) -> None:
        try:
            statement = catalogs.of_package(place.package)[place.name]
            columns = list(zip(*(each.keys for each in asked), strict=True))
            async with self._slots.acquire() as connection:
                if place.workspace is None:
                    records = await connection.fetch(statement.sql, *columns)
                else:
                    records = await _fetch_inside(connection, place.workspace, statement, columns)
        except Exception as error:  # noqa: BLE001 - the askers get it; the pool decides what it means
            await self._explain(place, asked, error)
            return
        _hand_out(statement, records, asked)

    async def _explain(self, place: _Place, asked: list[_Asked], error: Exception) -> None:
        """One key that cannot be asked for must not fail the others: halves are asked again, down to the offender."""
        if len(asked) > 1 and isinstance(error, (ValueError, asyncpg.DataError)):
            middle = len(asked) // 2
            await self._query(place, asked[:middle])
            await self._query(place, asked[middle:])
            return
        if isinstance(error, (OSError, TimeoutError)):
            error = DatabaseUnreachable(f"a read was cut off ({type(error).__name__})")
        for each in asked:
            if not each.answer.done():
                each.answer.set_exception(error)


async def _fetch_inside(
    connection: Connection, workspace: str, statement: Statement, columns: list[tuple[Any, ...]]
) -> list[asyncpg.Record]:
    """In a transaction of its own, so that the workspace is gone with it, behind a pooler too."""
    await connection.execute(f"begin read only; {workspace}")
    try:
        return await connection.fetch(statement.sql, *columns)
    finally:
        if not connection.is_closed():
            await connection.execute("rollback")


def _hand_out(statement: Statement, records: list[asyncpg.Record], asked: list[_Asked]) -> None:
    rows: list[list[Row]] = [[] for _ in asked]
    for record in records:
        at = record["ord"] - 1
        rows[at].append({name: value for name, value in record.items() if name not in _MARKS})
        if statement.reads is not None and record["_target"] is not None:
            asked[at].run.seen[statement.reads, record["_target"]] = record["_version"]
    for each, found in zip(asked, rows, strict=True):
        if not each.answer.done():
            each.answer.set_result(tuple(found))
