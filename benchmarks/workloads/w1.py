"""W1: how fast are tasks drained that do nothing? One and two worker processes; each leaves its row and its audit."""

from __future__ import annotations

from functools import partial
from typing import Final

from benchmarks.bench import Bench
from benchmarks.drain import fresh_drain
from benchmarks.figures import Figure
from benchmarks.system import System, Work

NAME: Final = "w1"
TITLE: Final = "drain of no-op tasks"
VARIANTS: Final = {1: "1 worker", 2: "2 workers"}


async def run(bench: Bench) -> list[Figure]:
    return [figure for system in bench.systems for figure in await of_system(bench, system)]


async def of_system(bench: Bench, system: System) -> list[Figure]:
    figures = []
    for processes, variant in VARIANTS.items():
        work = Work("noop", processes * bench.sizes.jobs(system.name, bench.sizes.drain))
        once = partial(fresh_drain, bench, system, work, processes)
        figures += await bench.measured(NAME, system.name, variant, once)
    return figures
