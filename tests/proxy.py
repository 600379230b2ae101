"""A proxy in front of a server's unix socket that loses a COMMIT on order: the reply to it, or the request itself.

It knows just enough of PostgreSQL's protocol to see a `commit` pass: after the start-up packets every message is a type
byte, a length and a body.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, quote, urlsplit

SOCKET = ".s.PGSQL.5432"
ENCRYPTION_REQUESTS = {80877103, 80877104}  # answered with one byte; another start-up packet follows


class Loss(Enum):
    """What happens to a COMMIT."""

    REPLY = "the server commits, its reply is lost"
    REQUEST = "the server never hears of it"
    LIMBO = "the server hears of it, and the connection is cut before it has answered"


@dataclass
class _Session:
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    muted: bool = False
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class Proxy:
    """Forwards sessions to the server of `dsn`; `orders` holds what is to happen to the next commits."""

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        self._target = str(Path(parse_qs(parts.query)["host"][0]) / SOCKET)
        self._folder = Path(tempfile.mkdtemp(prefix="rowmill-proxy-"))
        self._tasks: set[asyncio.Task[None]] = set()
        self.dsn = f"{dsn.partition('?')[0]}?host={quote(str(self._folder))}"
        self.orders: deque[Loss] = deque()
        self.lost = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._accept, self._folder / SOCKET)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        shutil.rmtree(self._folder)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            session = _Session((reader, writer), await asyncio.open_unix_connection(self._target))
        except OSError:  # the server is away
            writer.transport.abort()
            return
        pumps = [asyncio.create_task(self._up(session)), asyncio.create_task(self._down(session))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            session.client[1].transport.abort()
            session.server[1].close()

    async def _up(self, session: _Session) -> None:
        reader, writer = session.client[0], session.server[1]
        with suppress(asyncio.IncompleteReadError, OSError):
            await _forward_start(reader, writer)
            while True:
                head = await reader.readexactly(5)
                body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
                is_commit = head[:1] == b"Q" and body.rstrip(b"\0").strip().lower() == b"commit"
                if is_commit and self.orders:
                    await self._lose(session, head + body)
                    return
                writer.write(head + body)
                await writer.drain()

    async def _lose(self, session: _Session, message: bytes) -> None:
        loss = self.orders.popleft()
        session.muted = True
        if loss is not Loss.REQUEST:
            session.server[1].write(message)
            await session.server[1].drain()
        if loss is Loss.REPLY:
            await session.answered.wait()
        self.lost += 1

    async def _down(self, session: _Session) -> None:
        reader, writer = session.server[0], session.client[1]
        with suppress(OSError):
            while chunk := await reader.read(65536):
                if session.muted:
                    session.answered.set()
                    continue
                writer.write(chunk)
                await writer.drain()


async def _forward_start(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        size = await reader.readexactly(4)
        body = await reader.readexactly(int.from_bytes(size) - 4)
        writer.write(size + body)
        await writer.drain()
        if int.from_bytes(body[:4]) not in ENCRYPTION_REQUESTS:
            return
