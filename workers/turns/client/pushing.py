"""Sends what waits in the queue, a batch at a time, and settles the answers. Unanswered operations are sent again, with
longer and longer pauses."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from typing import Final

import aiohttp

from workers.turns.client import queue
from workers.turns.client.model import Operation
from workers.turns.client.pulling import BACK_OFF_S, TROUBLE, surprise
from workers.turns.client.store import Store

LIMIT: Final = aiohttp.ClientTimeout(total=30)
LOOK_S: Final = 0.2  # how soon a row that another program changed is noticed


class WritesRefused(Exception):
    """The server takes no writes from us at all."""


class Pusher:
    """The way of local changes to the server."""

    def __init__(
        self, store: Store, session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], quiet_s: float
    ) -> None:
        self._store, self._session, self._url, self._headers = store, session, url, headers
        self._quiet_s = quiet_s
        self.conflicts = self.refused = 0
        self.trouble: str | None = None  # why the server takes nothing from us
        self._one_at_a_time = asyncio.Lock()

    async def run(self) -> None:
        """Until cancelled, or refused: then `trouble` says why, and everything waits."""
        wait_s = BACK_OFF_S[0]
        while True:
            try:
                await self.push(self._quiet_s)
                wait_s, self.trouble = BACK_OFF_S[0], None
                await self._wait()
            except WritesRefused as error:
                self.trouble = str(error)
                return
            except TROUBLE as error:
                self.trouble = surprise(error)
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))
                wait_s = min(wait_s * 2, BACK_OFF_S[1])

    async def _wait(self) -> None:
        self._store.changed.clear()
        try:
            async with asyncio.timeout(LOOK_S):
                await self._store.changed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(self._quiet_s)

    async def push(self, quiet_s: float = 0.0) -> None:
        """Everything that is there to be sent. Raises what the network raises, and WritesRefused."""
        async with self._one_at_a_time:
            while await queue.collect(self._store, quiet_s):
                found = await queue.batch(self._store)
                if found is None:
                    return
                await self._send(*found)

    async def _send(self, table: str, operations: list[Operation]) -> None:
        await queue.sending(self._store, table, operations)
        try:
            answers = await self._posted(table, operations)
        except (WritesRefused, *TROUBLE):
            await queue.failed(self._store, table, operations)
            raise
        for operation, answer in zip(operations, answers, strict=True):
            status = await queue.answered(self._store, operation, answer)
            self.conflicts += status in {"conflict", "asked"}
            self.refused += status == "refused"

    async def _posted(self, table: str, operations: list[Operation]) -> list[dict[str, object]]:
        body = json.dumps([each.document() for each in operations])
        headers = {**self._headers, "Content-Type": "application/json"}
        url = f"{self._url}/api/write/{table}"
        async with self._session.post(url, data=body, headers=headers, timeout=LIMIT) as answer:
            told = await answer.read()
            if answer.status == 429 or answer.status >= 500:  # noqa: PLR2004 - later
                raise aiohttp.ClientConnectionError(f"the server answered {answer.status}")
            if answer.status != 200:  # noqa: PLR2004 - OK
                raise WritesRefused(f"the server answered {answer.status}: {told[:300].decode(errors='replace')}")
        answers: list[dict[str, object]] = json.loads(told)
        if not isinstance(answers, list):
            raise ValueError("no list of answers")  # noqa: TRY004 - what came, not what a caller gave
        return answers
