"""Who asks: a token or the secret of a session in `Authorization: Bearer`, or the cookie of a person who has logged in.

A cookie travels by itself, so a request with one must come from our own page: SameSite=Strict, and the Origin of
everything that is no plain read (and of every WebSocket) must be this server.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeVar
from urllib.parse import urlsplit

from aiohttp import web

from core.db import catalogs
from core.people import logins
from core.people.tokens import PREFIX, sha256
from core.web.call import Actor, Call
from core.web.model import Model
from core.web.refusals import Refused
from core.web.state import SHELL, Shell

Asked = TypeVar("Asked", bound=Model)
Body = TypeVar("Body", bound=Model)
COOKIE: Final = "rowmill_session"
LONGEST: Final = 200  # characters of a token
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
WHO: Final = (
    "no valid token; send one that `rowmill token create` or a login made, in the header Authorization, or log in again"
)
FOREIGN: Final = "this request comes from a page of another site; open the page of this server and try again"


async def authenticate(request: web.Request) -> Actor:
    """Raises Refused 401, 403, 429."""
    shell = request.app[SHELL]
    peer, digest = ("peer", request.remote), sha256(session_secret(request))
    if digest not in shell.recognized and shell.rates.left(peer) < 1:
        shell.rates.take(peer)  # raises: too many wrong tokens from there
    actor = await _actor(request, shell)
    shell.recognized.note(digest, valid=actor is not None)
    if actor is None:
        shell.rates.take(peer)
        raise Refused(401, "unauthorized", WHO)
    shell.rates.take(actor.token_id)
    if actor.by_cookie and (request.method not in {"GET", "HEAD"} or is_upgrade(request)):
        check_origin(request, required=True)
    return actor


async def renewed(call: Call[Asked, Body]) -> Call[Asked, Body]:
    """The same call of who asks by now, for answers that last. Raises Refused 401."""
    actor = await _actor(call.request, call.shell)
    if actor is None or not actor.may(call.route.scope):
        raise Refused(401, "unauthorized", WHO)
    return replace(call, actor=actor)


async def _actor(request: web.Request, shell: Shell) -> Actor | None:
    header = request.headers.get("Authorization")
    if header is None:
        return await _of_session(shell, request.cookies.get(COOKIE, ""), by_cookie=True)
    secret = _bearer(header)
    if secret.startswith(logins.PREFIX):
        return await _of_session(shell, secret, by_cookie=False)
    return await actor_of_token(shell, secret)


def _bearer(header: str) -> str:
    kind, _, secret = header.partition(" ")
    return secret.strip() if kind.lower() == "bearer" else ""


def session_secret(request: web.Request) -> str:
    """The session that a request comes with; empty where it comes with a token."""
    header = request.headers.get("Authorization")
    return request.cookies.get(COOKIE, "") if header is None else _bearer(header)


async def _of_session(shell: Shell, secret: str, *, by_cookie: bool) -> Actor | None:
    if not secret or len(secret) > LONGEST:
        return None
    return await _found(shell, "actor.by_session", by_cookie=by_cookie, digest=logins.digest(secret))


async def actor_of_token(shell: Shell, secret: str) -> Actor | None:
    """Who a token stands for."""
    if not secret.startswith(PREFIX) or len(secret) > LONGEST:
        return None
    return await _found(shell, "actor.by_token", sha256=sha256(secret))


async def _found(shell: Shell, statement: str, *, by_cookie: bool = False, **values: object) -> Actor | None:
    async with shell.pool.acquire() as connection:
        rows = await catalogs.people()[statement].fetch(connection, **values)
    if not rows:
        return None
    row = rows[0]
    return Actor(row["user_id"], row["email"], row["scope"], row["token_id"], tuple(row["workspaces"]), by_cookie)


def is_upgrade(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def check_host(request: web.Request) -> None:
    """A page of a stranger whose name was pointed at this machine (DNS rebinding) sends its own name as the Host."""
    shell = request.app[SHELL]
    if shell.hosts and _name(request.host) not in shell.hosts:
        raise Refused(
            421, "unknown_host", "this server does not answer to that name; use its own, or add it to ROWMILL_WEB_HOSTS"
        )


def check_origin(request: web.Request, *, required: bool) -> None:
    """The page that asks must be ours."""
    origin = request.headers.get("Origin")
    if origin is None and not required:
        return
    if origin is None or urlsplit(origin).netloc.lower() != request.host.lower():
        raise Refused(403, "foreign_origin", FOREIGN, field="Origin")


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
