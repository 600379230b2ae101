"""Producers of our own engine, as any team would write them: plain SQL with asyncpg, nothing of ours imported but the
statements. A process of its own for each; the last line on stdout is a JSON answer.

    python -m benchmarks.producer single DSN --connections=10 --seconds=2
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from pathlib import Path
from typing import Annotated, Any, Final

import asyncpg
import cyclopts
import uvloop
from cyclopts import Parameter

from core.db.statements import Catalog

SQL: Final = Catalog(Path(__file__).with_name("producer.sql"))
PROBE_LIMIT_S: Final = 10.0
PROBE_LOOK_S: Final = 0.0005
CHUNK: Final = 500

app = cyclopts.App(name="producer", help=__doc__)
Dsn = Annotated[str, Parameter(help="Address of the database.")]


@app.command
def single(dsn: Dsn, *, connections: int, seconds: float, statement: str = "insert_task", pause_s: float = 0.0) -> None:
    """INSERTs of one row each, as fast as they go or one after a pause."""
    answer(_single(dsn, connections, seconds, statement, pause_s))


async def _single(dsn: str, connections: int, seconds: float, statement: str, pause_s: float) -> dict[str, Any]:
    held = [await asyncpg.connect(dsn) for _ in range(connections)]
    prepared = [await each.prepare(SQL[statement].sql) for each in held]
    for each in prepared:
        await each.fetch("warm-up", '{"n": 0}')
    began = time.monotonic()
    took = await asyncio.gather(*(_insert_until(each, began + seconds, pause_s) for each in prepared))
    spent = time.monotonic() - began
    for connection in held:
        await connection.close()
    times = [ms for each in took for ms in each]
    return {"count": len(times), "seconds": spent, "median_ms": statistics.median(times)}


async def _insert_until(prepared: Any, deadline: float, pause_s: float) -> list[float]:
    took: list[float] = []
    while (began := time.monotonic()) < deadline:
        await prepared.fetch("bench.noop", '{"n": -1}')
        took.append((time.monotonic() - began) * 1000)
        if pause_s:
            await asyncio.sleep(pause_s)
    return took


@app.command
def bulk(dsn: Dsn, *, count: int, way: str) -> None:
    """Many tasks at a time: `unnest` (1,000 in a statement) or `copy` (all in one)."""
    answer(_bulk(dsn, count, way))


async def _bulk(dsn: str, count: int, way: str) -> dict[str, Any]:
    connection = await asyncpg.connect(dsn)
    payloads = ['{"n": %d}' % n for n in range(count)]  # noqa: UP031 - braces
    began = time.monotonic()
    if way == "copy":
        rows = [("bench.noop", each) for each in payloads]
        await connection.copy_records_to_table("task_queue", records=rows, columns=["task_type", "payload"])
    else:
        for at in range(0, count, 1000):
            await connection.fetch(SQL["insert_tasks"].sql, "bench.noop", payloads[at : at + 1000])
    spent = time.monotonic() - began
    await connection.close()
    return {"count": count, "seconds": spent}


@app.command
def steady(dsn: Dsn, *, kind: str, seconds: float, rate: int = 0, most: int = 5000) -> None:
    """Tasks in statements of up to 500, at a rate, or (0) as long as fewer than `most` are unfinished."""
    answer(_steady(dsn, kind, seconds, rate, most))


async def _steady(dsn: str, kind: str, seconds: float, rate: int, most: int) -> dict[str, Any]:
    connection = await asyncpg.connect(dsn)
    began = time.monotonic()
    count = 0
    print(json.dumps({"began": began}), flush=True)
    while (now := time.monotonic()) < began + seconds:
        owed = int((now - began) * rate) - count if rate else await _room(connection, kind, most)
        if owed < (1 if rate else CHUNK):
            await asyncio.sleep(0.002)
            continue
        size = min(owed, CHUNK)
        payloads = [json.dumps(_payload(kind, count + n)) for n in range(size)]
        await connection.fetch(SQL["insert_tasks"].sql, f"bench.{kind}", payloads)
        count += size
    await connection.close()
    return {"count": count, "seconds": time.monotonic() - began}


def _payload(kind: str, n: int) -> dict[str, Any]:
    return {"cell_id": 1001 + n % 1000, "at": 0.0} if kind == "probe" else {"n": n}


async def _room(connection: Any, kind: str, most: int) -> int:
    row = await connection.fetchrow(SQL["backlog"].sql, f"bench.{kind}", most)
    return most - int(row[0])


@app.command
def probe(dsn: Dsn, *, count: int, spacing_s: float) -> None:
    """One task at a time, each followed until another session sees its effect."""
    answer(_probe(dsn, count, spacing_s))


async def _probe(dsn: str, count: int, spacing_s: float) -> dict[str, Any]:
    writer, reader = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    insert = await writer.prepare(SQL["insert_task"].sql)
    look = await reader.prepare(SQL["cell"].sql)
    inserts: list[float] = []
    commits: list[float] = []
    for n in range(count + 1):
        cell_id, at = n % 1000 + 1, time.monotonic()
        await insert.fetch("bench.probe", json.dumps({"cell_id": cell_id, "at": at}))
        inserts.append((time.monotonic() - at) * 1000)
        while await look.fetchval(cell_id) != repr(at):
            if time.monotonic() > at + PROBE_LIMIT_S:
                raise TimeoutError(f"the effect of probe {n} was not seen within {PROBE_LIMIT_S:g} s")
            await asyncio.sleep(PROBE_LOOK_S)
        commits.append((time.monotonic() - at) * 1000)
        await asyncio.sleep(max(spacing_s - (time.monotonic() - at), 0.001))
    await writer.close()
    await reader.close()
    return {"count": count + 1, "insert_ms": inserts[1:], "commit_ms": commits[1:]}


def answer(work: Any) -> None:
    print(json.dumps(uvloop.run(work)), flush=True)


if __name__ == "__main__":
    app()
