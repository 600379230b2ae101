"""From a request to its answer: scope, idempotency key, models, time limit, handler."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiohttp import WSCloseCode, web

from core.web import reading, uploads
from core.web.auth import is_upgrade
from core.web.call import Actor, Call
from core.web.model import Nothing, to_json
from core.web.refusals import Refused
from core.web.routes import Route
from core.web.state import SHELL, Shell

ACTOR: Final = web.RequestKey("actor", Actor)
PING_S: Final = 20.0
MESSAGE_BYTES: Final = 65_536
STOPPING: Final = b"the server stops"


def served(route: Route) -> Any:
    """The route as aiohttp wants it."""
    serve = _serve_socket if route.kind == "socket" else _serve

    async def handle(request: web.Request) -> web.StreamResponse:
        actor = request[ACTOR]
        if not actor.may(route.scope):
            raise Refused(
                403,
                "scope",
                f"this needs a token of scope {route.scope}, and this one is of scope {actor.scope}; use another",
            )
        return await serve(request, route, actor)

    return handle


async def _serve(request: web.Request, route: Route, actor: Actor) -> web.StreamResponse:
    shell = request.app[SHELL]
    limit_s = route.time_limit_s or shell.settings.web_time_limit_s
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            answer = await route.handler(await _call(request, route, actor, shell))
    except TimeoutError:
        if not limit.expired():
            raise
        raise Refused(
            504, "too_slow", f"there was no answer within {limit_s:g} s; ask for less, or try again later"
        ) from None
    if isinstance(answer, web.StreamResponse):
        return answer
    return web.Response(body=to_json(answer), status=route.status, content_type="application/json")


async def _call(request: web.Request, route: Route, actor: Actor, shell: Shell) -> Call[Any, Any]:
    given_id = reading.command_id(request) if route.method == "POST" else None
    asked = reading.asked(request, route)
    body: Any = Nothing()
    upload, limit = None, route.body_bytes or shell.settings.web_body_bytes
    if route.upload:
        body, upload = await uploads.uploaded(request, route, limit)
    elif route.method != "GET":
        body = await reading.body(request, route, limit)
    return Call(actor, asked, body, shell, route, request, given_id, upload)


async def _serve_socket(request: web.Request, route: Route, actor: Actor) -> web.StreamResponse:
    shell = request.app[SHELL]
    if not is_upgrade(request):
        raise Refused(426, "not_a_websocket", "this address speaks WebSocket only; connect with a WebSocket client")
    if len(shell.sockets) >= shell.settings.web_sockets:
        raise Refused(
            503, "too_many_sockets", "this server holds as many WebSockets as it may; try again later", retry_after_s=5
        )
    call: Call[Any, Any] = Call(actor, reading.asked(request, route), Nothing(), shell, route, request)
    socket = web.WebSocketResponse(heartbeat=PING_S, max_msg_size=MESSAGE_BYTES, compress=False)
    shell.sockets.add(socket)
    try:
        await socket.prepare(request)
        await route.handler(call, socket)
    finally:
        shell.sockets.discard(socket)
    if not socket.closed:
        await socket.close()
    return socket


async def close_sockets(shell: Shell) -> None:
    """Tells every WebSocket client, and whatever else lasts, that the server goes away."""
    shell.stopping.set()
    closing = [socket.close(code=WSCloseCode.GOING_AWAY, message=STOPPING) for socket in set(shell.sockets)]
    await asyncio.gather(*closing, return_exceptions=True)
