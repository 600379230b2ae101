"""The page's door: a form that takes an address with its password, or a token, and gives a cookie. A program sends JSON
and gets the secret of a session. What is given is a secret of its own, kept as its SHA-256; a session that stands on a
token ends with it."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from string import Template
from typing import Any, Final

from aiohttp import web

from core.db import catalogs
from core.errors import RowmillError
from core.people import logins
from core.people.attempts import TooManyAttempts
from core.people.logins import WrongPassword
from core.people.passwords import Overrun
from core.web import auth
from core.web.model import to_json
from core.web.reading import decoded
from core.web.refusals import Refused, invalid, refusal_of
from core.web.state import SHELL

FORM_BYTES: Final = 4096
PLACE: Final = Path(__file__).parent / "login.html"
STYLE_PLACE: Final = Path(__file__).parent / "login.css"
ASK: Final = "Please log in to go on."
UNKNOWN: Final = "This token is not valid. It may have expired or been revoked; make a new one."
KINDS: Final = frozenset({"application/x-www-form-urlencoded", "application/json"})
FIELDS: Final = "send the fields email and password, or the field token, as a form or as JSON"


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody logs in with: a token, or an address and a password."""

    token: str
    email: str
    password: str
    onward: str

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Given:
        def text(name: str) -> str:
            found = fields.get(name)
            return found if isinstance(found, str) else ""

        return cls(text("token").strip(), text("email").strip(), text("password"), _safe(text("next") or "/"))


@dataclass(frozen=True, slots=True)
class Opened:
    """A session and how long it lasts."""

    secret: str
    life_s: float
    told: dict[str, Any]


def wanted(request: web.Request) -> bool:
    """Whether a person is looking, who can fill in a form."""
    return request.method in {"GET", "HEAD"} and "text/html" in request.headers.get("Accept", "")


async def ask(request: web.Request) -> web.StreamResponse:
    """GET /login: the form."""
    auth.check_host(request)
    return form(request, onward=_safe(request.query.get("next", "/")), status=HTTPStatus.OK)


def form(
    request: web.Request,
    said: str = ASK,
    onward: str | None = None,
    status: int = HTTPStatus.UNAUTHORIZED,
    email: str = "",
) -> web.Response:
    """The login form, as the body of a 401 where something else was asked for."""
    style = STYLE_PLACE.read_text(encoding="utf-8")
    shown = {"said": said, "email": email, "next": onward or _safe(request.path_qs)}
    page = Template(PLACE.read_text(encoding="utf-8"))
    text = page.substitute({name: html.escape(value) for name, value in shown.items()}, style=style)
    response = web.Response(text=text, status=status, content_type="text/html")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="rowmill"'
    return response


async def login(request: web.Request) -> web.StreamResponse:
    """POST /login: a password or a token for a session. A form gets a cookie, JSON gets JSON."""
    auth.check_host(request)
    auth.check_origin(request, required=False)
    request.app[SHELL].rates.take(("peer", request.remote))
    is_form = request.content_type != "application/json"
    given = await _given(request, is_form=is_form)
    try:
        opened = await _opened(request, given)
    except (WrongPassword, TooManyAttempts, Overrun) as error:
        refused = _refused(error)
        if not is_form:
            raise refused from None
        return _again(request, given, refused)
    if not is_form:
        return web.Response(body=to_json({"token": opened.secret, **opened.told}), content_type="application/json")
    response = web.Response(status=303, headers={"Location": given.onward})
    _set_cookie(request, response, opened)
    return response


async def _given(request: web.Request, *, is_form: bool) -> Given:
    """Raises Refused."""
    if (request.content_length or FORM_BYTES + 1) > FORM_BYTES or request.content_type not in KINDS:
        raise invalid(FIELDS)
    if is_form:
        return Given.of(await request.post())
    document = decoded(await request.read())
    if not isinstance(document, dict):
        raise invalid(FIELDS)
    return Given.of(document)


async def _opened(request: web.Request, given: Given) -> Opened:
    """Raises WrongPassword, TooManyAttempts, Overrun."""
    shell, life_s = request.app[SHELL], request.app[SHELL].settings.web_session_s
    if not given.token:
        session = await shell.people.log_in(given.email, given.password, request.remote or "", life_s)
        return Opened(session.secret, life_s, {"email": session.email, "expires_at": session.expires_at})
    actor = await auth.actor_of_token(shell, given.token)
    if actor is None:
        raise WrongPassword(UNKNOWN)
    secret = logins.new_secret()
    async with shell.pool.acquire() as connection:
        values = {"digest": logins.digest(secret), "life_s": life_s, "token_id": actor.token_id}
        (made,) = await catalogs.people()["session.insert"].fetch(connection, **values)
    return Opened(secret, life_s, {"email": actor.email, "expires_at": made["expires_at"]})


def _refused(error: RowmillError) -> Refused:
    if isinstance(error, WrongPassword):
        return Refused(401, "unauthorized", str(error))
    return refusal_of(error) or Refused(503, "busy", str(error))


def _again(request: web.Request, given: Given, refused: Refused) -> web.Response:
    response = form(request, f"{str(refused)[0].upper()}{str(refused)[1:]}", given.onward, refused.status, given.email)
    if refused.retry_after_s is not None:
        response.headers["Retry-After"] = str(max(1, round(refused.retry_after_s)))
    return response


def _set_cookie(request: web.Request, response: web.Response, opened: Opened) -> None:
    response.set_cookie(
        auth.COOKIE,
        opened.secret,
        max_age=int(opened.life_s),
        httponly=True,
        samesite="Strict",
        secure=request.secure or request.headers.get("X-Forwarded-Proto") == "https",
    )


async def logout(request: web.Request) -> web.StreamResponse:
    """POST /logout: the session, by cookie or as a bearer, is worth nothing from now on."""
    async with request.app[SHELL].pool.acquire() as connection:
        digest = logins.digest(auth.session_secret(request))
        await catalogs.people()["session.close"].fetch(connection, digest=digest)
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
