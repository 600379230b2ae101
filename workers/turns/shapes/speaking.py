"""The protocol of shapes on aiohttp: query in, headers and body out, streams. Who may ask is decided by the caller."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

import orjson
from aiohttp import web

from core import RowmillError
from workers.turns.rules.access import Person
from workers.turns.rules.asked import Asked, Invalid, of_query
from workers.turns.shapes import answers, log, messages, subsets
from workers.turns.shapes.answers import Answer
from workers.turns.shapes.database import TROUBLE
from workers.turns.shapes.limits import Reader
from workers.turns.shapes.serving import Shapes, Unsettled
from workers.turns.shapes.store import ConditionUnfit
from workers.turns.shapes.tail import Gone, Stopping

EXPOSED: Final = (
    "electric-cursor,electric-handle,electric-has-data,electric-offset,electric-schema,electric-snapshot,"
    "electric-up-to-date,retry-after,etag"
)
BODY_BYTES: Final = 64_000
STALL_S: Final = 15.0
PersonOf = Callable[[], Awaitable[Person | None]]


class NotLetIn(Exception):
    """Whoever asks may not; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def cors(request: web.Request) -> dict[str, str]:
    """Anybody's page may ask with a token of its own: cookies do not travel without credentials being allowed."""
    origin = request.headers.get("Origin")
    return {
        "access-control-allow-origin": origin or "*",
        "access-control-expose-headers": EXPOSED,
        "access-control-allow-methods": "GET, HEAD, POST, DELETE, OPTIONS",
        "cross-origin-resource-policy": "cross-origin",
    }


def preflight(request: web.Request) -> web.Response:
    """What a browser asks before it asks."""
    headers = {**cors(request), "access-control-max-age": "86400", "vary": "origin, access-control-request-headers"}
    wanted = request.headers.get("Access-Control-Request-Headers")
    if wanted:
        headers["access-control-allow-headers"] = wanted
    return web.Response(status=204, headers=headers)


async def speak(request: web.Request, shapes: Shapes, person_of: PersonOf) -> web.StreamResponse:
    """Any request for a shape. Whatever goes wrong is told in the protocol's own words."""
    try:
        person = await person_of()
        asked = of_query(_query(request), await _body(request) if request.method == "POST" else None)
        if asked.sse:
            return await _stream(request, shapes, asked, person)
        answer = await _answered(shapes, asked, person)
    except Invalid as error:
        answer = answers.invalid(error.errors)
    except NotLetIn as error:
        answer = error.answer
    except (Unsettled, ConditionUnfit, RowmillError, *TROUBLE) as error:
        shapes.tail.note(error)
        answer = answers.told(
            503, {"message": "the database does not answer right now; try again"}, **{"retry-after": "1"}
        )
    return sent(request, answer)


async def _answered(shapes: Shapes, asked: Asked, person: Person | None) -> Answer:
    if asked.subset is not None:
        return await subsets.answer(shapes, asked, asked.subset, person)
    return await shapes.answer(asked, person)


def sent(request: web.Request, answer: Answer) -> web.Response:
    """With CORS, and as 304 where the client has it already."""
    headers = {**cors(request), **answer.headers}
    known = request.headers.get("If-None-Match")
    if answer.status == 200 and known and answer.headers.get("etag") in known.split(", "):  # noqa: PLR2004 - OK
        return web.Response(status=304, headers=headers)
    return web.Response(status=answer.status, body=answer.body, headers=headers, content_type="application/json")


def _query(request: web.Request) -> Mapping[str, str]:
    try:
        request.query_string.encode("utf-8")
    except UnicodeEncodeError:
        raise Invalid(query="is no UTF-8") from None
    return request.query


async def _body(request: web.Request) -> Mapping[str, Any]:
    if (request.content_length or 0) > BODY_BYTES:
        raise Invalid(body=f"is longer than {BODY_BYTES:,} bytes")
    try:
        document = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError:
        raise Invalid(body="is no JSON") from None
    inner = document.get("subset", document) if isinstance(document, dict) else None
    if not isinstance(inner, dict):
        raise Invalid(body="must be a JSON object")
    return inner


# --- streams ---


async def _stream(request: web.Request, shapes: Shapes, asked: Asked, person: Person | None) -> web.StreamResponse:
    """Messages as server-sent events, for a minute; a shape that ends closes it, and the next request hears why."""
    definition, shape = await shapes.known(asked, person)
    if shape is None:
        return sent(request, await shapes.refetch(asked, person))
    caching = shapes.caching()
    headers = {
        **cors(request),
        **answers.places(shape.handle, asked.offset),
        "electric-cursor": caching.cursor(time.time(), asked.cursor),
        "electric-schema": answers.schema_header(definition),
        "content-type": "text/event-stream",
        "x-accel-buffering": "no",
        **caching.stream(),
    }
    response = web.StreamResponse(headers=headers)
    reader, loop = Reader(asked.offset), asyncio.get_running_loop()
    ends = loop.time() + shapes.limits.stream_s
    try:
        await shapes.since_known(reader, shape)
    except Gone:
        return sent(request, await shapes.refetch(asked, person, shape))
    await response.prepare(request)
    try:
        async with aclosing(shapes.follow(reader, shape)) as pages:
            await _send_pages(response, pages, ends, shapes.limits.keep_alive_s)
    except (Gone, log.Truncated):
        await shapes.forget(shape.handle)  # or the next request would find it known, and be closed at once again
    except (Stopping, ConnectionError, TimeoutError):
        pass
    return response


async def _send_pages(response: web.StreamResponse, pages: Any, ends: float, keep_alive_s: float) -> None:
    loop = asyncio.get_running_loop()
    coming: asyncio.Task[Any] = asyncio.ensure_future(anext(pages))
    try:
        while (left := ends - loop.time()) > 0:
            done, _ = await asyncio.wait({coming}, timeout=min(left, keep_alive_s))
            if not done:
                await _write(response, b": keep-alive\n\n")
                continue
            page, head = coming.result()
            if page.bodies:
                last = (messages.up_to_date(head),) if page.complete else ()
                await _write(response, b"".join(b"data: " + each + b"\n\n" for each in (*page.bodies, *last)))
            coming = asyncio.ensure_future(anext(pages))
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def _write(response: web.StreamResponse, data: bytes) -> None:
    """A client that takes nothing for long is left."""
    async with asyncio.timeout(STALL_S):
        await response.write(data)
