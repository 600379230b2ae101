"""Google's Sheets API on loopback, as far as it is used here: quotas by the minute, tokens by signed JWT, and trouble.

A fault is what happens to the next call of values: a status = refused so; APPLIED = written, then 503; DROP = the
connection is cut before, DROP_AFTER = after the write, HANG_AFTER = the reply to it hangs; seconds as float = a slow
reply.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

APPLIED, DROP, DROP_AFTER, HANG_AFTER = "applied", "drop", "drop after", "hang after"
HANG_S = 20.0
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
EMAIL = "rowmill@project.iam.gserviceaccount.example"
PATH = re.compile(r"/v4/spreadsheets/([^/:]+)(?:/values)?(?::(\w+))?$")
RANGE = re.compile(r"'((?:[^']|'')+)'!([A-Z])(\d+)?(?::([A-Z])(\d+)?)?$")


@dataclass
class Tab:
    """One sheet: rows by number, and how many there may be."""

    rows: dict[int, list[Any]] = field(default_factory=dict)
    limit: int = 1000

    def values(self) -> list[list[Any]]:
        last = max(self.rows, default=0)
        return [self.rows.get(number, []) for number in range(1, last + 1)]


@dataclass
class FakeGoogle:
    """The server's state. `calls` are (method, verb, spreadsheet) of values; `tokens` counts logins."""

    url: str = ""
    reads: int = 60
    writes: int = 60
    window_s: float = 60.0
    docs: dict[str, dict[str, Tab]] = field(default_factory=lambda: defaultdict(lambda: {"Work orders": Tab()}))
    faults: dict[str, deque[Any]] = field(default_factory=lambda: defaultdict(deque))
    refused: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    hits: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    on_write: Any = None

    def table(self, spreadsheet: str, tab: str = "Work orders") -> list[list[Any]]:
        return self.docs[spreadsheet][tab].values()

    def key_file(self, folder: Path) -> Path:
        file = folder / "google.json"
        key = {"type": "service_account", "client_email": EMAIL, "private_key": PRIVATE, "project_id": "project"}
        file.write_text(json.dumps({**key, "token_uri": f"{self.url}/token"}), encoding="utf-8")
        return file

    async def token(self, request: web.Request) -> web.Response:
        """The real flow: a JWT that the account's key has signed."""
        assertion = str((await request.post())["assertion"])
        signed, _, signature = assertion.rpartition(".")
        try:
            KEY.public_key().verify(_decoded(signature), signed.encode(), PKCS1v15(), SHA256())
        except InvalidSignature:
            return web.json_response({"error": "invalid_grant"}, status=400)
        claims = json.loads(_decoded(signed.partition(".")[2]))
        assert claims["iss"] == EMAIL
        assert claims["scope"].endswith("/auth/spreadsheets")
        self.tokens.append(f"token-{uuid4()}")
        return web.json_response({"access_token": self.tokens[-1], "expires_in": 3600, "token_type": "Bearer"})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return fault(401, "UNAUTHENTICATED", "no token")
        found = PATH.fullmatch(request.path)
        assert found is not None, request.path
        spreadsheet, verb = found[1], found[2] or "about"
        kind = "read" if request.method == "GET" else "write"
        body = await request.json() if request.can_read_body else {}
        self.calls.append((request.method, verb, spreadsheet))
        trouble = self.faults[spreadsheet].popleft() if self.faults[spreadsheet] else None
        if spreadsheet in self.refused:
            return fault(*self.refused[spreadsheet])
        if (early := await self._before(request, trouble)) is not None:
            return early
        if self._used_up(kind):
            words = f"Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests per minute per user'"
            return fault(429, "RESOURCE_EXHAUSTED", words)
        if kind == "write" and self.on_write is not None:
            await self.on_write()
        reply = self._do(spreadsheet, verb, request, body)
        if trouble == APPLIED:
            return fault(503, "UNAVAILABLE", "The service is currently unavailable.")
        if trouble == DROP_AFTER:
            _cut(request)
        if trouble == HANG_AFTER:
            await asyncio.sleep(HANG_S)
        return reply

    async def _before(self, request: web.Request, trouble: Any) -> web.Response | None:
        if isinstance(trouble, float):
            await asyncio.sleep(trouble)
        elif trouble == DROP:
            _cut(request)
        elif isinstance(trouble, int):
            words = {429: "RESOURCE_EXHAUSTED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
            return fault(trouble, words.get(trouble, "UNAVAILABLE"), "injected")
        return None

    def _used_up(self, kind: str) -> bool:
        hits, now = self.hits[kind], time.monotonic()
        while hits and now - hits[0] > self.window_s:
            hits.popleft()
        if len(hits) >= (self.reads if kind == "read" else self.writes):
            return True
        hits.append(now)
        return False

    def _do(self, spreadsheet: str, verb: str, request: web.Request, body: dict[str, Any]) -> web.Response:
        doc = self.docs[spreadsheet]
        if verb == "about":
            return web.json_response({"spreadsheetId": spreadsheet, "sheets": list(self._about(doc))})
        if verb == "batchGet":
            asked = [RANGE.fullmatch(each) for each in request.query.getall("ranges")]
            if any(each is None or each[1].replace("''", "'") not in doc for each in asked):
                return fault(400, "INVALID_ARGUMENT", f"Unable to parse range: {request.query['ranges']}")
            stored = request.query.get("valueRenderOption") == "UNFORMATTED_VALUE"
            found = [self._get(doc, each, stored=stored) for each in asked if each is not None]
            return web.json_response({"valueRanges": found})
        if request.path.endswith("values:batchUpdate"):
            return self._update(doc, body)
        for change in body["requests"]:
            self._regrid(list(doc.values()), change)
        return web.json_response({"spreadsheetId": spreadsheet, "replies": [{}]})

    def _regrid(self, tabs: list[Tab], change: dict[str, Any]) -> None:
        [(verb, given)] = change.items()
        if verb == "appendDimension":
            tabs[given["sheetId"]].limit += given["length"]
            return
        rows = given["range"] if verb == "insertDimension" else given["source"]
        tab, first = tabs[rows["sheetId"]], rows["startIndex"]
        assert (rows["dimension"], rows["endIndex"]) == ("ROWS", first + 1)
        table = tab.values()
        if verb == "insertDimension":
            tab.limit += 1
            table.insert(first, [])
        else:
            table.insert(given["destinationIndex"], table.pop(first))
        tab.rows = {number: row for number, row in enumerate(table, start=1) if row}

    def _about(self, doc: dict[str, Tab]) -> Any:
        for at, (title, tab) in enumerate(doc.items()):
            yield {"properties": {"sheetId": at, "title": title, "gridProperties": {"rowCount": tab.limit}}}

    def _get(self, doc: dict[str, Tab], asked: re.Match[str], *, stored: bool) -> dict[str, Any]:
        tab, first = doc[asked[1].replace("''", "'")], int(asked[3] or 1)
        width = ord(asked[4] or asked[2]) - ord("A") + 1
        rows = [[cell if stored else _shown(cell) for cell in row[:width]] for row in tab.values()[first - 1 :]]
        rows = [row[: max((at + 1 for at, cell in enumerate(row) if cell != ""), default=0)] for row in rows]
        return {"range": asked[0], "majorDimension": "ROWS", **({"values": rows} if rows else {})}

    def _update(self, doc: dict[str, Tab], body: dict[str, Any]) -> web.Response:
        """Atomic, as the real one is."""
        self.bodies.append(body)
        assert body["valueInputOption"] == "RAW"
        changes: list[tuple[Tab, int, list[Any]]] = []
        for each in body["data"]:
            asked = RANGE.fullmatch(each["range"])
            if asked is None or asked[1].replace("''", "'") not in doc:
                return fault(400, "INVALID_ARGUMENT", f"Unable to parse range: {each['range']}")
            tab, number = doc[asked[1].replace("''", "'")], int(asked[3])
            if number > tab.limit:
                words = f"Range ({each['range']}) exceeds grid limits. Max rows: {tab.limit}, max columns: 26"
                return fault(400, "INVALID_ARGUMENT", words)
            changes.append((tab, number, each["values"][0]))
        for tab, number, row in changes:
            tab.rows[number] = row
        return web.json_response({"totalUpdatedRows": len(changes)})


def _shown(cell: Any) -> str:
    """As a locale with a comma formats it."""
    return str(cell) if isinstance(cell, str) else str(cell).replace(".", ",")


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def fault(code: int, status: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message, "status": status}}, status=code)


def _cut(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()
    raise web.HTTPInternalServerError


@asynccontextmanager
async def serving_google(**given: Any) -> AsyncIterator[FakeGoogle]:
    fake = FakeGoogle(**given)
    app = web.Application()
    app.router.add_post("/token", fake.token)
    app.router.add_route("*", "/v4/{rest:.*}", fake.answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()
