"""Limits written by hand with asyncpg, measured in the same run: every figure is a ratio to what this machine can do at
that moment. No retries, no fences, no audit of runs: the least that moves a row from one end to the other."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import asyncpg

from benchmarks.bench import Bench
from benchmarks.figures import RATE, REFERENCE, Figure, Sample
from benchmarks.server import Database
from benchmarks.system import WrongRun
from core.db.connect import Connection
from core.db.statements import Catalog

NAME: Final = "reference"
TITLE: Final = "limits by hand"
QUERIES: Final = Catalog(Path(__file__).with_name("reference.sql"))
SCHEMA: Final = Path(__file__).with_name("reference_schema.sql")
CLAIM: Final = "claim 500, finish 500, 1 connection"
SET_BASED: Final = "one transaction per 250, set-based, 2 connections"
COPY: Final = "COPY"


def bare(connections: int) -> str:
    return f"bare INSERT, {connections} connection{'s' if connections > 1 else ''}"


def notifying(connections: int) -> str:
    return f"INSERT with pg_notify, {connections} connection{'s' if connections > 1 else ''}"


async def prepare(database: Database) -> None:
    """The tables the limits run on."""
    async with database.connect() as connection:
        await connection.execute(SCHEMA.read_text(encoding="utf-8"))


async def run(bench: Bench) -> list[Figure]:
    figures: list[Figure] = []
    for connections in bench.sizes.connections:
        for name, statement in ((bare(connections), "insert_bare"), (notifying(connections), "insert_notifying")):

            async def inserts(c: int = connections, s: str = statement) -> Sample:
                return await _inserts(bench, c, s)

            figures += await bench.measured(NAME, REFERENCE, name, inserts)
    ways: tuple[tuple[str, Callable[[Bench, Database], Awaitable[float]]], ...] = (
        (CLAIM, claim_and_finish),
        (SET_BASED, set_based),
        (COPY, copy),
    )
    for name, way in ways:

        async def once(w: Callable[[Bench, Database], Awaitable[float]] = way) -> Sample:
            return await _on_fresh(bench, w)

        figures += await bench.measured(NAME, REFERENCE, name, once)
    return figures


async def _inserts(bench: Bench, connections: int, statement: str) -> Sample:
    async with bench.server.empty() as database:
        await prepare(database)
        options = {"connections": connections, "seconds": bench.sizes.single_s, "statement": statement}
        async with bench.metered(database) as meter, bench.ours.produce(database, "single", **options) as producer:
            made = await producer.answer()
        return meter.sample({RATE: made["count"] / made["seconds"]})


async def _on_fresh(bench: Bench, way: Callable[[Bench, Database], Awaitable[float]]) -> Sample:
    async with bench.server.empty() as database:
        await prepare(database)
        async with bench.metered(database) as meter:
            rate = await way(bench, database)
        return meter.sample({RATE: rate}, bench.sizes.reference)


async def claim_and_finish(bench: Bench, database: Database) -> float:
    """Batches of 500 on one connection, with JSON and a coroutine for each job."""
    async with database.connect() as connection:
        await QUERIES["fill"].fetch(connection, rows=bench.sizes.reference)
        began = time.monotonic()
        while rows := await QUERIES["claim"].fetch(connection, most=500):
            for row in rows:
                await _nothing(json.loads(row["payload"]))
            await QUERIES["finish"].fetch(connection, ids=[row["id"] for row in rows])
        spent = time.monotonic() - began
        await _require(connection, 0)
    return bench.sizes.reference / spent


async def _nothing(_payload: Any) -> None:
    """A handler that has nothing to do."""


async def set_based(bench: Bench, database: Database) -> float:
    """Claim, one update and one insert per job, finish: one transaction per 250 jobs, on two connections."""
    async with database.connect() as first, database.connect() as second:
        await QUERIES["fill"].fetch(first, rows=bench.sizes.reference)
        await QUERIES["fill_cells"].fetch(first, rows=bench.sizes.reference)
        began = time.monotonic()
        await asyncio.gather(_batches(first), _batches(second))
        spent = time.monotonic() - began
        await _require(first, bench.sizes.reference)
    return bench.sizes.reference / spent


async def _batches(connection: Connection) -> None:
    while True:
        async with connection.transaction():
            rows = await QUERIES["claim"].fetch(connection, most=250)
            if not rows:
                return
            payloads = [json.loads(row["payload"]) for row in rows]
            ids, contents = [p["cell_id"] for p in payloads], [p["content"] for p in payloads]
            await QUERIES["update_cells"].fetch(connection, ids=ids, contents=contents)
            await QUERIES["add_edits"].fetch(connection, ids=ids, contents=contents)
            await QUERIES["finish"].fetch(connection, ids=[row["id"] for row in rows])


async def copy(bench: Bench, database: Database) -> float:
    """20,000 rows a COPY."""
    count, chunk = bench.sizes.reference, min(20_000, bench.sizes.reference)
    rows = [("bench.noop", '{"n": 1}')] * chunk
    async with database.connect() as connection:
        began = time.monotonic()
        for _ in range(count // chunk):
            await _copy(connection, rows)
        return count // chunk * chunk / (time.monotonic() - began)


async def _copy(connection: asyncpg.Connection[Any], rows: list[tuple[str, str]]) -> None:
    await connection.copy_records_to_table("bare_jobs", records=rows, columns=["task_type", "payload"])


async def _require(connection: Connection, cells: int) -> None:
    row = (await QUERIES["left"].fetch(connection))[0]
    if row["jobs"] or (row["edits"], row["cells"]) != (cells, cells):
        raise WrongRun(f"the limit by hand did not do its work: {dict(row)}")
