"""The one listener of a process: bells in, nothing out. It never opens a transaction, and it is pinged: a session that
died without a word would keep a process deaf for hours."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Final

from core import log
from core.db import catalogs
from core.db.connect import DRIVER_TROUBLE, TROUBLE, Connection, close, connect
from core.settings import Settings

CHANNEL: Final = "new_task"
PROBE: Final = "rowmill_probe"
PROBE_LIMIT_S: Final = 2.0
PING_EVERY_S: Final = 5.0
PING_LIMIT_S: Final = 3.0


class Listener:
    """Calls `on_bell(task_type)` for each bell, and `on_connect()` after each (re)LISTEN: bells were missed."""

    def __init__(
        self, dsn: str, settings: Settings, on_bell: Callable[[str], None], on_connect: Callable[[], None]
    ) -> None:
        self._dsn, self._settings = dsn, settings
        self._on_bell, self._on_connect = on_bell, on_connect
        self._log = log.get("listen")
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Listens until cancelled, reconnecting as often as it takes."""
        delay = 0.1
        while True:
            try:
                connection = await self._listen()
            except TROUBLE as error:
                self._log.warning("listener_down", reason=str(error), next_try_s=delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 5.0)
                continue
            delay = 0.1
            self.ready.set()
            self._on_connect()
            await self._until_lost(connection)

    async def _listen(self) -> Connection:
        connection = await connect(self._dsn, self._settings, "listen")
        try:
            await connection.add_listener(CHANNEL, self._heard)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._on_bell(str(payload))

    async def _until_lost(self, connection: Connection) -> None:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        try:
            while not lost.is_set():
                try:
                    async with asyncio.timeout(PING_EVERY_S):
                        await lost.wait()
                except TimeoutError:
                    async with asyncio.timeout(PING_LIMIT_S):
                        await connection.execute("select 1")
        except DRIVER_TROUBLE:
            self._log.warning("listener_lost")
        finally:
            connection.terminate()


async def hears_bells(address: str, ringing: Connection, settings: Settings) -> bool:
    """Whether a session of this address hears what `ringing` rings. A pooler in transaction mode takes LISTEN without a
    word of refusal and delivers nothing."""
    connection = await connect(address, settings, "listen probe")
    try:
        heard, token = asyncio.Event(), uuid.uuid4().hex

        def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
            if payload == token:
                heard.set()

        await connection.add_listener(PROBE, hear)
        await catalogs.engine()["probe"].fetch(ringing, channel=PROBE, token=token)
        try:
            async with asyncio.timeout(PROBE_LIMIT_S):
                await heard.wait()
        except TimeoutError:
            await connection.remove_listener(PROBE, hear)  # the pooler's session would go on listening
            return False
        return True
    finally:
        await close(connection)
