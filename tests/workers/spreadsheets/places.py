"""A JSON API on loopback, for columns that call one."""

from __future__ import annotations

from aiohttp import web


class Places:
    """Answers /place/<name>?row=<n> in JSON, and some paths otherwise."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.port = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        if request.path == "/page":
            return web.Response(text="<html>", content_type="text/html")
        if request.path == "/broken":
            return web.Response(text="{", content_type="application/json")
        if request.path == "/gone":
            return web.json_response({}, status=404)
        if request.path == "/inside":
            raise web.HTTPFound("http://169.254.169.254/latest")
        name = request.path.rpartition("/")[2]
        return web.json_response({"place": {"name": name, "lat": 52.5, "tags": ["a", "b"]}, "none": None})
