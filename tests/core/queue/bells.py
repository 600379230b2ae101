"""Counting bells: what a listening session has heard up to a mark, in the order of the commits."""

from __future__ import annotations

import asyncio
from typing import Self

from core.db.connect import Connection
from core.queue.listen import CHANNEL

MARK = "mark"


class Bells:
    """Listens on one session. `heard()` returns the task types rung since the last call."""

    def __init__(self, listening: Connection, ringing: Connection) -> None:
        self._listening, self._ringing = listening, ringing
        self._types: list[str] = []
        self._marked = asyncio.Event()

    async def start(self) -> Self:
        await self._listening.add_listener(CHANNEL, self._heard)
        return self

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload == MARK:
            self._marked.set()
        else:
            self._types.append(str(payload))

    async def heard(self) -> list[str]:
        """Waits for a mark of its own, behind which every earlier bell must have come."""
        self._marked.clear()
        await self._ringing.execute(f"notify {CHANNEL}, '{MARK}'")
        async with asyncio.timeout(10):
            await self._marked.wait()
        rung, self._types = self._types, []
        return rung
