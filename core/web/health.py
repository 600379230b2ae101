"""The liveness probe of a worker process: /healthz, on the loopback interface, without secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web


async def serve_health(port: int, alive: Callable[[], bool]) -> None:
    """Answers until cancelled: 200 while the last heartbeat is young, else 503."""

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"alive": True}) if alive() else web.json_response({"alive": False}, status=503)

    application = web.Application()
    application.router.add_get("/healthz", healthz)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
