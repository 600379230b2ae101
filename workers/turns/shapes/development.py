"""The development server of shapes: any table, for anybody who reaches the port, deletes included. A program of its
own, so that no setting can make the real server do this. It answers on loopback only, and says loudly what it is.

The test suites of the npm packages run against it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from workers.turns.model.shapes import Layout
from workers.turns.rules.asked import Invalid
from workers.turns.shapes import answers
from workers.turns.shapes.database import Source
from workers.turns.shapes.limits import Limits
from workers.turns.shapes.serving import Shapes
from workers.turns.shapes.speaking import preflight, sent, speak
from workers.turns.shapes.tail import Tail

SHAPES: Final = web.AppKey("shapes", Shapes)
NEVER: Final = frozenset({"users", "sessions", "api_tokens"})  # their secrets are not for the log, here neither


def application(source: Source, limits: Limits, tick_s: float, log: asyncio.Queue[BaseException]) -> web.Application:
    """Every address of the protocol, without any login."""
    tail = Tail(source, tick_s, log.put_nowait)
    app = web.Application()
    app[SHAPES] = Shapes(source, limits, tail, open_to_all=True, prepare=Capture(source).prepare)
    for path in ("/", "/v1/health"):
        app.router.add_get(path, _health)
    for method in ("GET", "HEAD", "POST"):
        app.router.add_route(method, "/v1/shape", _shape)
    app.router.add_delete("/v1/shape", _delete)
    app.router.add_options("/v1/shape", _options)
    app.cleanup_ctx.append(_tailing)
    app.on_shutdown.append(_stopping)
    return app


async def _stopping(app: web.Application) -> None:
    app[SHAPES].tail.stop()


async def _tailing(app: web.Application) -> AsyncIterator[None]:
    running = asyncio.create_task(app[SHAPES].tail.run())
    yield
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _health(_request: web.Request) -> web.Response:
    return web.json_response({"status": "active"})


async def _options(request: web.Request) -> web.Response:
    return preflight(request)


async def _nobody() -> None:
    return None


async def _shape(request: web.Request) -> web.StreamResponse:
    return await speak(request, request.app[SHAPES], _nobody)


async def _delete(request: web.Request) -> web.Response:
    """Drops one shape by its handle, or all of a table."""
    handle, table = request.query.get("handle", ""), request.query.get("table", "")
    if not handle and not table:
        return sent(request, answers.invalid({"table": ["can't be blank"]}))
    try:
        found = await _dropped(request.app[SHAPES], handle, table)
    except Invalid as error:
        return sent(request, answers.invalid(error.errors))
    return sent(request, answers.Answer(202, b"[]") if found else answers.told(404, {"message": "Shape not found"}))


async def _dropped(shapes: Shapes, handle: str, table: str) -> bool:
    """Whether there was one. Raises Invalid where the handle is another table's."""
    layout = await shapes.layout(table) if table else None
    if layout is not None and handle:
        rel = await shapes.store.rel_of(handle)
        if rel not in {None, layout.rel}:
            raise Invalid(handle="is of a shape of another table")
    if handle:
        return await shapes.forget(handle)
    return layout is not None and bool(await shapes.store.drop_of_table(layout.rel))


class Capture:
    """Sees to it that the changes of a table are in the log."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._done: set[int] = set()

    async def prepare(self, layout: Layout) -> None:
        """Makes the triggers where they are missing. Raises Invalid for tables of secrets."""
        if layout.schema == "public" and layout.table in NEVER:
            raise Invalid(table=f"Table {layout.table!r} is never synced")
        if layout.rel in self._done:
            return
        async with self._source.acquire() as connection, connection.transaction():
            await self._source.statements["capture_lock"].fetch(connection)
            (found,) = await self._source.statements["capture_there"].fetch(connection, rel=layout.rel)
            if not found["there"]:
                await connection.execute(
                    f"create trigger sync_captured after insert or update or delete on {layout.full_name} "
                    "for each row execute function public.sync_capture(); "
                    f"create trigger sync_truncated after truncate on {layout.full_name} "
                    "for each statement execute function public.sync_capture_truncate()"
                )
        self._done.add(layout.rel)
