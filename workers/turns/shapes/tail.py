"""The end of the log, and all who wait there. One loop per process moves the outbox and wakes those whose table has
changed.

A number that somebody else reads from the database first wakes them as well: nobody waits for less than is known.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from workers.turns.shapes.database import TROUBLE, Source

IDLE_S: Final = 0.5  # between looks while nobody waits
LOOK_S: Final = 0.5  # how soon a shape that was dropped elsewhere, or a table that was altered, is noticed
BACK_OFF_S: Final = (0.1, 5.0)


class Gone(Exception):
    """The shape was dropped, or its table is not what it was."""


class Stopping(Exception):
    """This process ends; whoever waits is answered now."""


class Tail:
    """`run()` is its one duty. Numbers only ever rise."""

    def __init__(self, source: Source, tick_s: float, note: Callable[[BaseException], None]) -> None:
        self._source, self._tick_s, self.note = source, tick_s, note
        self.head = 0
        self.pruned = 0  # the log holds nothing up to here
        self._known_from = 0  # below this number it is not known which tables changed
        self._changed: dict[int, int] = {}  # the newest number of each table
        self._followed: Counter[tuple[str, int, str]] = Counter()  # handle, table, its digest
        self._gone: set[str] = set()
        self._turn: asyncio.Event = asyncio.Event()  # replaced each time it is set
        self._somebody = asyncio.Event()
        self._stopping = False

    def stop(self) -> None:
        self._stopping = True
        self._wake()

    @property
    def waiting(self) -> int:
        return self._followed.total()

    async def read_head(self) -> int:
        """The head in the database, after a move: not below what any process has told."""
        (row,) = await self._source.read("log_move")
        self.pruned = max(self.pruned, row["pruned"])
        await self._saw(row["head"])
        return int(row["head"])

    async def wait_changed(self, handle: str, rel: int, after: int) -> int:
        """Until the table has changed behind `after`; returns the head by then. Raises Gone. For those following."""
        while True:
            turn = self._turn
            if handle in self._gone:
                raise Gone
            if self._stopping:
                raise Stopping
            if after < self._known_from or self._changed.get(rel, 0) > after:
                return self.head
            await turn.wait()

    def quiet_until(self, rel: int, after: int) -> int:
        """The highest number up to which this table is known not to have changed behind `after`."""
        if after < self._known_from or self._changed.get(rel, 0) > after:
            return after
        return max(self.head, after)

    @contextmanager
    def following(self, handle: str, rel: int, digest: str) -> Iterator[None]:
        """While somebody follows this shape live."""
        own = (handle, rel, digest)
        self._followed[own] += 1
        self._somebody.set()
        try:
            yield
        finally:
            self._followed[own] -= 1
            if not self._followed[own]:
                del self._followed[own]
                self._gone.discard(handle)

    def drop(self, handle: str) -> None:
        """This process knows already that it is gone."""
        if any(own[0] == handle for own in self._followed):
            self._gone.add(handle)
            self._wake()

    async def run(self) -> None:
        """Until cancelled. While the database is away everybody waits."""
        loop, back_off_s, looked = asyncio.get_running_loop(), BACK_OFF_S[0], 0.0
        while True:
            try:
                begun = loop.time()
                await self.read_head()
                if self._followed and begun - looked > LOOK_S:
                    await self._look()
                    looked = begun
                back_off_s = BACK_OFF_S[0]
                await self._pause(max(self._tick_s, loop.time() - begun))
            except TROUBLE as error:
                self.note(error)
                await asyncio.sleep(back_off_s)
                back_off_s = min(back_off_s * 2, BACK_OFF_S[1])

    async def _pause(self, tick_s: float) -> None:
        if self._followed:
            await asyncio.sleep(tick_s)
            return
        self._somebody.clear()
        try:
            async with asyncio.timeout(IDLE_S):
                await self._somebody.wait()
        except TimeoutError:
            return

    async def _saw(self, head: int) -> None:
        if head <= self.head:
            return
        if not self.head:
            self.head = self._known_from = head
            self._wake()
            return
        before = self.head
        rows = await self._source.read("log_rels", after=before, upto=head)
        if head <= self.head:
            return  # somebody was faster meanwhile
        self.head = head
        for row in rows:
            self._changed[row["rel"]] = max(row["lsn"], self._changed.get(row["rel"], 0))
        if rows:
            self._wake()

    async def _look(self) -> None:
        """Whether what is followed is still there, and its tables as they were."""
        followed = list(self._followed)
        await self._source.read("shape_used", handles=[own[0] for own in followed])
        alive = {row["handle"] for row in await self._source.read("shape_alive", handles=[own[0] for own in followed])}
        rows = await self._source.read("layouts_now", rels=list({own[1] for own in followed}))
        digests = {row["rel"]: row["digest"] for row in rows}
        gone = {handle for handle, rel, digest in followed if handle not in alive or digests.get(rel) != digest}
        if gone - self._gone:
            self._gone |= gone
            self._wake()

    def _wake(self) -> None:
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()
