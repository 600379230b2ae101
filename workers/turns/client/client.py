"""The face of the client half: local rows, shapes that fill them, writes that find their way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp

from workers.turns.client import merging, pulling
from workers.turns.client.model import Given, Local, Row, Settled, Strategy, SyncMetrics, text
from workers.turns.client.pulling import Puller, Shape
from workers.turns.client.pushing import Pusher
from workers.turns.client.store import Store, local_of

USER_SHAPES: Final = ("turn_stages", "vendors", "properties", "turns")  # the document's four; the server narrows them
QUIET_S: Final = 0.3  # edits of a row within this time are one operation


class TurnsClient:
    """Made by open_client. Offline from the start, until go_online."""

    def __init__(self, store: Store, session: aiohttp.ClientSession, url: str, token: str, quiet_s: float) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self.store, self._session, self._url, self._headers = store, session, url.rstrip("/"), headers
        self._pusher = Pusher(store, session, self._url, headers, quiet_s)
        self._shapes: dict[str, tuple[Shape, Puller]] = {}
        self._running: list[asyncio.Task[None]] = []
        self.online = False

    # --- rows ---

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """What a person sees: deleted ones are gone at once. Columns that begin with _ tell of the sync."""
        return await self.store.fetch(f"select * from {table} where _deleted = 0 order by id")

    async def get(self, table: str, row_id: str) -> dict[str, Any] | None:
        held = await self.store.held(table, row_id)
        return held if held is not None and not held["_deleted"] else None

    async def insert(self, table: str, **values: Given) -> str:
        """A new row, at once; returns its id, which is its id on the server too."""
        row_id = str(values.pop("id", None) or uuid4())
        await self.store.insert(table, {"id": row_id, **values})
        return row_id

    async def update(self, table: str, row_id: str, **values: Given) -> None:
        if not await self.store.update(table, row_id, values):
            raise KeyError(f"there is no row {row_id} in {table}")

    async def delete(self, table: str, row_id: str) -> None:
        await self.store.delete(table, row_id)

    # --- shapes ---

    async def initialize_user_shapes(self) -> None:
        """The document's shapes: properties, active turns, approved vendors, stages."""
        for table in USER_SHAPES:
            await self.subscribe_to_shape(table, table)

    async def subscribe_to_shape(
        self, name: str, table: str, where: str | None = None, params: Mapping[int, Given] | None = None
    ) -> None:
        """Follows the rows of a table that the server lets us see, narrowed by a condition. One shape per table."""
        query = {} if where is None else {"where": where}
        query |= {f"params[{at}]": text(value) or "" for at, value in (params or {}).items()}
        shape = await pulling.subscribe(self.store, name, table, query)
        puller = Puller(self.store, self._session, self._url, self._headers)
        self._shapes[name] = (shape, puller)
        if self.online:
            self._running.append(asyncio.create_task(self._follow(shape, puller)))

    async def update_shape_filter(
        self, name: str, where: str | None, params: Mapping[int, Given] | None = None
    ) -> None:
        """The shape of this name shows other rows from now on. What is not sent yet stays."""
        table, was_online = self._shapes[name][0].table, self.online
        await self.go_offline()
        await self.subscribe_to_shape(name, table, where, params)
        if was_online:
            await self.go_online()

    async def _follow(self, shape: Shape, puller: Puller) -> None:
        with suppress(pulling.ShapeRefused):
            await puller.run(shape)

    # --- network ---

    @property
    def trouble(self) -> str | None:
        """Why nothing goes on: the login has ended, the answers are not the server's, the file cannot be written. None
        while all is well, or only the network is away."""
        told = (shape.refused or shape.trouble for shape, _ in self._shapes.values())
        return self._pusher.trouble or next(filter(None, told), None)

    async def use_token(self, token: str) -> None:
        """Goes on with another token or session; what waits is sent."""
        self._headers["Authorization"] = f"Bearer {token}"
        was_online = self.online
        await self.go_offline()
        self._pusher.trouble = None
        for shape, _ in self._shapes.values():
            shape.refused = None
        if was_online:
            await self.go_online()

    async def go_online(self) -> None:
        if self.online:
            return
        self.online = True
        self._running = [asyncio.create_task(self._follow(*each)) for each in self._shapes.values()]
        self._running.append(asyncio.create_task(self._pusher.run()))

    async def go_offline(self) -> None:
        """Nothing is sent or received any more; what was sent and not answered is sent again later."""
        self.online = False
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running = []
        for _, puller in self._shapes.values():
            puller.caught_up.clear()

    async def sync_pending_writes(self) -> None:
        """Sends everything now. Raises what the network raises."""
        if not self.online:
            raise ConnectionError("this client is offline; call go_online first")
        await self._pusher.push()

    async def pull(self) -> None:
        """Reads every shape to its end, once. Raises what the network raises."""
        for shape, puller in self._shapes.values():
            puller.caught_up.clear()
            while not puller.caught_up.is_set():
                await puller.step(shape, live=False)

    async def wait_caught_up(self) -> None:
        """Until every shape has come to its end once."""
        await asyncio.gather(*(puller.caught_up.wait() for _, puller in self._shapes.values()))

    async def pending(self) -> int:
        """Rows with changes that the server has not taken yet."""
        counted = [
            await self.store.fetch(f"select count(*) as number from {table} where _synced = 0")
            for table in {shape.table for shape, _ in self._shapes.values()} or USER_SHAPES
        ]
        return sum(int(rows[0]["number"]) for rows in counted)

    # --- conflicts ---

    async def conflicts(self) -> list[tuple[str, str, dict[str, Any]]]:
        """What a person must decide: table, row, and each column with base, local and remote."""
        found = []
        for table in USER_SHAPES:
            rows = await self.store.fetch(f"select id, _conflict_data from {table} where _conflict_data is not null")
            found += [(table, row["id"], json.loads(row["_conflict_data"])) for row in rows]
        return found

    async def resolve(self, table: str, row_id: str, by: Strategy, **values: Given) -> None:
        """Decides a conflict: `local` or `remote` for all of its columns, or `user` with the values to keep."""
        async with self.store.transaction():
            held = await self.store.held(table, row_id)
            if held is None or held["_conflict_data"] is None:
                raise KeyError(f"the row {row_id} of {table} is in no conflict")
            clash: dict[str, dict[str, Any]] = json.loads(held["_conflict_data"])
            await self._resolved(table, held, clash, by, {name: text(each) for name, each in values.items()})
        self.store.changed.set()

    async def _resolved(
        self, table: str, held: dict[str, Any], clash: dict[str, dict[str, Any]], by: Strategy, values: Row
    ) -> None:
        local = local_of(table, held)
        if merging.WHOLE in clash:
            settled = _whole_row(local, by, is_there=clash[merging.WHOLE]["remote"] is not None)
        else:
            remote = {name: clash[name]["remote"] for name in clash} if by == "remote" else {}
            settled = _by_column(local, remote | values, merging.WORDS[by])
        await self.store.put(table, held["id"], settled, held["_generation"])
        await self.store.run(f"update {table} set _sync_error = null where id = ?", held["id"])
        await self.store.drop_unseen(table, held["id"])

    async def discard(self, table: str, row_id: str) -> None:
        """Takes back what was changed here, for example when the server has refused it."""
        async with self.store.transaction():
            held = await self.store.held(table, row_id)
            if held is not None and held["_operation"] is None:
                base = local_of(table, held).base
                await self.store.put(table, row_id, Settled(base, base), held["_generation"])
                await self.store.drop_unseen(table, row_id)

    async def metrics(self) -> list[SyncMetrics]:
        return await pulling.metrics(self.store)


