"""`rowmill top`: the queue as it is now, once a second, until q or Ctrl-C. Reads the schema `monitoring` alone."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated, Final

from cyclopts import Parameter
from rich.live import Live

from core.cli.asking import Lasting
from core.cli.database import DataDir, database
from core.cli.sentences import explained
from core.cli.showing import Json, console, print_json
from core.cli.top.frame import Frame, look
from core.cli.top.keys import pressed
from core.cli.top.screen import drawn
from core.db.connect import TROUBLE, close, connect
from core.settings import Settings

EVERY_S: Final = 1.0
Once = Annotated[bool, Parameter(negative="", help="Show it once and end; also what happens without a terminal.")]


def top(*, once: Once = False, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Watch the queue live: depth, age, rates, waits and runs of each type, and the workers. q or Ctrl-C ends it."""
    with database(data_dir) as dsn:
        if once or as_json or not console().is_terminal:
            _print_once(asyncio.run(_one(dsn)), as_json=as_json)
        else:
            asyncio.run(Top(dsn).run())


async def _one(dsn: str) -> Frame:
    connection = await connect(dsn, Settings(), "top")
    try:
        return await look(connection)
    finally:
        await close(connection)


def _print_once(frame: Frame, *, as_json: bool) -> None:
    if as_json:
        print_json(frame.document())
        return
    told = console()
    told.print(drawn(frame, told.width, height=10_000))


class Top:
    """The live view. It stays up when the database goes away, and says so."""

    def __init__(self, dsn: str) -> None:
        self._session, self._limit_s = Lasting(dsn, "top"), Settings().statement_timeout_s
        self._ended = asyncio.Event()
        self._frame: Frame | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._ended.set)
        self._frame = await look(await self._session.ready())  # what is wrong from the start is told as any error
        told = console()
        with pressed(self._key), Live(console=told, screen=True, auto_refresh=False) as live:
            note = ""
            while not self._ended.is_set():
                live.update(drawn(self._frame, told.width, told.height, note=note), refresh=True)
                await self._pause()
                note = await self._look_again()
        await self._session.close()

    def _key(self, key: str) -> None:
        if key in {"q", "Q"}:
            self._ended.set()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(EVERY_S):
                await self._ended.wait()
        except TimeoutError:
            pass

    async def _look_again(self) -> str:
        """The next frame, or why there is none; the last one stays."""
        try:
            async with asyncio.timeout(self._limit_s):
                self._frame = await look(await self._session.ready())
        except TROUBLE as error:
            self._session.drop()
            return explained(error) or f"no answer ({type(error).__name__}); trying again"
        return ""
