"""A request in a foreign protocol, on its way through a handler of a domain."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiohttp import web

from core.people.tokens import Scope
from core.web import auth
from core.web.call import Actor
from core.web.refusals import Refused
from core.web.routes import Protocol
from core.web.state import SHELL, Shell

Started = TypeVar("Started")
PROTOCOLS: Final = web.AppKey("protocols", frozenset)


@dataclass(frozen=True, slots=True)
class Visit:
    """Nobody has looked yet who asks."""

    request: web.Request
    shell: Shell

    async def let_in(self, scope: Scope) -> Actor:
        """Who asks, as everywhere else. Raises Refused 401, 403, 429."""
        actor = await auth.authenticate(self.request)
        if not actor.may(scope):
            raise Refused(
                403,
                "scope",
                f"this needs a token of scope {scope}, and this one is of scope {actor.scope}; use another",
            )
        return actor

    def service(self, start: Callable[[Any], AbstractAsyncContextManager[Started]]) -> Started:
        """What a service of the domain has yielded."""
        started: Started = self.shell.services[start]
        return started


def canonical(path: str) -> str:
    """A path with its parameters as aiohttp names it: without what they match."""
    return re.sub(r"\{(\w+):[^}]*\}", r"{\1}", path)


def spoken(protocol: Protocol) -> Any:
    """The handler as aiohttp wants it."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await protocol.handler(Visit(request, request.app[SHELL]))

    return handle
