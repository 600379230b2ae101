"""The liveness probe of a worker process: /healthz, on the loopback interface, without secrets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def served_health(port: int | None, alive: Callable[[], bool]) -> AsyncIterator[None]:
    """Answers while the block runs: 200 while the last heartbeat is young, else 503. Without a port, nothing.

    The port is taken before the block begins, so that one that is in use is an error and not a worker half-way.
    """
    if port is None:
        yield
        return

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"alive": True}) if alive() else web.json_response({"alive": False}, status=503)

    application = web.Application()
    application.router.add_get("/healthz", healthz)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()
