"""Small web sites on loopback, with every fault a stranger's server may have."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from core.outside.addresses import allowed
from core.outside.guard import Guard

PAGE = "<html><head><title>Märchen</title></head><body><p>Es war einmal.</p></body></html>"


@dataclass
class Site:
    """A running site: its address, and what it was asked."""

    port: int = 0
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    robots: str | None = None

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def guard(self, **names: str) -> Guard:
        """Allows this site alone; `names` are resolved to the addresses given."""

        async def resolve(host: str, _port: int) -> list[str]:
            known = {name.replace("_", "."): place for name, place in names.items()}
            if host not in known:
                raise OSError(host)
            return [known[host]]

        return Guard((allowed(f"127.0.0.1:{self.port}"),), resolve)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append((request.path, dict(request.headers)))
        if request.path == "/robots.txt" and self.robots is not None:
            return web.Response(text=self.robots)
        if request.path.startswith("/to/"):
            raise web.HTTPFound(request.query_string)
        if request.path in LASTING:
            return await LASTING[request.path](request)
        made = FAULTS.get(request.path)
        return web.Response(status=404) if made is None else made()


def packed(body: bytes, encoding: str) -> web.Response:
    return web.Response(body=body, content_type="text/html", headers={"Content-Encoding": encoding})


async def drip(request: web.BaseRequest, pause_s: float) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/html"})
    await response.prepare(request)
    for _ in range(400):
        await response.write(b"x" * 10_000 if pause_s < 0.1 else b"x")
        await asyncio.sleep(pause_s)
    return response


async def hang(_: web.BaseRequest) -> web.StreamResponse:
    await asyncio.sleep(20)
    return web.Response()


def raw_deflate() -> web.Response:
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packed(squeeze.compress(PAGE.encode()) + squeeze.flush(), "deflate")


FAULTS: dict[str, Callable[[], web.StreamResponse]] = {
    "/page": lambda: web.Response(text=PAGE, content_type="text/html"),
    "/gzip": lambda: packed(gzip.compress(PAGE.encode()), "gzip"),
    "/deflate": lambda: packed(zlib.compress(PAGE.encode()), "deflate"),
    "/raw-deflate": raw_deflate,
    "/bomb": lambda: packed(gzip.compress(bytes(100_000_000), 9), "gzip"),
    "/cut": lambda: packed(gzip.compress(PAGE.encode())[:-12], "gzip"),
    "/broken": lambda: packed(b"\x00" * 500, "gzip"),
    "/brotli": lambda: packed(b"x", "br"),
    "/pdf": lambda: web.Response(body=b"%PDF", content_type="application/pdf"),
    "/large": lambda: web.Response(body=b"x" * 200_000, content_type="text/html"),
    "/loop": lambda: web.Response(status=302, headers={"Location": "/loop"}),
    "/hop": lambda: web.Response(status=301, headers={"Location": "/hop2?x=1#part"}),
    "/hop2": lambda: web.Response(status=307, headers={"Location": "page"}),
    "/busy": lambda: web.Response(status=429, headers={"Retry-After": "7"}),
}
LASTING: dict[str, Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]] = {
    "/endless": lambda request: drip(request, 1e-4),
    "/slow": lambda request: drip(request, 0.2),
    "/hang": hang,
}


@asynccontextmanager
async def site_running() -> AsyncIterator[Site]:
    site = Site()
    server = web.Server(site.answer)
    runner = web.ServerRunner(server, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    place = web.TCPSite(runner, "127.0.0.1", 0)
    await place.start()
    site.port = runner.addresses[0][1]
    try:
        yield site
    finally:
        await runner.cleanup()
