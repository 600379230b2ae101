"""The page's door: a form that takes a token and gives a cookie. The cookie is a secret of its own, kept as its
SHA-256; it ends with the token it stands on."""

from __future__ import annotations

import base64
import hashlib
import html
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from aiohttp import web

from core.db import catalogs
from core.web import auth
from core.web.refusals import Refused
from core.web.state import SHELL

FORM_BYTES: Final = 4096
STYLE: Final = (
    "body{font:16px/1.5 system-ui;margin:15vh auto;max-width:26rem;padding:0 1rem}"
    "input,button{font:inherit;width:100%;padding:.5rem;margin:.3rem 0;box-sizing:border-box}"
)
STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Rowmill: log in</title><style>{style}</style></head>
<body><main><h1>Rowmill</h1><p>{said}</p>
<form method="post" action="/login"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="{next}"><button>Log in</button></form>
<p>Make a token with <code>rowmill token create</code>.</p></main></body></html>
"""
ASK: Final = "This page needs a token."
WRONG: Final = "This token is not valid. It may have expired or been revoked; make a new one."


def wanted(request: web.Request) -> bool:
    """Whether a person is looking, who can fill in a form."""
    return request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("Accept", "")


def form(request: web.Request, said: str = ASK, onward: str | None = None) -> web.Response:
    """The login form, as the body of a 401."""
    shown = PAGE.format(style=STYLE, said=html.escape(said), next=html.escape(onward or _safe(request.path_qs)))
    response = web.Response(text=shown, status=401, content_type="text/html")
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    response.headers["WWW-Authenticate"] = 'Bearer realm="rowmill"'
    return response


async def login(request: web.Request) -> web.StreamResponse:
    """POST /login: a token for a cookie."""
    shell = request.app[SHELL]
    auth.check_host(request)
    auth.check_origin(request, required=False)
    shell.rates.take(("peer", request.remote))
    if (
        request.content_length or FORM_BYTES + 1
    ) > FORM_BYTES or request.content_type != "application/x-www-form-urlencoded":
        raise Refused(400, "invalid", "send the token as a form field of that name", field="token")
    given = await request.post()
    token, onward = given.get("token"), given.get("next")
    onward = _safe(onward if isinstance(onward, str) else "/")
    actor = await auth.actor_of_token(shell, token.strip() if isinstance(token, str) else "")
    if actor is None:
        return form(request, WRONG, onward)
    secret = secrets.token_urlsafe(32)
    async with shell.pool.acquire() as connection:
        values = {"digest": auth.session_digest(secret), "life_s": shell.settings.web_session_s}
        await catalogs.people()["session.insert"].fetch(connection, **values, token_id=actor.token_id)
    response = web.Response(status=303, headers={"Location": onward})
    response.set_cookie(
        auth.COOKIE,
        secret,
        max_age=int(shell.settings.web_session_s),
        httponly=True,
        samesite="Strict",
        secure=request.secure or request.headers.get("X-Forwarded-Proto") == "https",
    )
    return response


async def logout(request: web.Request) -> web.StreamResponse:
    """POST /logout: the cookie is worth nothing from now on."""
    shell = request.app[SHELL]
    async with shell.pool.acquire() as connection:
        digest = auth.session_digest(request.cookies.get(auth.COOKIE, ""))
        await catalogs.people()["session.delete"].fetch(connection, digest=digest)
    response = web.Response(status=303, headers={"Location": "/"})
    response.del_cookie(auth.COOKIE)
    return response


def _safe(onward: str) -> str:
    """Only an address of this server: never another site's."""
    return onward if onward.startswith("/") and not onward.startswith(("//", "/\\")) and onward.isprintable() else "/"


def file_of(place: Path) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Serves one HTML file."""

    async def handle(_request: web.Request) -> web.StreamResponse:
        return web.FileResponse(place, headers={"Content-Type": "text/html; charset=utf-8"})

    return handle
