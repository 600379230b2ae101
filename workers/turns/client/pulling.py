"""Follows shapes: pages of rows into the store, each with the place behind it in one transaction, so that whoever is
killed goes on exactly there."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from workers.turns.client.model import TABLES, SyncMetrics
from workers.turns.client.store import Store

BACK_OFF_S: Final = (0.2, 15.0)
LIVE_LIMIT_S: Final = 60.0
NETWORK: Final = (aiohttp.ClientError, OSError, TimeoutError)
TROUBLE: Final = (*NETWORK, ValueError, KeyError, sqlite3.OperationalError)  # what is waited out


class ShapeRefused(Exception):
    """The server does not serve this shape to us; trying again cannot help."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a shape stands. `complete`: the snapshot of this generation was read to its end."""

    handle: str | None
    offset: str
    generation: int
    complete: bool


@dataclass(slots=True)
class Shape:
    """One shape. `params` are the query without place: table, where, params[n]. `place` is what the disk has."""

    name: str
    table: str
    params: dict[str, str]
    place: Place
    begun: float = 0.0
    refused: str | None = None
    trouble: str | None = None  # why the last step failed, if it was not the network


def surprise(error: Exception) -> str | None:
    """What a person should hear of trouble; a network that is away is none."""
    if isinstance(error, sqlite3.OperationalError):
        return f"the local file cannot be written ({error}); is another program at it, or the disk full?"
    if isinstance(error, NETWORK):
        return None
    return f"an answer was not understood ({error!r}); is there a login page in front of the server?"


async def load(store: Store, name: str) -> Shape | None:
    rows = await store.fetch("select * from _shapes where name = ?", name)
    if not rows:
        return None
    row = rows[0]
    params = json.loads(row["params"])
    place = Place(row["handle"], row["offset"], row["generation"], bool(row["complete"]))
    return Shape(name, row["table_name"], params, place)


async def subscribe(store: Store, name: str, table: str, params: Mapping[str, str]) -> Shape:
    """The shape of this name. Other parameters than before begin it anew; rows that are no longer in it go then."""
    before = await load(store, name)
    wanted = {"table": table, "columns": ",".join(f'"{column}"' for column in TABLES[table]), **params}
    if before is not None and before.params == wanted:
        return before
    made = Shape(name, table, wanted, _anew(before.place.generation if before else 0))
    async with store.transaction():
        await store.run(
            "insert into _shapes (name, table_name, params, handle, offset, generation, complete) "
            "values (?, ?, ?, null, '-1', ?, 0) on conflict (name) do update set params = excluded.params, "
            "handle = null, offset = '-1', generation = excluded.generation, complete = 0",
            *(name, table, json.dumps(wanted), made.place.generation),
        )
    return made


def _anew(generation: int) -> Place:
    """The beginning, behind this generation."""
    return Place(None, "-1", generation + 1, complete=False)


