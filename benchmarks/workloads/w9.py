"""W9: what a task costs as the tables grow: buffers, statements and WAL by pg_stat_statements, from ten thousand to ten
million finished tasks."""

from __future__ import annotations

from typing import Final

from benchmarks.bench import Bench
from benchmarks.drain import drain
from benchmarks.figures import Figure, Sample
from benchmarks.system import Work, WrongRun

NAME: Final = "w9"
TITLE: Final = "growth"
TYPE: Final = "bench.noop"


def variant(rows: int) -> str:
    return f"{rows:,} finished"


async def run(bench: Bench) -> list[Figure]:
    grown = await bench.grown()
    figures: list[Figure] = []
    work = Work("noop", bench.sizes.beside)
    for rows in bench.sizes.grown:
        if rows < grown.rows or grown.crowded:
            raise WrongRun("the tables have grown already; w9 comes before w8")
        await grown.grow(rows)

        async def once() -> Sample:
            sample = await drain(bench, bench.ours, grown.database, work)
            await grown.forget(TYPE)
            return sample

        figures += await bench.measured(NAME, bench.ours.name, variant(rows), once)
    return figures
