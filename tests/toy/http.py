"""Routes of the toy domain: what a domain may do over HTTP, and what goes wrong there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from core.web import Call, Model, Nothing, Refused, Shell, WebSocketResponse, absent, route, service, socket
from tests.toy.model import SetValue

GATES: Final[dict[str, asyncio.Event]] = {}  # tests open them: a request waits without a clock
HOLDING: Final[list[str]] = []  # one entry for each request that holds a connection


class RowPath(Model):
    row_id: int


class Value(Model):
    value: str | None
    version: int | None = None


class Row(Model):
    row_id: int
    version: int


class Name(Model):
    name: str


class Sized(Model):
    content: str


class Bytes(Model):
    length: int


class Kept(Model):
    log: list[str]


@service
@asynccontextmanager
async def kept(shell: Shell) -> AsyncIterator[list[str]]:
    log = [f"started with {len(shell.domains)} domains"]
    yield log
    log.append("stopped")


@route("POST", "/api/toy/rows/{row_id}", scope="operate", refuses=(404, 409))
async def set_row(call: Call[RowPath, Value]) -> Row:
    """Set the value of a row."""
    row_id, version = call.asked.row_id, call.body.version
    if not await call.read("toy_row", row_id=[row_id]):
        raise absent("row")
    effect = SetValue(row_id, call.body.value)
    target = effect.target()
    seen = {} if version is None or target is None else {target: version}
    answer = await call.apply("toy.set", [effect], seen=seen)
    return Row(row_id=row_id, version=answer.version(("toy_rows", row_id)))


@route("GET", "/api/toy/waits/{name}", scope="read", time_limit_s=5)
async def wait(call: Call[Name, Nothing]) -> Kept:
    """Wait until the test opens the gate."""
    entered, opened = (
        GATES.setdefault(f"{call.asked.name} entered", asyncio.Event()),
        GATES.setdefault(call.asked.name, asyncio.Event()),
    )
    entered.set()
    await opened.wait()
    return Kept(log=call.service(kept))


@route("GET", "/api/toy/slow", scope="read", time_limit_s=0.2)
async def slow(_call: Call[Nothing, Nothing]) -> Kept:  # type: ignore[return]
    """Never answer."""
    await asyncio.Event().wait()


@route("GET", "/api/toy/hold/{name}", scope="read")
async def hold(call: Call[Name, Nothing]) -> Kept:
    """Hold a connection until the test opens the gate."""
    async with call.connection():
        HOLDING.append(call.asked.name)
        return await wait(call)


@route("GET", "/api/toy/broken", scope="read")
async def broken(_call: Call[Nothing, Nothing]) -> Kept:
    """Fail in an unexpected way."""
    raise ZeroDivisionError("canary: password=hunter2")


@route("GET", "/api/toy/refused", scope="read", refuses=(409,))
async def refused(_call: Call[Nothing, Nothing]) -> Kept:
    """Refuse with details."""
    raise Refused(409, "stale", "2 rows have changed; read them again", field="rows", details={"rows": [1, 2]})


@route("POST", "/api/toy/files", scope="operate", body_bytes=200_000)
async def take(call: Call[Nothing, Sized]) -> Bytes:
    """Take a body that is larger than others may be."""
    return Bytes(length=len(call.body.content))


@socket("/api/toy/echo/{name}", scope="read")
async def echo(call: Call[Name, Nothing], client: WebSocketResponse) -> None:
    """Say everything twice."""
    await client.send_str(f"{call.actor.email} {call.asked.name}")
    async for message in client:
        data: Any = message.data
        await client.send_str(f"{data} {data}")
