"""Figures: what the runs of one variant gave, with median, spread and noise."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

NOISY: Final = 0.12  # of all cores, taken by others
OURS: Final = "rowmill"
REFERENCE: Final = "by hand"

RATE = "tasks/s"
WAL = "WAL bytes per task"
COMMITS = "commits per task"
DEAD = "dead tuples per task"
SERVER_CPU = "server CPU µs per task"
CLIENT_CPU = "worker and producer CPU µs per task"
SERVER_SHARE = "server's share of CPU"
BUFFERS = "buffers per task"
STATEMENTS = "statements per task"
STATEMENT_WAL = "WAL bytes per task, by statements"


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: values by metric, and the share of the processors that others took meanwhile."""

    values: dict[str, float]
    foreign: float | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric of one variant of a workload, for one system."""

    workload: str
    system: str
    variant: str
    metric: str
    values: tuple[float, ...]
    foreign: tuple[float, ...] = ()

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        return min(self.values)

    @property
    def high(self) -> float:
        return max(self.values)

    @property
    def noise(self) -> float | None:
        """The largest share taken by others in any of the runs."""
        return max(self.foreign, default=None)

    @property
    def noisy(self) -> bool:
        return self.noise is not None and self.noise > NOISY

    def as_json(self) -> dict[str, Any]:
        return {
            "workload": self.workload,
            "system": self.system,
            "variant": self.variant,
            "metric": self.metric,
            "median": self.median,
            "min": self.low,
            "max": self.high,
            "runs": list(self.values),
            "foreign_cpu": self.noise,
            "noisy": self.noisy,
        }


def figures_of(workload: str, system: str, variant: str, samples: Sequence[Sample]) -> list[Figure]:
    """The samples of one variant, metric by metric."""
    foreign = tuple(each.foreign for each in samples if each.foreign is not None)
    metrics = list(dict.fromkeys(metric for each in samples for metric in each.values))
    return [
        Figure(
            workload, system, variant, metric, tuple(s.values[metric] for s in samples if metric in s.values), foreign
        )
        for metric in metrics
    ]


def from_json(entry: dict[str, Any]) -> Figure:
    noise = entry["foreign_cpu"]
    return Figure(
        entry["workload"],
        entry["system"],
        entry["variant"],
        entry["metric"],
        tuple(entry["runs"]),
        () if noise is None else (noise,),
    )


class Figures:
    """All figures of a run, to be asked by name."""

    def __init__(self, figures: Iterable[Figure]) -> None:
        self.all = list(figures)

    def median(self, workload: str, system: str, variant: str, metric: str = RATE) -> float | None:
        for each in self.all:
            if (each.workload, each.system, each.variant, each.metric) == (workload, system, variant, metric):
                return each.median
        return None

    def peers(self) -> list[str]:
        """Other systems, in the order they were measured."""
        return list(dict.fromkeys(each.system for each in self.all if each.system not in {OURS, REFERENCE}))

    def best_peer(
        self, workload: str, variant: str, metric: str = RATE, among: Sequence[str] | None = None
    ) -> tuple[str, float] | None:
        """The fastest of the others."""
        found = [
            (each.system, each.median)
            for each in self.all
            if (each.workload, each.variant, each.metric) == (workload, variant, metric)
            and each.system in (self.peers() if among is None else among)
        ]
        return max(found, key=lambda pair: pair[1], default=None)


def number(value: float) -> str:
    if value >= 1000:  # noqa: PLR2004 - where thousands begin
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies; the nearest rank."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def latencies(name: str, values: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the longest, in ms."""
    return {
        f"{name} p50 ms": percentile(values, 0.50),
        f"{name} p95 ms": percentile(values, 0.95),
        f"{name} p99 ms": percentile(values, 0.99),
        f"{name} max ms": max(values),
    }
