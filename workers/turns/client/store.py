"""What the local database holds: rows, what is known of the server's rows, where each shape stands. Every method is one
transaction or part of one; nobody else writes with the triggers off."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiosqlite

from workers.turns.client import merging, schema
from workers.turns.client.model import TABLES, Given, Local, Row, Settled, Strategy, text

UNSEEN = -1  # the generation of a row that the shape does not hold


class Store:
    """One SQLite file. `strategy` decides clashes unless a row's own resolution does."""

    def __init__(self, database: aiosqlite.Connection, strategy: Strategy) -> None:
        self._database, self.strategy = database, strategy
        self._lock = asyncio.Lock()
        self.changed = asyncio.Event()  # somebody wrote through this store

    @classmethod
    async def open(cls, path: Path | str, strategy: Strategy) -> Store:
        database = await aiosqlite.connect(path, isolation_level=None)
        database.row_factory = aiosqlite.Row
        await database.execute("pragma journal_mode = wal")
        await database.execute("pragma synchronous = full")  # what was answered is on disk
        await database.execute("pragma busy_timeout = 5000")
        for script in schema.statements():
            await database.executescript(script)
        return cls(database, strategy)

    async def close(self) -> None:
        await self._database.close()

    # --- for the application: plain rows, tracked ---

    async def fetch(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        async with self._database.execute(sql, values) as found:
            return [dict(row) for row in await found.fetchall()]

    async def write(self, sql: str, *values: Any) -> int:
        """Any statement of the application. The triggers note what it changes."""
        async with self.transaction(syncing=False):
            done = await self._database.execute(sql, values)
        self.changed.set()
        return int(done.rowcount)

    async def insert(self, table: str, row: Mapping[str, Given]) -> None:
        names = ", ".join(_known(table, row))
        marks = ", ".join("?" for _ in row)
        await self.write(f"insert into {table} ({names}) values ({marks})", *(text(each) for each in row.values()))

    async def update(self, table: str, row_id: str, values: Mapping[str, Given]) -> int:
        marks = ", ".join(f"{name} = ?" for name in _known(table, values))
        given = [text(each) for each in values.values()]
        return await self.write(f"update {table} set {marks} where id = ? and _deleted = 0", *given, row_id)

    async def delete(self, table: str, row_id: str) -> None:
        await self.write(f"delete from {_table(table)} where id = ?", row_id)

    # --- for the sync ---

    @asynccontextmanager
    async def transaction(self, *, syncing: bool = True) -> AsyncIterator[None]:
        """One at a time. While syncing the triggers look away."""
        async with self._lock:
            try:
                await self._database.execute("begin immediate")
                if syncing:
                    await self._database.execute("update _sync_state set syncing = 1")
                yield
                if syncing:
                    await self._database.execute("update _sync_state set syncing = 0")
                await self._database.execute("commit")
            except BaseException:
                # Whoever was cancelled does not know whether BEGIN or COMMIT is still on its way: this comes behind it.
                with suppress(sqlite3.OperationalError):
                    await self._database.execute("rollback")
                raise

    async def run(self, sql: str, *values: Any) -> int:
        """A statement inside the caller's transaction."""
        return int((await self._database.execute(sql, values)).rowcount)

    async def held(self, table: str, row_id: str) -> dict[str, Any] | None:
        rows = await self.fetch(f"select * from {_table(table)} where id = ?", row_id)
        return rows[0] if rows else None

    async def take(self, table: str, remote: Row, generation: int, *, whole: bool) -> bool:
        """A row of the server, whole or what changed of it. True = a person must decide."""
        row_id = remote["id"] or ""
        held = await self.held(table, row_id)
        if held is None:
            if whole:  # what changed of a row that went here says nothing
                await self.put(table, row_id, Settled(_whole(table, remote), remote), generation)
            return False
        await self.run(f"update {table} set _generation = ? where id = ?", generation, row_id)
        known = json.loads(held["_remote"]) if held["_remote"] else None
        local = local_of(table, held)
        base = known or local.base or dict.fromkeys(TABLES[table])
        if int(base["version"] or 0) > int(remote["version"] or 0):
            return False  # an answer of the server told more already
        newer = {**base, **_whole(table, remote, partial=True)}
        if held["_operation"] is not None:
            await self.run(f"update {table} set _remote = ? where id = ?", json.dumps(newer), row_id)
            return False
        if held["_conflict_data"] is not None and local.base == newer:
            return False
        return await self.settle(table, row_id, local, newer, generation)

    async def take_gone(self, table: str, row_id: str) -> bool:
        """The server's row went, or left the shape."""
        held = await self.held(table, row_id)
        if held is None:
            return False
        if held["_operation"] is not None:
            await self.run(f"update {table} set _remote = 'null' where id = ?", row_id)
            return False
        local = local_of(table, held)
        if held["_new"]:
            return False  # it was never there: a snapshot without it is no news
        return await self.settle(table, row_id, local, None, held["_generation"])

    async def settle(
        self, table: str, row_id: str, local: Local, remote: Row | None, generation: int, by: Strategy | None = None
    ) -> bool:
        """Brings both sides together. True = a person must decide."""
        settled = merging.rebase(local, remote, by or self.strategy)
        await self.put(table, row_id, settled, generation)
        return settled.conflict is not None

    async def put(self, table: str, row_id: str, settled: Settled, generation: int) -> None:
        if settled.values is None:
            await self.run(f"delete from {table} where id = ?", row_id)
            return
        is_open = bool(settled.modified) or settled.deleted or settled.base is None or settled.conflict is not None
        columns = {
            **{name: settled.values.get(name) for name in TABLES[table]},
            "_synced": 0 if is_open else 1,
            "_sent_to_server": 0 if is_open else 1,
            "_deleted": int(settled.deleted),
            "_new": int(settled.base is None),
            "_modified_columns": json.dumps(sorted(settled.modified)),
            "_conflict_resolution": settled.resolution,
            "_conflict_data": json.dumps(settled.conflict) if settled.conflict else None,
            "_base": json.dumps(settled.base) if is_open and settled.base is not None else None,
            "_remote": None,
            "_operation": None,
            "_generation": generation,
        }
        columns |= {} if is_open else {"_sync_error": None, "_sync_retries": 0, "_modified_at": "{}"}
        names = ", ".join(columns)
        updates = ", ".join(
            f"{name} = excluded.{name}" for name in columns if name not in {"id", "_conflict_resolution"}
        )
        updates += f", _conflict_resolution = coalesce(excluded._conflict_resolution, {table}._conflict_resolution)"
        await self.run(
            f"insert into {table} ({names}) values ({', '.join('?' for _ in columns)}) "
            f"on conflict (id) do update set {updates}",
            *columns.values(),
        )

    async def unseen(self, table: str, generation: int) -> Iterable[str]:
        """Rows that a complete snapshot of this generation did not hold. What is not sent waits for its answer: a row
        that left the shape may still be there."""
        sql = f"select id from {_table(table)} where _generation < ? and _new = 0 and _synced = 1"
        return [row["id"] for row in await self.fetch(sql, generation)]

    async def keep_unseen(self, table: str, row_id: str) -> bool:
        """Whether the row has something unsent, and stays until that is settled."""
        sql = f"update {_table(table)} set _generation = {UNSEEN} where id = ? and _synced = 0"
        return bool(await self.run(sql, row_id))

    async def drop_unseen(self, table: str, row_id: str) -> None:
        """A settled row goes if its shape no longer holds it. 0: made here, the shape has not told of it yet."""
        await self.run(
            f"delete from {_table(table)} where id = ? and _synced = 1 and _generation <> 0 and _generation < "
            "(select generation from _shapes where table_name = ? and complete = 1)",
            *(row_id, table),
        )


def local_of(table: str, held: Mapping[str, Any]) -> Local:
    """A row of the local table as the merge sees it."""
    values = {name: held[name] for name in TABLES[table]}
    modified = frozenset(json.loads(held["_modified_columns"]))
    asked = json.loads(held["_conflict_data"] or "{}")
    base = json.loads(held["_base"]) if held["_base"] else None if held["_new"] else values
    return Local(values, base, modified, json.loads(held["_modified_at"]), bool(held["_deleted"]), asked)


def _whole(table: str, remote: Row, *, partial: bool = False) -> Row:
    """The columns that the local table has."""
    return {name: remote.get(name) for name in TABLES[table] if not partial or name in remote}


def _table(table: str) -> str:
    if table not in TABLES:
        raise KeyError(f"there is no table {table!r}; there are {', '.join(TABLES)}")
    return table


def _known(table: str, names: Iterable[str]) -> list[str]:
    listed = list(names)
    for name in listed:
        if name not in TABLES[_table(table)]:
            raise KeyError(f"{table} has no column {name!r}")
    return listed
