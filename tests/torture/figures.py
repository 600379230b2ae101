"""What a scenario found: figures, each with what was wanted of it, and the violations of the checker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.torture.checker import Violation


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. `wanted` is empty where it is only told; then `ok` is None."""

    name: str
    value: float
    unit: str = ""
    wanted: str = ""
    ok: bool | None = None

    @property
    def shown(self) -> str:
        number = (
            f"{self.value:,.0f}" if float(self.value).is_integer() or abs(self.value) >= 1000 else f"{self.value:,.3g}"
        )
        return f"{number} {self.unit}".strip()


def told(name: str, value: float, unit: str = "") -> Figure:
    return Figure(name, value, unit)


def exactly(name: str, value: float, wanted: float, unit: str = "") -> Figure:
    return Figure(name, value, unit, f"{wanted:,.0f}", value == wanted)


def at_most(name: str, value: float, limit: float, unit: str = "") -> Figure:
    return Figure(name, value, unit, f"<= {limit:,g}", value <= limit)


def at_least(name: str, value: float, limit: float, unit: str = "") -> Figure:
    return Figure(name, value, unit, f">= {limit:,g}", value >= limit)


@dataclass(slots=True)
class Result:
    """A scenario's run: passed when every figure with a limit keeps it and no invariant is broken."""

    scenario: str
    tests: Sequence[str]
    title: str
    seconds: float = 0.0
    figures: list[Figure] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    skipped: str | None = None
    error: str | None = None

    @property
    def passed(self) -> bool:
        return not self.violations and self.error is None and all(each.ok is not False for each in self.figures)

    @property
    def verdict(self) -> str:
        if self.skipped is not None:
            return "skipped"
        return "passed" if self.passed else "FAILED"

    def add(self, *figures: Figure) -> None:
        self.figures += figures

    def judge(self, violations: Sequence[Violation]) -> None:
        self.violations += [str(each) for each in violations]
        self.add(exactly("invariants broken", len(violations), 0))

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "verdict": self.verdict}


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
