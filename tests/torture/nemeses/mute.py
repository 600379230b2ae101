"""A half-open connection: a proxy in front of the server's unix socket that keeps every session and says nothing
any more, in both directions, as behind a cable that was pulled. No reset, no end."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, quote, urlsplit

SOCKET = ".s.PGSQL.5432"


class Mute:
    """Forwards; `cut()` makes every present and future session silent, `heal()` lets new ones through again."""

    def __init__(self, dsn: str) -> None:
        self._target = str(Path(parse_qs(urlsplit(dsn).query)["host"][0]) / SOCKET)
        self._folder = Path(tempfile.mkdtemp(prefix="rowmill-mute-"))
        self.dsn = f"{dsn.partition('?')[0]}?host={quote(str(self._folder))}"
        self._tasks: set[asyncio.Task[None]] = set()
        self._silent: set[asyncio.Task[None]] = set()
        self._is_cut = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._accept, self._folder / SOCKET)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks | self._silent:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._silent, return_exceptions=True)
        shutil.rmtree(self._folder)

    def cut(self) -> None:
        """The sessions of now stay open and silent for ever; so do those that come until it heals."""
        self._is_cut = True
        self._silent |= self._tasks
        self._tasks = set()

    def heal(self) -> None:
        self._is_cut = False

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        (self._silent if self._is_cut else self._tasks).add(task)
        try:
            await self._session(task, reader, writer)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _session(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError, asyncio.CancelledError):
            if task in self._silent:
                await asyncio.Event().wait()
            server_reader, server_writer = await asyncio.open_unix_connection(self._target)
            pumps = [
                asyncio.create_task(self._pump(task, reader, server_writer)),
                asyncio.create_task(self._pump(task, server_reader, writer)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                server_writer.transport.abort()
                await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65536):
                if task in self._silent:
                    await asyncio.Event().wait()
                writer.write(chunk)
                await writer.drain()
