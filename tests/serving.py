"""The HTTP API as a client meets it: a real server on a free port of the loopback interface, real tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import aiohttp

from core.db.connect import Connection
from core.db.workspace import DEFAULT_WORKSPACE
from core.people import tokens
from core.people.tokens import NewToken, Scope
from core.settings import Settings
from core.web.serve import Served, served
from tests.running import Database

LIMIT_S = 20.0


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Any
    body: bytes
    json: Any = None

    def ok(self) -> Any:
        assert self.status < 300, (self.status, self.body)
        return self.json

    def refusal(self, status: int, code: str | None = None) -> dict[str, Any]:
        """The error, after a look at its shape: a sentence, no internals."""
        assert self.status == status, (self.status, self.body)
        assert list(self.json) == ["error"], self.body
        error: dict[str, Any] = self.json["error"]
        assert {"code", "message"} <= error.keys() <= {"code", "message", "field", "details"}
        assert len(error["message"]) > 10
        assert "Traceback" not in error["message"]
        assert code is None or error["code"] == code, error
        return error


@dataclass
class Client:
    """A client with one token, or with none."""

    url: str
    session: aiohttp.ClientSession
    token: NewToken | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token.secret}"} if self.token else {}

    async def ask(self, method: str, path: str, **given: Any) -> Reply:
        """Any request. `key` is the idempotency key of a POST: a new one, unless given; None = no header."""
        headers = {**self.headers, **given.pop("headers", {})}
        key = given.pop("key", uuid4() if method == "POST" else None)
        if key is not None:
            headers["Idempotency-Key"] = str(key)
        async with self.session.request(
            method, self.url + path, headers=headers, allow_redirects=False, **given
        ) as response:
            body = await response.read()
            is_json = response.content_type == "application/json"
            return Reply(response.status, response.headers, body, await response.json() if is_json else None)

    async def get(self, path: str, **given: Any) -> Reply:
        return await self.ask("GET", path, **given)

    async def post(self, path: str, document: Any = None, **given: Any) -> Reply:
        return await self.ask("POST", path, **({"json": document} if document is not None else {}), **given)


@dataclass
class Site:
    """A running server and clients of it."""

    served: Served
    database: Database
    db: Connection
    session: aiohttp.ClientSession
    _made: int = field(default=0)

    async def client(
        self, scope: Scope = "admin", *, workspaces: tuple[UUID, ...] = (DEFAULT_WORKSPACE,), **given: Any
    ) -> Client:
        """A client with a token of its own, of a user of its own who is a member of these workspaces."""
        self._made += 1
        given = {"create_user": True, "workspaces": workspaces, "email": f"{scope}{self._made}@example.org", **given}
        return Client(self.served.url, self.session, await tokens.create(self.db, scope=scope, **given))

    def stranger(self) -> Client:
        """A client without a token."""
        return Client(self.served.url, self.session)

    async def user_id(self, client: Client) -> UUID:
        assert client.token is not None
        found: UUID = await self.db.fetchval("select user_id from api_tokens where id = $1", client.token.id)
        return found


@asynccontextmanager
async def running_site(database: Database, host: str = "127.0.0.1", **settings: Any) -> AsyncIterator[Site]:
    """The whole API, domains of the tests included. A high rate: tests ask faster than people."""
    chosen = Settings(
        **{
            "domains": ("workers.spreadsheets", "workers.work_orders", "workers.reports", "tests.toy"),
            "web_rate": 10_000,
            **settings,
        }
    )
    limit = aiohttp.ClientTimeout(total=LIMIT_S)
    db = await database.connect()
    async with served(database.dsn, chosen, host, 0) as server, aiohttp.ClientSession(timeout=limit) as session:
        yield Site(server, database, db, session)
