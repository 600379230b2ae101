"""Reads for everybody who watches a sheet in this process: one statement, a few times a second, only while somebody
watches. Commits ring no bell for it."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Final

from workers.spreadsheets.http.feed.changes import Ask, Page, read_on
from workers.spreadsheets.http.feed.place import Place
from workers.spreadsheets.http.feed.watcher import GONE, RELOAD, Goodbye, Watcher

POLL_S: Final = 0.06
PLACES: Final = 100  # in one statement; the others follow in the next turn
SHARING: Final = frozenset({"sheet_shared", "sheet_changed"})  # the second one by SQL
BACK_OFF_S: Final = (0.1, 5.0)

Trouble = tuple[type[BaseException], ...]
Note = Callable[[BaseException], None]


class Poller:
    """`run()` is its one duty; sockets join and leave."""

    def __init__(self, ask: Ask, trouble: Trouble, note: Note, poll_s: float = POLL_S) -> None:
        self._ask, self._trouble, self._note, self._poll_s = ask, trouble, note, poll_s
        self._watchers: set[Watcher] = set()
        self._somebody = asyncio.Event()
        self._turn = 0

    @property
    def watchers(self) -> int:
        return len(self._watchers)

    def join(self, place: Place) -> Watcher:
        """A new watcher; what its place did not see follows."""
        watcher = Watcher(place)
        self._watchers.add(watcher)
        self._somebody.set()
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)
        if not self._watchers:
            self._somebody.clear()

    def end_all(self, goodbye: Goodbye) -> None:
        for watcher in self._watchers:
            watcher.end(goodbye)

    async def run(self) -> None:
        """Until cancelled. While the database is away the watchers wait, each at its place."""
        loop, back_off_s = asyncio.get_running_loop(), BACK_OFF_S[0]
        while True:
            await self._somebody.wait()
            began = loop.time()
            try:
                hurry = await self.turn()
            except self._trouble as error:
                self._waits(error)
                await asyncio.sleep(back_off_s)
                back_off_s = min(back_off_s * 2, BACK_OFF_S[1])
                continue
            back_off_s = BACK_OFF_S[0]
            # A statement that takes long is followed by as long a pause: half of one connection is all this may use.
            await asyncio.sleep(0 if hurry else max(self._poll_s, loop.time() - began))

    async def turn(self) -> bool:
        """One statement. True when somebody has more to come."""
        self._turn += 1
        standing: dict[Place, list[Watcher]] = {}
        for watcher in self._watchers:
            if watcher.wants:
                standing.setdefault(watcher.place, []).append(watcher)
        places = heapq.nsmallest(PLACES, standing, key=lambda place: min(each.turn for each in standing[place]))
        if not places:
            return False
        pages = await read_on(self._ask, places)
        for place, page in zip(places, pages, strict=True):
            self._give(standing[place], place, page)
        return any(page.more for page in pages) or len(places) < len(standing)

    def _give(self, watchers: list[Watcher], place: Place, page: Page) -> None:
        text = page.text if page.changes else ""
        actions = {each.get("action") for each in page.changes}
        for watcher in watchers:
            watcher.turn = self._turn
            if page.epoch != place.epoch:
                watcher.end(RELOAD)
                continue
            watcher.doubted |= not SHARING.isdisjoint(actions)
            watcher.offer(page, text)
            if "sheet_deleted" in actions:
                watcher.end(GONE)

    def _waits(self, error: BaseException) -> None:
        self._note(error)
        for watcher in self._watchers:
            if watcher.wants:
                watcher.tell({"type": "waiting", "reason": "the database does not answer"})
