"""W8: the same drain in a crowd: beside ten million finished tasks, a million pending of another type, and a million of
the own type that are due tomorrow at a higher priority. The unloaded rate is measured in the same way before."""

from __future__ import annotations

from typing import Final

from benchmarks.bench import Bench
from benchmarks.drain import drain, fresh_drain
from benchmarks.figures import Figure, Sample
from benchmarks.system import Work

NAME: Final = "w8"
TITLE: Final = "in a crowd"
UNLOADED: Final = "unloaded"
CROWDED: Final = "in the crowd"
TYPE: Final = "bench.noop"


async def run(bench: Bench) -> list[Figure]:
    work = Work("noop", bench.sizes.beside)
    figures = await bench.measured(NAME, bench.ours.name, UNLOADED, lambda: fresh_drain(bench, bench.ours, work))
    grown = await bench.grown()
    await grown.grow(bench.sizes.grown[-1])
    await grown.crowd(bench.sizes.crowd, "bench.audited", TYPE)

    async def once() -> Sample:
        sample = await drain(bench, bench.ours, grown.database, work)
        await grown.forget(TYPE)
        return sample

    return figures + await bench.measured(NAME, bench.ours.name, CROWDED, once)
