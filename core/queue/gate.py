"""Wake only sleepers: what this pool has written on the gate, and when it changes.

    asleep   ring me                       start, or a look came back empty
    looking  no bell needed, I look soon   bells come fast and a slot is free
    full     neither                       no slot is free while bells come fast

To become asleep or full: write it, commit, take the snapshot's xmax as horizon, and repeat one statement until every
transaction older than the horizon has ended and nothing claimable is left. A naive "write, look once, sleep" loses
the row of a producer that read the gate before and commits after.

A moment after a bell come the same questions: what it announced may be due in a second, or wait for a key whose run
commits without seeing it. A due time counts as a bell, so that many of them make the pool look instead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from core.queue.ask import Ask

State = Literal["start", "asleep", "looking", "full"]

FAST_BELLS: Final = 20  # bells within FAST_S: below that a bell costs less than the looks that spare it
FAST_S: Final = 0.2
LOOKING_S: Final = 2.0  # how long a `looking` row is believed
LOOK_EVERY_S: Final = 0.005
EMPTY_S: Final = 0.030  # looks must stay empty this long before going to sleep
AFTER_BELL_S: Final = 0.005
FULL_S: Final = 0.050  # no slot free for this long
LONGEST_PAUSE_S: Final = 1.0
SHORTEST_LOOK_S: Final = 0.02  # where no bell is heard: after a look that found something


@dataclass(slots=True)
class _Closing:
    horizon: str
    pause_s: float = 0.001


class Gate:
    """The gate of one task type in one process. `floor()` says from where on its looks go (core/queue/floor.py)."""

    def __init__(
        self,
        task_type: str,
        listener: str,
        lease_s: float,
        ask: Ask,
        floor: Callable[[], datetime | None] = lambda: None,
    ) -> None:
        self._type, self._listener, self._lease_s, self._ask, self._floor = task_type, listener, lease_s, ask, floor
        self.state: State = "start"
        self._closing: _Closing | None = None
        self._bells: deque[float] = deque(maxlen=FAST_BELLS)
        self._rung = False
        self._asks = False  # a bell's questions are put after a moment: its task is on its way to being done
        self._due_at: float | None = None
        self._renew_at = 0.0
        self._empty_since: float | None = None
        self._full_since: float | None = None

    def heard(self, now: float) -> None:
        """A bell rang, or a task is due."""
        self._bells.append(now)
        self._rung = True

    def claimed(self) -> None:
        """A look found something."""
        self._empty_since = None
        if self._closing:
            self._closing.pause_s = 0.001

    async def busy(self, now: float) -> None:
        """A look came back full, so the next one follows at once: who hears many bells meanwhile asks for silence, and
        keeps its `looking` row believable."""
        if self.state == "asleep" and self._fast(now):
            await self._look_from_now(now)
        elif self.state == "looking" and now >= self._renew_at:
            await self._write("looking", LOOKING_S)
            self._renew_at = now + LOOKING_S - 1.0

    def reopened(self) -> None:
        """The row may be gone (reconnect, reaped while stalled): begin anew."""
        self.state, self._closing, self._asks = "start", None, False

    async def step(self, now: float, *, free: bool) -> float | None:
        """After a look that came back short (`free`) or when no slot is free: the next transition, if any.

        Returns the longest time in seconds to wait before the next look; None = until something wakes the pool.
        """
        self._note(now, free=free)
        if self._due_at is not None and self._due_at <= now:
            self._due_at = None
            self.heard(now)
        if self.state == "start":
            await self._close("asleep")
        elif self.state == "asleep" and self._fast(now) and free:
            return await self._look_from_now(now)
        elif self.state == "asleep" and self._fast(now) and self._full_for(now):
            await self._close("full")
        elif self.state == "looking":
            return await self._while_looking(now, free=free)
        elif self.state == "full" and free:
            await self._close("asleep")
        elif self.state == "asleep" and self._rung and free:
            self._rung, self._closing, self._asks = False, None, True
            return AFTER_BELL_S
        return await self._settle(now, free=free)

    def _fast(self, now: float) -> bool:
        return len(self._bells) == FAST_BELLS and now - self._bells[0] <= FAST_S

    def _note(self, now: float, *, free: bool) -> None:
        if free:
            self._full_since = None
            self._empty_since = self._empty_since or now
        else:
            self._empty_since = None
            self._full_since = self._full_since or now

    def _full_for(self, now: float) -> bool:
        return self._full_since is not None and now - self._full_since >= FULL_S

    async def _while_looking(self, now: float, *, free: bool) -> float | None:
        if not free:
            if not self._full_for(now):
                return FULL_S
            await self._close("full")
            return await self._settle(now, free=False)
        if self._empty_since is not None and now - self._empty_since >= EMPTY_S:
            await self._close("asleep")
            return await self._settle(now, free=True)
        await self.busy(now)
        return LOOK_EVERY_S

    async def _look_from_now(self, now: float) -> float:
        self._closing, self._asks, self.state = None, False, "looking"
        self._bells.clear()
        await self._write("looking", LOOKING_S)
        self._renew_at = now + LOOKING_S - 1.0
        return 0.0

    async def _close(self, state: Literal["asleep", "full"]) -> None:
        self.state = state
        await self._write(state, self._lease_s)
        await self._aim()

    async def _aim(self) -> None:
        self._rung = self._asks = False
        rows = await self._ask("gate_horizon")
        self._closing = _Closing(rows[0]["horizon"])

    async def _settle(self, now: float, *, free: bool) -> float | None:
        if self._asks:
            await self._aim()
        closing = self._closing
        if closing is None:
            return None if self._due_at is None else self._due_at - now
        (answer,) = await self._ask("gate_settled", horizon=closing.horizon, task_type=self._type, floor=self._floor())
        if answer["work"] and not free and self.state == "asleep":  # its own bell would wake it again and again
            await self._close("full")
            return await self._settle(now, free=False)
        if answer["work"] and not (free and self.state == "asleep"):
            await self._ask("ring", task_types=[self._type])
        if answer["settled"] and (self.state == "full" or not answer["work"]):
            self._closing = None
            return self._expect(now, answer["due_in_s"])
        pause, closing.pause_s = closing.pause_s, min(closing.pause_s * 2, LONGEST_PAUSE_S)
        return pause

    def _expect(self, now: float, due_in_s: float | None) -> float | None:
        due_in_s = None if due_in_s is None else max(due_in_s, 0.0)
        self._due_at = None if due_in_s is None else now + due_in_s
        return due_in_s

    async def _write(self, state: State, valid_s: float) -> None:
        await self._ask("gate_set", task_type=self._type, listener=self._listener, state=state, valid_s=valid_s)


class Deaf(Gate):
    """In the place of a gate where no bell can be heard: writes nothing, and makes the pool look more often while there
    is work: 20 ms after the last find, then 40, 80 ... up to a second; then the process's poll is enough."""

    _pause_s = LONGEST_PAUSE_S

    def heard(self, now: float) -> None:  # noqa: ARG002
        """A task is due."""
        self._pause_s = SHORTEST_LOOK_S

    def claimed(self) -> None:
        self._pause_s = SHORTEST_LOOK_S

    async def step(self, now: float, *, free: bool) -> float | None:  # noqa: ARG002
        if not free or self._pause_s >= LONGEST_PAUSE_S:
            return None
        pause, self._pause_s = self._pause_s, self._pause_s * 2
        return pause
