"""Limits on calls to the outside, shared by the fleet: token buckets in the database, asked by one short statement.

Nothing waits here. An operator that comes too early is told when to come back, and returns Snooze.
"""

from __future__ import annotations

from core.db.connect import Slots
from core.queue.ask import asking
from core.queue.run import Run


class Limits:
    """Asks on the read connections: no claim and no commit waits for a limit."""

    def __init__(self, slots: Slots) -> None:
        self._ask = asking(slots)

    async def take(self, run: Run, name: str, rate: float, burst: float) -> float:
        """0 = go on; else the seconds after which this run's task should come back. Who was sent back goes first."""
        waited = run.run_no > run.attempts
        rows = await self._ask("take_token", name=name, rate=rate, burst=burst, waited=waited)
        return float(rows[0]["wait_s"])

    async def pause(self, name: str, seconds: float, reason: str) -> None:
        """Nobody takes from this limit for so long."""
        await self._ask("pause_limit", name=name, seconds=seconds, reason=reason)
