"""What a pool counts in memory between two flushes. Pure.

Statistics, not audit: they are flushed about once a second, so a killed worker takes at most its last second with it,
and a flush whose answer was lost may count twice. `robot_input_events` is exact.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from core.state import Transition

# Two bounds for each doubling, 1 ms to 70 minutes; rowmill.histogram_bounds() has the same.
BOUNDS_MS: Final = tuple(2.0 ** (step / 2) for step in range(45))
OUTCOMES: Final = ("completed", "failed", "retried", "cancelled", "returned")
_OUTCOME_OF: Final = {
    "superseded": "completed",
    "snoozed": "returned",
    "waiting": "returned",
}  # a label that is none of the outcomes


class Counts:
    """Outcomes count tasks, followers of a coalesced run included; histograms count runs that began."""

    def __init__(self) -> None:
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self.wait_ms = [0] * (len(BOUNDS_MS) + 1)
        self.run_ms = [0] * (len(BOUNDS_MS) + 1)

    def __bool__(self) -> bool:
        return any(self.outcomes.values())

    def add(self, moved: Transition, tasks: int, wait_ms: float, run_ms: float) -> None:
        """A run has ended, durably."""
        self.outcomes[_OUTCOME_OF.get(moved.label, moved.label)] += tasks
        if moved.started:
            self.wait_ms[bisect_left(BOUNDS_MS, wait_ms)] += 1
            self.run_ms[bisect_left(BOUNDS_MS, run_ms)] += 1

    def merge(self, other: Counts) -> None:
        """Takes back what could not be flushed."""
        for name, tasks in other.outcomes.items():
            self.outcomes[name] += tasks
        self.wait_ms = [mine + theirs for mine, theirs in zip(self.wait_ms, other.wait_ms, strict=True)]
        self.run_ms = [mine + theirs for mine, theirs in zip(self.run_ms, other.run_ms, strict=True)]


def as_array(histogram: list[int]) -> str:
    """PostgreSQL's text of an array, without trailing zeros: arrays of arrays cannot differ in length there."""
    last = max((place for place, count in enumerate(histogram, start=1) if count), default=0)
    return "{" + ",".join(map(str, histogram[:last])) + "}"
