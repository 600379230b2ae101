"""How large the workloads are: full, quick, and tiny for the tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts of tasks or rows, times in seconds."""

    runs: int = 3
    quiet_s: float = 5.0  # how long a run waits for a quiet moment at most
    drain: int = 100_000
    busy_tasks: int = 8_000
    single_s: float = 2.0
    busy_backlog: int = 300_000
    connections: tuple[int, ...] = (1, 10, 32)
    bulk: int = 100_000
    probes: int = 500
    probe_spacing_s: float = 0.02
    probe_load: int = 5_000
    steady_s: float = 20.0
    steady_rate: int = 10_000
    audited: int = 50_000
    hot_rows: int = 16
    sheet_cells: int = 100_000
    pinned: int = 300_000
    grown: tuple[int, ...] = (10_000, 1_000_000, 10_000_000)
    crowd: int = 1_000_000
    beside: int = 50_000  # tasks drained beside large tables
    slots: tuple[int, ...] = (1, 100, 1000)
    reference: int = 100_000
    peer_jobs: dict[str, int] = field(default_factory=dict)  # fewer for the slow ones: only to bound the time

    def jobs(self, system: str, count: int) -> int:
        """How many tasks of a drain this system gets."""
        return min(count, self.peer_jobs.get(system, count))


FULL: Final = Sizes(peer_jobs={"pgqueuer": 50_000, "awa-pg": 30_000, "procrastinate": 6_000})
QUICK: Final = Sizes(
    runs=2,
    quiet_s=0.0,
    drain=20_000,
    busy_tasks=600,
    single_s=0.6,
    busy_backlog=60_000,
    connections=(32,),
    bulk=20_000,
    probes=40,
    steady_s=1.2,
    audited=12_000,
    sheet_cells=4_000,
    pinned=20_000,
    grown=(10_000, 250_000),
    crowd=50_000,
    beside=10_000,
    slots=(1, 1000),
    reference=20_000,
    peer_jobs={"pgqueuer": 10_000, "awa-pg": 8_000, "procrastinate": 1_500},
)
TINY: Final = Sizes(
    runs=1,
    quiet_s=0.0,
    drain=200,
    busy_tasks=50,
    single_s=0.1,
    busy_backlog=20_000,
    connections=(2,),
    bulk=500,
    probes=5,
    probe_load=200,
    steady_s=0.6,
    steady_rate=500,
    audited=200,
    hot_rows=4,
    sheet_cells=500,
    pinned=200,
    grown=(100, 300),
    crowd=200,
    beside=100,
    slots=(1,),
    reference=500,
)
