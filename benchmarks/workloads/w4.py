"""W4: steady state. One producer, one worker and the server share the machine; at a given rate, and at the maximum,
where the producer goes on as long as fewer than 5,000 tasks are unfinished. The first second does not count."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Final

from benchmarks.bench import Bench
from benchmarks.figures import RATE, Figure, Sample
from benchmarks.programs import Program
from benchmarks.stall import STALL_S, within
from benchmarks.system import System, Work, drained

NAME: Final = "w4"
TITLE: Final = "steady state"
MOST: Final = 5000
MAXIMUM: Final = "maximum"


async def run(bench: Bench) -> list[Figure]:
    rate = bench.sizes.steady_rate
    figures = await bench.measured(NAME, bench.ours.name, given(rate), partial(_steady, bench, bench.ours, rate))
    for system in bench.systems:
        figures += await bench.measured(NAME, system.name, MAXIMUM, partial(_steady, bench, system, 0))
    return figures


def given(rate: int) -> str:
    return f"{rate:,} tasks/s given"


async def _steady(bench: Bench, system: System, rate: int) -> Sample:
    seconds = bench.sizes.steady_s
    warm_up = min(1.0, seconds / 4)
    options: dict[str, Any] = {"kind": "noop", "seconds": seconds, "most": MOST}
    options |= {"rate": rate} if rate else {}
    async with system.fresh() as database:
        async with bench.metered(database) as meter, system.crew(database, "noop", 1) as crew:
            async with system.produce(database, "steady", **options) as producer:
                began = await _began(producer)
                meter.cpu_start()
                made = await producer.answer()
                meter.cpu_stop()
            ended = began + seconds
            work = Work("noop", made["count"])
            await drained(system, database, crew, work)
            done = await system.done_between(database, crew, "noop", began + warm_up, ended)
            half = await system.done_between(database, crew, "noop", began + seconds / 2, ended)
        await system.prove(database, crew, work)
        values = {RATE: done.pop("tasks") / (seconds - warm_up), "second half tasks/s": half["tasks"] / (seconds / 2)}
        return meter.sample(values | done, made["count"])


async def _began(producer: Program) -> float:
    async with within(STALL_S, "the producer did not begin"):
        while not producer.lines:
            producer.check()
            await asyncio.sleep(0.005)
    return float(producer.lines[0]["began"])
