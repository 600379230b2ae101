"""A served API on a test's database, and clients of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import aiohttp

from core.db.connect import Connection
from core.people import tokens
from core.settings import Settings
from core.web.serve import served
from core.web.state import Shell
from tests.running import Database

LIMIT = aiohttp.ClientTimeout(total=30)


@dataclass(slots=True)
class Answered:
    """What came back."""

    status: int
    body: Any

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.body["error"]
        return found


@dataclass(slots=True)
class Client:
    """A client with a token. Messages of a feed that are not asked for are kept."""

    url: str
    token: str
    session: aiohttp.ClientSession

    async def get(self, path: str, **query: Any) -> Answered:
        return await self._asked("GET", path, params=_plain(query))

    async def post(self, path: str, body: Mapping[str, Any] | None = None, key: UUID | None = None) -> Answered:
        headers = {"Idempotency-Key": str(key or uuid4())}
        return await self._asked("POST", path, headers=headers, json=body)

    async def _asked(self, method: str, path: str, **given: Any) -> Answered:
        headers = {"Authorization": f"Bearer {self.token}", **given.pop("headers", {})}
        if given.get("json") is not None:
            given["data"] = json.dumps(given.pop("json"), default=str)
            headers["Content-Type"] = "application/json"
        given.pop("json", None)
        async with self.session.request(method, self.url + path, headers=headers, **given) as answer:
            return Answered(answer.status, await answer.json())

    async def edit(self, sheet: UUID, *edits: Mapping[str, Any], key: UUID | None = None) -> Answered:
        return await self.post(f"/api/spreadsheets/{sheet}/cells", {"edits": list(edits)}, key)

    @asynccontextmanager
    async def feed(self, sheet: UUID, token: str | None = None) -> AsyncIterator[Feed]:
        headers, query = {"Authorization": f"Bearer {self.token}"}, {} if token is None else {"token": token}
        url = f"{self.url}/api/spreadsheets/{sheet}/feed"
        async with self.session.ws_connect(url, headers=headers, params=query, max_msg_size=0) as connected:
            yield Feed(connected)


@dataclass(slots=True)
class Feed:
    """One connection to a feed."""

    socket: aiohttp.ClientWebSocketResponse
    token: str | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)

    async def message(self) -> dict[str, Any]:
        """The next message that is not about being alive."""
        while True:
            got = await self.socket.receive(timeout=20)
            if got.type is not aiohttp.WSMsgType.TEXT:
                return {"type": "closed", "code": self.socket.close_code, "reason": got.extra}
            message: dict[str, Any] = json.loads(got.data)
            self.token = message.get("token", self.token)
            if message["type"] == "changes":
                self.changes += message["changes"]
            if message["type"] != "alive":
                return message

    async def until(self, count: int) -> list[dict[str, Any]]:
        """Reads on until so many changes have come; returns them all."""
        while len(self.changes) < count:
            message = await self.message()
            assert message["type"] != "closed", message
        return self.changes


@dataclass(slots=True)
class Api:
    """The server of a test."""

    database: Database
    url: str
    session: aiohttp.ClientSession
    admin: str
    shell: Shell

    async def client(
        self, db: Connection, email: str, scope: tokens.Scope = "operate", workspaces: Sequence[UUID] = ()
    ) -> Client:
        made = await tokens.create(db, email, scope, create_user=True, workspaces=workspaces)
        return Client(self.url, made.secret, self.session)


@asynccontextmanager
async def serving(database: Database, port: int = 0, **settings: Any) -> AsyncIterator[Api]:
    """Serves while the block runs; its own user is an admin."""
    maker = await database.connect()
    made = await tokens.create(maker, f"{uuid4()}@rowmill.invalid", "admin", create_user=True)
    chosen = Settings(**{"web_rate": 100_000.0, "domains": ("workers.spreadsheets",), **settings})
    async with (
        served(database.dsn, chosen, "127.0.0.1", port) as running,
        aiohttp.ClientSession(timeout=LIMIT) as session,
    ):
        yield Api(database, running.url, session, made.secret, running.shell)


def _plain(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = [(name, value) for name, value in query.items() if value is not None]
    return [
        (name, str(each)) for name, value in pairs for each in (value if isinstance(value, (list, tuple)) else [value])
    ]