class Puller:
    """Follows one shape until cancelled. `caught_up` is set while it is live."""

    def __init__(self, store: Store, session: aiohttp.ClientSession, url: str, headers: Mapping[str, str]) -> None:
        self._store, self._session = store, session
        self._url, self._headers = f"{url}/v1/shape", headers
        self.caught_up = asyncio.Event()
        self.on_change: Callable[[str], None] = lambda _table: None

    async def run(self, shape: Shape) -> None:
        """Raises ShapeRefused. Trouble is waited out."""
        wait_s = BACK_OFF_S[0]
        while True:
            try:
                await self.step(shape, live=self.caught_up.is_set())
                wait_s, shape.trouble = BACK_OFF_S[0], None
            except TROUBLE as error:
                shape.trouble = surprise(error)
                await self._count(shape, "retries")
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))
                wait_s = min(wait_s * 2, BACK_OFF_S[1])
            except ShapeRefused as error:
                shape.refused = str(error)
                await self._count(shape, "errors")
                raise

    async def step(self, shape: Shape, *, live: bool) -> None:
        """One request."""
        place = shape.place
        query = {**shape.params, "offset": place.offset}
        if place.handle is not None and place.offset != "-1":
            query["handle"] = place.handle
        if live:
            query["live"] = "true"
        shape.begun = shape.begun or time.monotonic()
        limit = aiohttp.ClientTimeout(total=LIVE_LIMIT_S)
        async with self._session.get(self._url, params=query, headers=self._headers, timeout=limit) as answer:
            body = await answer.read()
            status, headers = answer.status, answer.headers
        if status == 409:  # noqa: PLR2004 - must refetch
            await self._begin_again(shape)
            return
        if status == 429 or status >= 500:  # noqa: PLR2004 - later
            raise aiohttp.ClientConnectionError(f"the server answered {status}")
        if status != 200:  # noqa: PLR2004 - OK
            raise ShapeRefused(f"the server answered {status}: {body[:300].decode(errors='replace')}")
        await self._take(shape, json.loads(body), headers["electric-handle"], headers["electric-offset"])

    async def _begin_again(self, shape: Shape) -> None:
        """Rows stay in sight until the new snapshot is complete; what is not in it goes then."""
        self.caught_up.clear()
        shape.begun, place = time.monotonic(), _anew(shape.place.generation)
        async with self._store.transaction():
            await self._keep(shape.name, place)
        shape.place = place

    async def _take(self, shape: Shape, messages: Sequence[dict[str, Any]], handle: str, offset: str) -> None:
        """A page: rows and place together. What was rolled back is read again."""
        asked = changes = 0
        is_end, generation = False, shape.place.generation
        async with self._store.transaction():
            for message in messages:
                operation = message["headers"].get("operation")
                is_end |= message["headers"].get("control") == "up-to-date"
                if operation == "delete":
                    asked += await self._take_gone(shape, message["value"]["id"])
                elif operation is not None:
                    whole = operation == "insert"
                    asked += await self._store.take(shape.table, message["value"], generation, whole=whole)
                changes += operation is not None
            if is_end and not shape.place.complete:
                changes += await self._complete(shape)
            place = Place(handle, offset, generation, shape.place.complete or is_end)
            await self._keep(shape.name, place, asked)
        shape.place = place
        if is_end:
            self.caught_up.set()
        if changes:
            self.on_change(shape.table)

    async def _take_gone(self, shape: Shape, row_id: str) -> bool:
        """Before a snapshot is complete, old deletes of rows that came back are read again."""
        if not shape.place.complete and await self._store.keep_unseen(shape.table, row_id):
            return False
        return await self._store.take_gone(shape.table, row_id)

    async def _complete(self, shape: Shape) -> int:
        gone = list(await self._store.unseen(shape.table, shape.place.generation))
        for row_id in gone:
            await self._store.take_gone(shape.table, row_id)
        duration = time.monotonic() - shape.begun
        await self._store.run("update _shapes set duration = ? where name = ?", duration, shape.name)
        return len(gone)

    async def _keep(self, name: str, place: Place, asked: int = 0) -> None:
        await self._store.run(
            "update _shapes set handle = ?, offset = ?, generation = ?, complete = ?, conflicts = conflicts + ? "
            "where name = ?",
            *(place.handle, place.offset, place.generation, int(place.complete), asked, name),
        )

    async def _count(self, shape: Shape, column: str) -> None:
        with suppress(sqlite3.OperationalError):  # a figure is not worth the puller
            async with self._store.transaction():
                await self._store.run(f"update _shapes set {column} = {column} + 1 where name = ?", shape.name)


async def metrics(store: Store) -> list[SyncMetrics]:
    """The document's metrics, of every shape."""
    found = []
    for row in await store.fetch("select * from _shapes order by name"):
        (counted,) = await store.fetch(f"select count(*) as number from {row['table_name']} where _deleted = 0")
        numbers = (row["conflicts"], row["errors"], row["retries"])
        found.append(SyncMetrics(row["name"], counted["number"], row["duration"], *numbers))
    return found
