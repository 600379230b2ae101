"""The development server on a test's database, and a follower that is stricter than any real one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from core.db import catalogs
from core.db.connect import Slots
from core.settings import Settings
from tests.running import Database
from workers.turns.shapes import development
from workers.turns.shapes.database import Source
from workers.turns.shapes.limits import Limits
from workers.turns.shapes.serving import Shapes

DOMAIN = "workers.turns"


@dataclass
class Dev:
    """A server of shapes, open to all."""

    url: str
    session: aiohttp.ClientSession
    shapes: Shapes
    database: Database

    async def get(self, headers: Mapping[str, str] | None = None, /, **query: Any) -> Reply:
        return await self.ask("GET", headers, **query)

    async def ask(self, method: str, headers: Mapping[str, str] | None = None, /, **query: Any) -> Reply:
        given = {
            name.replace("__", "[", 1) + "]" if name.startswith("params__") else name: value
            for name, value in query.items()
        }
        async with self.session.request(method, self.url, params=given, headers=headers) as answer:
            body = await answer.read()
            return Reply(answer.status, answer.headers, json.loads(body) if body else None)

    def follower(self, **params: str) -> Follower:
        return Follower(self, params)


@dataclass
class Reply:
    status: int
    headers: Mapping[str, str]
    body: Any


class Broken(AssertionError):
    """The server sent what a client cannot apply."""


@dataclass
class Follower:
    """Applies messages to rows by key. A row inserted twice, or changed without being there, is an error."""

    dev: Dev
    params: dict[str, str]
    handle: str | None = None
    offset: str = "-1"
    rows: dict[str, dict[str, str | None]] = field(default_factory=dict)
    lsn: int = 0
    up_to_date: bool = False
    handles: list[str] = field(default_factory=list)
    cursor: str | None = None

    async def step(self, *, live: bool = False) -> None:
        """One request."""
        query = {**self.params, "offset": self.offset}
        query |= {"handle": self.handle} if self.handle else {}
        query |= {"live": "true", **({"cursor": self.cursor} if self.cursor else {})} if live else {}
        reply = await self.dev.get(**query)
        if reply.status == 409:
            new = reply.headers["electric-handle"]
            if new in self.handles:
                raise Broken(f"the handle {new} came before")
            self.handles.append(new)
            self.handle, self.offset, self.up_to_date = new, "-1", False
            self.rows.clear()
            return
        assert reply.status == 200, (reply.status, reply.body)
        self.handle = reply.headers["electric-handle"]
        self.handles = self.handles if self.handle in self.handles else [*self.handles, self.handle]
        before, self.offset = self.offset, reply.headers["electric-offset"]
        self.cursor = reply.headers.get("electric-cursor", self.cursor)
        self.take(reply.body)
        done = any(each["headers"].get("control") == "up-to-date" for each in reply.body)
        if not live and not done and before == self.offset:
            raise Broken("neither up to date nor any further")
        self.up_to_date = done

    def take(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            headers = message["headers"]
            if "lsn" in headers and int(headers["lsn"]) < self.lsn:
                raise Broken(f"{headers['lsn']} came behind {self.lsn}")
            self.lsn = int(headers.get("lsn", self.lsn))
            if headers.get("control") == "up-to-date":
                self.lsn = int(headers["global_last_seen_lsn"])
            elif "operation" in headers:
                self._apply(message["key"], headers["operation"], message["value"])

    def _apply(self, key: str, operation: str, value: dict[str, str | None]) -> None:
        if (operation == "insert") == (key in self.rows):
            raise Broken(f"{operation} of {key}, which is {'there' if key in self.rows else 'not there'}")
        if operation == "delete":
            del self.rows[key]
        else:
            self.rows[key] = {**self.rows.get(key, {}), **value}

    async def catch_up(self) -> Follower:
        """Until up to date, without waiting."""
        self.up_to_date = False
        while not self.up_to_date:
            await self.step()
        return self

    @property
    def values(self) -> list[dict[str, str | None]]:
        return sorted(self.rows.values(), key=str)


@asynccontextmanager
async def developing(database: Database, **limits: Any) -> AsyncIterator[Dev]:
    """Serves while the block runs. Small chunks, short polls."""
    slots = Slots(database.dsn, Settings(), "shapes dev", 12)
    source = Source(slots.acquire, catalogs.of_package(DOMAIN))
    chosen = Limits(**{"chunk_bytes": 2000, "poll_s": 5.0, "max_age_s": 1, "stale_s": 3, **limits})
    app = development.application(source, chosen, 0.01, asyncio.Queue())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
            yield Dev(f"http://127.0.0.1:{port}/v1/shape", session, app[development.SHAPES], database)
    finally:
        await runner.cleanup()
        await slots.close()
