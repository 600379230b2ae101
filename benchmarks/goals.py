"""What the figures have to reach, as ratios within one run, and where another queue is ahead: computed, never told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from benchmarks import reference
from benchmarks.figures import BUFFERS, OURS, RATE, REFERENCE, STATEMENTS, Figures, number
from benchmarks.workloads import w1, w2, w3, w4, w5, w7, w8, w10

PYTHON: Final = ("procrastinate", "pgqueuer", "awa-pg")
BUSY: Final = w2.variant(32, w2.BUSY)


@dataclass(frozen=True, slots=True)
class Goal:
    """One ratio: what it says, what it must be, and what it was; None = not measured in this run."""

    text: str
    wanted: float
    found: float | None
    at_most: bool = False

    @property
    def reached(self) -> bool | None:
        if self.found is None:
            return None
        return self.found <= self.wanted if self.at_most else self.found >= self.wanted

    def as_json(self) -> dict[str, Any]:
        sign = "<=" if self.at_most else ">="
        return {"goal": self.text, "wanted": f"{sign} {self.wanted:g}", "found": self.found, "reached": self.reached}


def goals(figures: Figures) -> list[Goal]:
    """Every goal, in the order of the workloads."""
    return [each for part in (_rates, _enqueues, _latencies, _steadiness) for each in part(figures)]


def _rates(figures: Figures) -> list[Goal]:
    ours = _ours(figures)
    distinct, hot = ours("w5", w5.DISTINCT), ours("w5", w5.HOT)
    peer = figures.best_peer("w5", w5.DISTINCT)
    hot_peer = figures.best_peer("w5", w5.HOT)
    python = figures.best_peer("w1", w1.VARIANTS[1], among=PYTHON)
    steady = figures.best_peer("w4", w4.MAXIMUM, among=PYTHON)
    limit = figures.median(reference.NAME, REFERENCE, reference.SET_BASED)
    return [
        Goal("W5 audited, of the fastest peer", 4.0, ratio(distinct, peer)),
        Goal("W5 audited, of the set-based limit by hand", 0.35, ratio(distinct, limit)),
        Goal("W5 hot rows, of the fastest peer on hot rows", 2.0, ratio(hot, hot_peer)),
        Goal("W1 one worker, of the fastest Python peer", 1.5, ratio(ours("w1", w1.VARIANTS[1]), python)),
        Goal(
            "W1 two workers, of one, where the database has room (1 ms of work each)",
            1.5,
            ratio(ours("w1", w1.WORKING[2]), ours("w1", w1.WORKING[1])),
        ),
        Goal("W4 at the maximum, of the fastest Python peer", 1.0, ratio(ours("w4", w4.MAXIMUM), steady)),
    ]


def _enqueues(figures: Figures) -> list[Goal]:
    ours = _ours(figures)
    mine = ours("w2", BUSY, w2.INSERTS)
    bare = figures.median(reference.NAME, REFERENCE, reference.bare(32))
    loaded = figures.median("w2", REFERENCE, BUSY, w2.INSERTS)
    peer = figures.best_peer("w2", BUSY, w2.INSERTS)
    asleep = w2.variant(1, w2.ASLEEP)
    sleeping = ratio(ours("w2", asleep, w2.STATEMENT_MS), figures.median("w2", REFERENCE, asleep, w2.STATEMENT_MS))
    return [
        Goal("W2 32 connections, workers busy, of the bare INSERT alone", 0.9, ratio(mine, bare)),
        Goal("W2 32 connections, workers busy, of the bare INSERT under the same load", 0.9, ratio(mine, loaded)),
        Goal("W2 32 connections, workers busy, of the fastest peer", 1.0, ratio(mine, peer)),
        Goal("W2 one INSERT while the worker sleeps: its time, of a bare one's", 1.15, sleeping, at_most=True),
    ]


def _latencies(figures: Figures) -> list[Goal]:
    wanted = (
        (w3.IDLE, "start p50 ms", 2.0),
        (w3.IDLE, "effect p50 ms", 4.0),
        (w3.IDLE, "start p99 ms", 6.0),
        (w3.LOADED, "start p99 ms", 50.0),
    )
    ours = _ours(figures)
    return [
        Goal(f"W3 {variant}, {what}", most, ours("w3", variant, what), at_most=True) for variant, what, most in wanted
    ]


def _steadiness(figures: Figures) -> list[Goal]:
    ours = _ours(figures)
    found = [
        Goal("W7 with a pinned horizon, of without", 0.9, ratio(ours("w7", w7.PINNED), ours("w7", w7.FREE))),
        Goal("W8 in the crowd, of unloaded", 0.95, ratio(ours("w8", w8.CROWDED), ours("w8", w8.UNLOADED))),
    ]
    sizes = [each.variant for each in figures.all if (each.workload, each.metric) == ("w9", BUFFERS)]
    for metric in (BUFFERS, STATEMENTS):
        growth = ratio(ours("w9", sizes[-1], metric), ours("w9", sizes[0], metric)) if sizes else None
        found.append(Goal(f"W9 {metric}, of the largest table to the smallest", 1.1, growth, at_most=True))
    for slots, metric, most in ((1, w10.IDLE, 80.0), (1000, w10.FULL, 150.0)):
        found.append(
            Goal(f"W10 {w10.variant(slots)}, {metric}", most, ours("w10", w10.variant(slots), metric), at_most=True)
        )
    return found


def _ours(figures: Figures) -> Callable[..., float | None]:
    def median(workload: str, variant: str, metric: str = RATE) -> float | None:
        return figures.median(workload, OURS, variant, metric)

    return median


def ratio(ours: float | None, other: tuple[str, float] | float | None) -> float | None:
    """None if either was not measured."""
    value = other[1] if isinstance(other, tuple) else other
    return None if ours is None or not value else ours / value


@dataclass(frozen=True, slots=True)
class Lead:
    """Somewhere another queue is ahead of us."""

    peer: str
    workload: str
    variant: str
    metric: str
    theirs: float
    ours: float

    @property
    def sentence(self) -> str:
        what = f"{self.workload.upper()} {self.variant}: {self.metric}"
        return f"{self.peer} leads in {what}, {number(self.theirs)} against {number(self.ours)}"


# Where less is better; what is in none of the two lists is no contest.
HIGHER: Final = (RATE, w2.INSERTS, "second half tasks/s")
LOWER: Final = (
    *(f"start {share} ms" for share in ("p50", "p95", "p99", "max")),
    "WAL bytes per task",
    "commits per task",
    "dead tuples per task",
)


MARGIN: Final = 0.02


def leads(figures: Figures) -> list[Lead]:
    """Every figure in which a peer is ahead by more than two in a hundred."""
    found = []
    for each in figures.all:
        ours = figures.median(each.workload, OURS, each.variant, each.metric)
        if each.system in {OURS, REFERENCE} or ours is None:
            continue
        higher = each.metric in HIGHER and each.median > ours * (1 + MARGIN)
        lower = each.metric in LOWER and each.median < ours * (1 - MARGIN)
        if higher or lower:
            found.append(Lead(each.system, each.workload, each.variant, each.metric, each.median, ours))
    return found
