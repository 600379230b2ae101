"""W3: how long a task waits. From before the INSERT to the operator's start, and to the effect that another session
sees: with an idle worker, and among 5,000 other tasks a second of the same type."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Sample, latencies
from benchmarks.server import QUERIES, Database
from benchmarks.system import Crew, System, Work, WrongRun, drained

NAME: Final = "w3"
TITLE: Final = "latency"
CELLS: Final = 2000  # probes write the first half, the load the second
SETTLE_S: Final = 0.5  # the load runs when the first probe is sent
LONGER: Final = 2  # a probe is followed before the next one is sent
IDLE: Final = "idle worker"
LOADED: Final = "under load"


async def run(bench: Bench) -> list[Figure]:
    figures = await bench.measured(NAME, bench.ours.name, IDLE, lambda: _ours(bench, 0))
    figures += await bench.measured(NAME, bench.ours.name, LOADED, lambda: _ours(bench, bench.sizes.probe_load))
    for peer in bench.peers:
        figures += await bench.measured(NAME, peer.name, IDLE, partial(_peer, bench, peer))
    return figures


async def _ours(bench: Bench, rate: int) -> Sample:
    system, sizes = bench.ours, bench.sizes
    probes = {"count": sizes.probes, "spacing_s": sizes.probe_spacing_s}
    async with system.fresh() as database:
        async with database.connect() as connection:
            await QUERIES["add_cells"].fetch(connection, rows=CELLS)
        async with system.crew(database, "probe", 1) as crew, bench.metered(database) as meter:
            loading = asyncio.create_task(_load(bench, database, rate))
            await asyncio.sleep(SETTLE_S if rate else 0.0)
            async with system.produce(database, "probe", **probes) as producer:
                made = await producer.answer()
            work = Work("probe", made["count"] + await loading)
            await drained(system, database, crew, work)
        await system.prove(database, crew, work)
        starts = await _starts(system, database, crew, made["count"])
        values = latencies("start", starts) | latencies("effect", made["commit_ms"])
        return meter.sample(values | latencies("insert", made["insert_ms"]))


async def _load(bench: Bench, database: Database, rate: int) -> int:
    """Other tasks of the same type at this rate, for longer than the probes take; how many there were."""
    if not rate:
        return 0
    seconds = bench.sizes.probes * bench.sizes.probe_spacing_s * LONGER + 2 * SETTLE_S
    async with bench.ours.produce(database, "steady", kind="probe", seconds=seconds, rate=rate) as loader:
        return int((await loader.answer())["count"])


async def _peer(bench: Bench, peer: System) -> Sample:
    probes = {"count": bench.sizes.probes, "spacing_s": bench.sizes.probe_spacing_s}
    async with peer.fresh() as database:
        async with peer.crew(database, "probe", 1) as crew, bench.metered(database) as meter:
            async with peer.produce(database, "probe", **probes) as producer:
                made = await producer.answer()
            work = Work("probe", made["count"])
            await drained(peer, database, crew, work)
        await peer.prove(database, crew, work)
        return meter.sample(latencies("start", await _starts(peer, database, crew, made["count"])))


async def _starts(peer: System, database: Database, crew: Crew, sent: int) -> list[float]:
    """All but the first: it is the warm-up."""
    starts = await peer.starts_ms(database, crew)
    if len(starts) != sent:
        raise WrongRun(f"{sent} probes were sent and {len(starts)} were started")
    return starts[1:]
