"""W5: audited work. Per task one cell update, one edit event, one run row and the completion, in one commit; over as
many rows as tasks, and over a few hot ones. A peer's handler updates and inserts in a transaction of its own."""

from __future__ import annotations

from functools import partial
from typing import Final

from benchmarks.bench import Bench
from benchmarks.drain import fresh_drain
from benchmarks.figures import Figure
from benchmarks.system import System, Work

NAME: Final = "w5"
TITLE: Final = "audited work"
DISTINCT: Final = "distinct rows"
HOT: Final = "hot rows"
TWO: Final = "distinct rows, 2 workers"


async def run(bench: Bench) -> list[Figure]:
    return [figure for system in bench.systems for figure in await of_system(bench, system)]


async def of_system(bench: Bench, system: System) -> list[Figure]:
    count = bench.sizes.jobs(system.name, bench.sizes.audited)
    figures: list[Figure] = []
    for variant, rows, processes in ((DISTINCT, count, 1), (TWO, count, 2), (HOT, bench.sizes.hot_rows, 1)):
        work = Work("audited", count, rows)
        once = partial(fresh_drain, bench, system, work, processes)
        figures += await bench.measured(NAME, system.name, variant, once)
    return figures
