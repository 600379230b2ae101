"""W1: how fast are tasks drained that do nothing, by one and two worker processes? Each leaves its row and its audit.

And what is a second worker worth where the database has room, since each task takes a millisecond of its worker?
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from benchmarks.bench import Bench
from benchmarks.drain import fresh_drain
from benchmarks.figures import Figure
from benchmarks.system import System, Work

NAME: Final = "w1"
TITLE: Final = "drain of no-op tasks"
VARIANTS: Final = {1: "1 worker", 2: "2 workers"}
WORKING: Final = {1: "1 ms of work each, 1 worker", 2: "1 ms of work each, 2 workers"}


async def run(bench: Bench) -> list[Figure]:
    figures = [figure for system in bench.systems for figure in await of_system(bench, system)]
    return figures + await _drains(bench, bench.ours, "busy", bench.sizes.busy_tasks, WORKING)


async def of_system(bench: Bench, system: System) -> list[Figure]:
    return await _drains(bench, system, "noop", bench.sizes.jobs(system.name, bench.sizes.drain), VARIANTS)


async def _drains(bench: Bench, system: System, kind: str, tasks: int, variants: Mapping[int, str]) -> list[Figure]:
    """So many tasks for each worker, by numbers of workers."""
    figures = []
    for processes, variant in variants.items():
        once = partial(fresh_drain, bench, system, Work(kind, processes * tasks), processes)
        figures += await bench.measured(NAME, system.name, variant, once)
    return figures
