"""One request on its way through a handler: who asks, what was asked, and the only ways to read and to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

import asyncpg
from aiohttp import web

from core.db import catalogs
from core.db.connect import Connection
from core.db.statements import Catalog
from core.effects import Effect, Target
from core.people.tokens import SCOPES, Scope
from core.queue.commit.answers import Answer, Ask
from core.queue.commit.commands import Command, Commands
from core.web.model import Model, Upload
from core.web.reading import KEY
from core.web.refusals import Refused, invalid
from core.web.routes import Route
from core.web.state import Shell

Asked = TypeVar("Asked", bound=Model)
Body = TypeVar("Body", bound=Model)
Started = TypeVar("Started")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: the user of a token. Admins see every workspace, the others those they are members of; a row without a
    workspace belongs to the installation and is for admins."""

    user_id: UUID
    email: str
    scope: Scope
    token_id: UUID
    workspaces: tuple[UUID, ...]
    by_cookie: bool = False

    def may(self, scope: Scope) -> bool:
        return SCOPES.index(self.scope) >= SCOPES.index(scope)

    @property
    def visible(self) -> list[UUID] | None:
        """The workspaces whose rows may be told; None = all. A parameter of statements."""
        return None if self.scope == "admin" else list(self.workspaces)

    def sees(self, workspace_id: UUID | None) -> bool:
        return self.scope == "admin" or workspace_id in self.workspaces


@dataclass(frozen=True, slots=True)
class Call(Generic[Asked, Body]):
    """`asked` holds path parameters and query, `body` what was sent. `given_id` is the idempotency key of a POST,
    `upload` the file of a route that takes one."""

    actor: Actor
    asked: Asked
    body: Body
    shell: Shell
    route: Route
    request: web.Request
    given_id: UUID | None = None
    upload: Upload | None = None

    @property
    def command_id(self) -> UUID:
        if self.given_id is None:
            raise invalid(f"the header {KEY} is missing; send a new UUID with each change", KEY)
        return self.given_id

    @property
    def statements(self) -> Catalog:
        """The named statements of the handler's own domain."""
        return catalogs.of_package(self.route.package)

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for reading, handed back at the end of the block."""
        return self.shell.pool.acquire()

    async def read(self, statement: str, **values: Any) -> list[asyncpg.Record]:
        """The rows of one named statement of the domain."""
        async with self.connection() as connection:
            return await self.statements[statement].fetch(connection, **values)

    async def apply(
        self,
        kind: str,
        effects: Sequence[Effect],
        *,
        seen: Mapping[Target, int] | None = None,
        workspace_id: UUID | None = None,
        content: object = None,
        ask: Ask | None = None,
        command_id: UUID | None = None,
    ) -> Answer:
        """Writes effects as one command of this user, once per idempotency key; a repeated request hears the same.

        Without `content`, the body and what was asked decide whether a second request is the same. A request that is
        several commands makes a `command_id` for each of the key.
        """
        told = (self.asked.model_dump(mode="json"), self.body.model_dump(mode="json")) if content is None else content
        key = command_id or self.command_id
        command = Command(key, self.actor.user_id, kind, effects, dict(seen or {}), workspace_id, told, ask)
        return await Commands(self.shell.commands, self.route.package).apply(command)

    def service(self, start: Callable[[Any], AbstractAsyncContextManager[Started]]) -> Started:
        """What a service of the domain has yielded."""
        started: Started = self.shell.services[start]
        return started

    def need_workspace(self, workspace_id: UUID | None, what: str) -> None:
        """Raises Refused 404 where this row is not for this user's eyes: the same words as for one that is absent."""
        if not self.actor.sees(workspace_id):
            raise absent(what)


def absent(what: str) -> Refused:
    """`what` is a noun, as in `spreadsheet`."""
    return Refused(404, "not_found", f"there is no such {what}, or it is not yours to see; check the id")
