"""The page of turns: plain ES modules, the packages of Electric and PGlite as npm has installed them, the schema."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

import orjson
from aiohttp import web

from core.web import Refused, StreamResponse, Visit, protocol
from workers.turns.adapter import installed

PAGE: Final = Path(__file__).parent.parent / "page"
PROJECT: Final = Path(__file__).resolve().parents[3]
SCHEMA: Final = PROJECT / "sql" / "client"
OWN: Final = ("app.js", "people.js", "sync.js", "view.js", "style.css", "sw.js")
WANTED: Final = re.compile(r"[\w@./-]+\.(?:m?js|wasm|data)")
UNWANTED: Final = ("/cjs/", "/contrib/", "legacy-esm", "react-native", "/live/", "/vector/")
TYPES: Final = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".css": "text/css"}


@protocol("/turns/", "GET")
async def index(visit: Visit) -> StreamResponse:
    """The page itself. Its import map stands in it, so its hash stands in the policy; PGlite is WebAssembly."""
    await visit.let_in("read")
    text = (PAGE / "index.html").read_text(encoding="utf-8")
    inside = re.findall(r"<script type=\"importmap\">(.*?)</script>", text, re.DOTALL)
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in inside
    )
    policy = (
        f"default-src 'self'; script-src 'self' 'wasm-unsafe-eval' {hashes}; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'; object-src 'none'"
    )
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": policy})


@protocol("/turns/{path:.+}", "GET")
async def file(visit: Visit) -> StreamResponse:
    """One file: ours, a package's, the schema, or the list of all that works offline."""
    await visit.let_in("read")
    path = visit.request.match_info["path"]
    if path in OWN:
        return _sent(PAGE / path, "no-cache")
    if path == "schema.sql":
        text = "".join(each.read_text(encoding="utf-8") for each in sorted(SCHEMA.glob("*.sql")))
        return web.Response(text=text, content_type="application/sql")
    modules = installed(PROJECT / ".rowmill")
    if modules is None:
        raise Refused(
            503, "packages", "the packages of this page are not installed; run `rowmill turns-packages` on the server"
        )
    if path == "files.json":
        listed = ["./", "schema.sql", *OWN, *(f"vendor/{each}" for each in _vendored(modules))]
        return web.Response(body=orjson.dumps(listed), content_type="application/json")
    wanted = (modules / path.removeprefix("vendor/")).resolve()
    if not path.startswith("vendor/") or not wanted.is_relative_to(modules.resolve()) or not wanted.is_file():
        raise Refused(404, "not_found", "there is nothing at this address")
    return _sent(wanted, "private, max-age=31536000, immutable")


def _vendored(modules: Path) -> list[str]:
    found = (*modules.rglob("dist/**/*"), *modules.rglob("lib/esm/*"))
    names = [str(each.relative_to(modules)) for each in found if each.is_file()]
    return sorted(name for name in names if WANTED.fullmatch(name) and not any(part in name for part in UNWANTED))


def _sent(path: Path, cache: str) -> StreamResponse:
    kind = TYPES.get(path.suffix, "application/octet-stream")
    return web.FileResponse(path, headers={"Content-Type": kind, "Cache-Control": cache})
