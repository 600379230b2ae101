"""One watcher: where it stands, and the few messages that wait for it. A watcher that does not take them is not read
for, so it costs nothing but its place; the others go on."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

import orjson

from workers.spreadsheets.http.feed.changes import Page
from workers.spreadsheets.http.feed.place import Place

BUFFER: Final = 3  # messages


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Why a feed ends: the code of the WebSocket's close, and a sentence."""

    code: int
    reason: str


GONE: Final = Goodbye(4004, "this sheet was deleted, or is not yours to see any more")
TOO_SLOW: Final = Goodbye(4008, "this client is too slow; connect again with the last token")
RELOAD: Final = Goodbye(4010, "this token cannot be gone on from; read the sheet anew")
ONLY_SENDS: Final = Goodbye(4003, "the feed only sends; edit over HTTP")
FAILED: Final = Goodbye(1011, "the feed has failed; connect again with the last token")


class Watcher:
    """Between the poller, which offers pages, and a socket, which takes messages."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.turn = 0  # the poller's last turn that served it
        self.doubted = False  # whether what it was offered may have taken its right to see the sheet
        self.stalled = False  # whether its client has stopped taking anything
        self._waiting: deque[str] = deque()
        self._something = asyncio.Event()
        self._goodbye: Goodbye | None = None
        self._begun = False  # whether it was told that it is up to date, or what it has missed

    @property
    def wants(self) -> bool:
        """Whether there is room for another page."""
        return len(self._waiting) < BUFFER and self._goodbye is None

    def offer(self, page: Page, text: str) -> None:
        """Moves on behind the page; one without changes is worth a message only as the first: nothing was missed."""
        self.place = page.after
        if page.changes:
            self._put(text)
        elif not self._begun:
            self.tell({"type": "alive", "token": self.place.token})
        self._begun = True

    def tell(self, message: dict[str, object]) -> None:
        """A word that is no change; the next page says how things stand."""
        self._begun = False
        self._put(orjson.dumps(message).decode())

    def end(self, goodbye: Goodbye) -> None:
        """No further pages; what waits is still sent."""
        self._goodbye = self._goodbye or goodbye
        self._something.set()

    async def take(self, limit_s: float) -> str | Goodbye | None:
        """The next message; the goodbye behind the last one; None when nothing came within the limit."""
        try:
            async with asyncio.timeout(limit_s):
                await self._something.wait()
        except TimeoutError:
            return None
        if not self._waiting:
            return self._goodbye
        message = self._waiting.popleft()
        if not self._waiting and self._goodbye is None:
            self._something.clear()
        return message

    def _put(self, text: str) -> None:
        self._waiting.append(text)
        self._something.set()
