"""Who asks: a token in `Authorization: Bearer`, or the cookie of a person who has logged in with one.

A cookie travels by itself, so a request with one must come from our own page: SameSite=Strict, and the Origin of
everything that is no plain read (and of every WebSocket) must be this server.
"""

from __future__ import annotations

import hashlib
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from core.db import catalogs
from core.people.tokens import PREFIX, sha256
from core.web.call import Actor
from core.web.refusals import Refused
from core.web.state import SHELL, Shell

COOKIE: Final = "rowmill_session"
LONGEST: Final = 200  # characters of a token
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
WHO: Final = "no valid token; send one that `rowmill token create` made, in the header Authorization"
FOREIGN: Final = "this request comes from a page of another site; open the page of this server and try again"


async def authenticate(request: web.Request) -> Actor:
    """Raises Refused 401, 403, 429."""
    shell = request.app[SHELL]
    peer = ("peer", request.remote)
    if shell.rates.left(peer) < 1:
        shell.rates.take(peer)  # raises: too many wrong tokens from there
    actor = await _actor(request, shell)
    if actor is None:
        shell.rates.take(peer)
        raise Refused(401, "unauthorized", WHO)
    shell.rates.take(actor.token_id)
    if actor.by_cookie and (request.method not in {"GET", "HEAD"} or is_upgrade(request)):
        check_origin(request, required=True)
    return actor


async def _actor(request: web.Request, shell: Shell) -> Actor | None:
    header = request.headers.get("Authorization")
    if header is not None:
        kind, _, secret = header.partition(" ")
        secret = secret.strip()
        if kind.lower() != "bearer" or not _plausible(secret):
            return None
        return await _found(shell, "actor.by_token", sha256=sha256(secret))
    cookie = request.cookies.get(COOKIE)
    if cookie is None or len(cookie) > LONGEST:
        return None
    return await _found(shell, "actor.by_session", digest=session_digest(cookie))


def _plausible(secret: str) -> bool:
    return secret.startswith(PREFIX) and len(secret) <= LONGEST


async def _found(shell: Shell, statement: str, **values: object) -> Actor | None:
    async with shell.pool.acquire() as connection:
        rows = await catalogs.people()[statement].fetch(connection, **values)
    if not rows:
        return None
    row, by_cookie = rows[0], statement == "actor.by_session"
    return Actor(row["user_id"], row["email"], row["scope"], row["token_id"], tuple(row["workspaces"]), by_cookie)


async def actor_of_token(shell: Shell, secret: str) -> Actor | None:
    """Who a token stands for, as given in the login form."""
    return await _found(shell, "actor.by_token", sha256=sha256(secret)) if _plausible(secret) else None


def session_digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


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
