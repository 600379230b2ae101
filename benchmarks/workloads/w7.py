"""W7: a pinned horizon. An old repeatable-read transaction in another session keeps every dead row alive while tasks
are drained; beside it the same drain without that session."""

from __future__ import annotations

from typing import Final

import asyncpg

from benchmarks.bench import Bench
from benchmarks.drain import drain, fresh_drain
from benchmarks.figures import Figure, Sample
from benchmarks.server import QUERIES, Database
from benchmarks.system import Work

NAME: Final = "w7"
TITLE: Final = "pinned horizon"
FREE: Final = "nothing pinned"
PINNED: Final = "horizon pinned"
LAST_THIRD: Final = "last third, of the first"


async def run(bench: Bench) -> list[Figure]:
    work = Work("noop", bench.sizes.pinned)
    figures = await bench.measured(NAME, bench.ours.name, FREE, lambda: fresh_drain(bench, bench.ours, work))
    return figures + await bench.measured(NAME, bench.ours.name, PINNED, lambda: _pinned(bench, work))


async def _pinned(bench: Bench, work: Work) -> Sample:
    async with bench.ours.fresh() as database:
        old = await asyncpg.connect(database.dsn)
        try:
            transaction = old.transaction(isolation="repeatable_read", readonly=True)
            await transaction.start()
            await QUERIES["count_tasks"].fetch(old, task_type="bench.noop")  # takes the snapshot
            sample = await drain(bench, bench.ours, database, work)
            await transaction.rollback()
        finally:
            old.terminate()
        return Sample({**sample.values, LAST_THIRD: await _last_third(database)}, sample.foreign)


async def _last_third(database: Database) -> float:
    """How the last third of the tasks went, compared with the first."""
    async with database.connect() as connection:
        rates = [row["rate"] for row in await QUERIES["thirds"].fetch(connection, task_type="bench.noop")]
    return float(rates[-1] / rates[0]) if all(rates) else 1.0
