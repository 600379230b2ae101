"""Shapes that somebody follows: made once for a definition, found again by handle, dropped."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg
import orjson

from workers.turns.model.shapes import ALIAS, Definition, Shape
from workers.turns.shapes import messages, printing
from workers.turns.shapes.database import Connection, Source

OLD: Final = 20_000  # transactions after which a newcomer gets a new snapshot rather than the log
TRIES: Final = 5


class ConditionUnfit(ValueError):
    """PostgreSQL does not take the condition for this table; the message is its own."""


@dataclass(slots=True)
class Store:
    """All shapes of this database. Several processes may share it: what there is stands in tables."""

    source: Source
    chunk_bytes: int
    _making: dict[str, asyncio.Lock] = field(default_factory=dict)
    _last: int = 0

    async def current(self, definition: Definition) -> Shape:
        """The shape of this definition for somebody who starts: one that is there and young, or a new one."""
        digest = definition.digest
        lock = self._making.setdefault(digest, asyncio.Lock())
        try:
            async with lock:
                return await self._current(definition, digest)
        finally:
            if not lock.locked():
                self._making.pop(digest, None)

    async def _current(self, definition: Definition, digest: str) -> Shape:
        for _ in range(TRIES):
            rows = await self.source.read("shape_current", definition=digest)
            if rows and rows[0]["layout"] == definition.layout.digest:
                (log,) = await self.source.read("log_head")
                if rows[0]["snapshot_lsn"] >= log["pruned"] and log["head"] - rows[0]["snapshot_lsn"] < OLD:
                    return _shape(definition, dict(rows[0]))
                await self.source.read("shape_retire", handle=rows[0]["handle"])
            elif rows:
                await self.drop(rows[0]["handle"])
            with contextlib.suppress(asyncpg.UniqueViolationError, asyncpg.SerializationError):
                return await self._make(definition, digest)
        raise asyncpg.SerializationError("the shape is being made by somebody else")

    async def by_handle(self, handle: str, definition: Definition) -> Shape | None:
        """None where it is gone, another one's, or of the table as it was."""
        rows = await self.source.read("shape_by_handle", handle=handle)
        if not rows or (rows[0]["definition"], rows[0]["layout"]) != (definition.digest, definition.layout.digest):
            return None
        return _shape(definition, dict(rows[0]))

    async def rel_of(self, handle: str) -> int | None:
        """The table of a shape; None where it is gone."""
        rows = await self.source.read("shape_by_handle", handle=handle)
        return int(rows[0]["rel"]) if rows else None

    async def drop(self, handle: str) -> bool:
        return bool(await self.source.read("shape_drop", handle=handle))

    async def drop_of_table(self, rel: int) -> int:
        return len(await self.source.read("shape_drop_of_table", rel=rel))

    async def check(self, definition: Definition) -> None:
        """Raises ConditionUnfit."""
        if definition.where is None:
            return
        async with self.source.printing() as connection:
            with _unfit():
                await connection.fetch(printing.probe(definition))

    async def chunk(self, shape: Shape, number: int) -> bytes | None:
        """A chunk of the snapshot as a JSON array without its end; None where it is gone."""
        rows = await self.source.read("shape_chunk", handle=shape.handle, number=number)
        if not rows and (shape.row_count or number):
            return None  # chunks do not survive a crash of the server; an empty shape has none
        body = rows[0]["body"].encode() if rows else b""
        if number < shape.chunks - 1:
            return b"[" + body + b"]"
        return b"[" + b",".join(part for part in (body, messages.snapshot_end(shape.snapshot)) if part) + b"]"

    async def _make(self, definition: Definition, digest: str) -> Shape:
        """One snapshot of the database gives rows, head, and the transactions that it shows and that have no number
        yet: those are in the rows, and the log of this shape leaves them out."""
        handle = self._new_handle(digest)
        async with self.source.printing("repeatable_read") as connection:
            (now,) = await self.source.statements["log_in_outbox"].fetch(connection)
            spec: dict[str, Any] = {"where": definition.where.sql.replace(ALIAS, "r") if definition.where else None}
            spec |= {"columns": [each.name for each in definition.columns], "replica": definition.replica}
            values = {
                "handle": handle,
                "definition": digest,
                "rel": definition.layout.rel,
                "layout": definition.layout.digest,
                "spec": orjson.dumps(spec).decode(),
                "snapshot_lsn": now["head"],
                "waiting": now["waiting"],
                "snapshot": now["snapshot"],
            }
            await self.source.statements["shape_reserve"].fetch(connection, **values)
            row_count = await self._fill(connection, definition, handle)
            (filled,) = await self.source.statements["shape_filled"].fetch(
                connection, handle=handle, row_count=row_count
            )
        return _shape(definition, {**values, "chunks": filled["chunks"], "row_count": row_count})

    async def _fill(self, connection: Connection, definition: Definition, handle: str) -> int:
        if definition.log == "changes_only":
            return 0
        sql = printing.snapshot(definition, messages.row_headers(definition))
        with _unfit():
            (filled,) = await connection.fetch(sql, handle, self.chunk_bytes, timeout=600)
        return int(filled["row_count"])

    def _new_handle(self, digest: str) -> str:
        """Never one that was there before."""
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return f"{digest}-{self._last}"


def _shape(definition: Definition, row: Mapping[str, Any]) -> Shape:
    waiting = tuple(int(each) for each in row["waiting"])
    numbers = (row["chunks"], row["row_count"])
    return Shape(row["handle"], definition, row["snapshot_lsn"], waiting, row["snapshot"], *numbers)


@contextlib.contextmanager
def _unfit() -> Iterator[None]:
    """What is wrong with the condition for this table, as PostgreSQL says it."""
    try:
        yield
    except (asyncpg.DataError, asyncpg.SyntaxOrAccessError) as error:
        if isinstance(error, (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError)):
            raise
        raise ConditionUnfit(str(error.args[0])) from error
