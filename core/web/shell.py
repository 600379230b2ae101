"""The application: what every request passes before and behind its route."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from core import domains, log
from core.web import auth, login, me, openapi, operators, probes, tasks, workers  # noqa: F401 - importing them registers their routes
from core.web.limits import check_headers
from core.web.model import to_json
from core.web.refusals import Refused, refusal_of
from core.web.routes import files, protocols, routes
from core.web.serving import ACTOR, served
from core.web.state import SHELL, Shell
from core.web.visit import PROTOCOLS, canonical, spoken

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OPEN: Final = frozenset({("GET", "/healthz"), ("HEAD", "/healthz"), ("GET", "/login"), ("POST", "/login")})
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_log = log.get("web")


def application(shell: Shell) -> web.Application:
    """All routes of the engine and of the shell's domains, behind the guards."""
    domains.load(shell.domains, "http")
    app = web.Application(middlewares=[_answered, _guarded])
    app[SHELL] = shell
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/login", login.ask)
    app.router.add_post("/login", login.login)
    app.router.add_post("/logout", login.logout)
    app.router.add_get("/openapi.json", openapi.description)
    for route in routes(shell.packages):
        app.router.add_route(route.method, route.path, served(route))
    app[PROTOCOLS] = frozenset(canonical(each.path) for each in protocols(shell.packages))
    for spoken_at in protocols(shell.packages):
        for method in spoken_at.methods:
            app.router.add_route(method, spoken_at.path, spoken(spoken_at))
    for each in files(shell.packages):
        if each.place.is_dir():
            app.router.add_static(each.path, each.place)
        else:
            app.router.add_get(each.path, login.file_of(each.place))
    app.on_response_prepare.append(_headers)
    return app


async def _healthz(_request: web.Request) -> web.Response:
    """This process answers. Whether it can work is what /readyz says."""
    return web.json_response({"alive": True})


async def _headers(_request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.popall("Server", None)


@web.middleware
async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever happens inside, the client gets an answer of our shape, and it is counted."""
    clock, shell = asyncio.get_running_loop().time, request.app[SHELL]
    begun = clock()
    try:
        response = await handler(request)
    except web.HTTPException as error:
        if error.status < 400:  # noqa: PLR2004 - a redirect is an answer
            raise
        response = _refuse(request, _of_http(error))
    except Exception as error:  # noqa: BLE001 - the outermost guard: a surprise becomes a 500 without internals
        response = _refuse(request, refusal_of(error) or _surprise(request, error))
    shell.meters.answered(request.method, _pattern(request), response.status, clock() - begun)
    return response


def _refuse(request: web.Request, refused: Refused) -> web.Response:
    request.app[SHELL].meters.refused(refused.code)
    if refused.status == 401 and login.wanted(request):  # noqa: PLR2004 - unauthorized
        return login.form(request)
    return answer_of(refused)


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Nothing but the open addresses is reached without a token, not even to learn that it does not exist."""
    check_headers(request)
    if (request.method, request.path) in OPEN:
        return await handler(request)
    auth.check_host(request)
    if _pattern(request) in request.app[PROTOCOLS]:
        return await handler(request)
    request[ACTOR] = await auth.authenticate(request)
    return await handler(request)


def _pattern(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"


def _of_http(error: web.HTTPException) -> Refused:
    if isinstance(error, web.HTTPNotFound):
        return Refused(404, "not_found", "there is nothing at this address; /openapi.json lists what there is")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        refused = Refused(405, "method", f"this address takes {allowed} only; /openapi.json lists what there is")
        refused.headers["Allow"] = allowed
        return refused
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return Refused(413, "too_large", "the body is too large; send less at once")
    return Refused(error.status, "http", f"the request cannot be served ({error.reason.lower()}); see /openapi.json")


def _surprise(request: web.Request, error: Exception) -> Refused:
    """The places of the error go to the log; the client gets the number under which they stand there."""
    number = secrets.token_hex(6)
    _log.error(
        "request_failed", error_id=number, method=request.method, route=_pattern(request), frames=log.frames(error)
    )
    return Refused(
        500,
        "internal",
        f"something unexpected went wrong here (number {number}); tell the operator of this server",
        details={"id": number},
    )


def answer_of(refused: Refused) -> web.Response:
    """A refusal as it is sent."""
    headers = dict(refused.headers)
    if refused.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, -(-int(refused.retry_after_s * 1000) // 1000)))
    if refused.status == 401:  # noqa: PLR2004 - unauthorized
        headers["WWW-Authenticate"] = 'Bearer realm="rowmill"'
    return web.Response(
        body=to_json(refused.document()), status=refused.status, headers=headers, content_type="application/json"
    )