def _whole_row(local: Local, by: Strategy, *, is_there: bool) -> Settled:
    """Deleted on one side, changed on the other."""
    if by == "remote":
        return Settled(local.base, local.base, resolution="remote") if is_there else Settled(None)
    if is_there:
        return Settled(local.values, local.base, local.modified, deleted=True, resolution="local")
    return merging.rebase(local, None, "local")


def _by_column(local: Local, chosen: Row, word: str) -> Settled:
    values, base = {**local.values, **chosen}, local.base or {}
    modified = frozenset(name for name in local.modified | set(chosen) if values[name] != base.get(name))
    return Settled(values, local.base, modified, resolution=word)


async def log_in(url: str, email: str, password: str) -> str:
    """A new session's secret, for open_client and use_token. Raises PermissionError, or what the network raises."""
    async with aiohttp.ClientSession() as session:
        body = {"email": email, "password": password}
        async with session.post(f"{url.rstrip('/')}/login", json=body) as answer:
            told = await answer.json()
    if answer.status != HTTPStatus.OK:
        raise PermissionError(told["error"]["message"])
    return str(told["token"])


@asynccontextmanager
async def open_client(
    path: Path | str, url: str, token: str, *, strategy: Strategy = "merge", quiet_s: float = QUIET_S
) -> AsyncIterator[TurnsClient]:
    """A client on this file. Goes offline and closes at the end of the block; what waits goes on next time."""
    store = await Store.open(path, strategy)
    async with aiohttp.ClientSession() as session:
        client = TurnsClient(store, session, url, token, quiet_s)
        try:
            yield client
        finally:
            await client.go_offline()
            await store.close()
