"""Reading, editing and filling in a large sheet, measured from outside."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp

from benchmarks.sheets.ground import LIMIT, Sheet, peaks_mb, program, quantiles, web
from benchmarks.stall import Watch

TITLE: Final = '{"steps": [{"op": "trim"}, {"op": "case", "to": "title"}]}'
CLASSES: Final = '{"rules": [{"label": "Ada", "contains": ["ada"]}]}'
WINDOW: Final = 100  # rows
LOOK_S: Final = 0.002
FIRST_EDITS: Final = 20  # not counted: processes that have just begun
FILLED: Final = """
select (select count(*) from cells where column_id = $1 and content is not null) as cells,
    (select count(*) from cell_edit_events
     where column_id = $1 and edit_type = 'robot' and task_id is not null) as audited
"""


async def fill(sheet: Sheet, folder: Path, rows: int) -> dict[str, Any]:
    """A new column over all rows, filled in by two worker processes; the clock starts with its configuration."""
    column = await sheet.add("Filled", "spreadsheets.transform", TITLE)
    with program(sheet.dsn, folder / "work.log", "work", "--processes", "2") as workers:
        await _ready(sheet, 2)
        begun = time.monotonic()
        await sheet.feed("Filled", "C1")
        enqueued = time.monotonic() - begun
        watch = Watch("tasks are left, and no worker gets any done")
        while left := await _live(sheet):
            watch.saw(left)
            await asyncio.sleep(0.05)
        seconds = time.monotonic() - begun
        peaks = peaks_mb(workers.pid)
    (found,) = await sheet.db.fetch(FILLED, column)
    return {
        "cells": found["cells"],
        "seconds": round(seconds, 2),
        "of_these_to_enqueue": round(enqueued, 2),
        "cells_per_s": round(rows / seconds),
        "audited": found["audited"],
        "worker_peak_mb": round(max(peaks.values())),
    }


async def _ready(sheet: Sheet, processes: int) -> None:
    watch = Watch(f"of {processes} workers are there")
    while (found := await sheet.db.fetchval("select count(*) from rowmill.workers")) < processes:
        watch.saw(found)
        await asyncio.sleep(0.05)


async def windows(sheet: Sheet, folder: Path, rows: int, reads: int) -> dict[str, Any]:
    """Windows of 100 rows and all columns anywhere in the sheet, over HTTP."""
    chance, taken, size = random.Random(7), list[float](), 0
    async with web(sheet.dsn, folder) as url, _session(sheet) as session:
        for read in range(reads + 20):
            first = chance.randint(1, max(1, rows - WINDOW))
            query = {"first": str(first), "last": str(first + WINDOW - 1)}
            begun = time.perf_counter()
            async with session.get(f"{url}/api/spreadsheets/{sheet.id}/cells", params=query) as answer:
                size = len(await answer.read())
                answer.raise_for_status()
            if read >= 20:  # noqa: PLR2004 - the first ones warm up
                taken.append(time.perf_counter() - begun)
    return {"cells_of_the_sheet": rows * len(sheet.columns), "bytes_of_a_window": size, **quantiles(taken)}


async def cascades(sheet: Sheet, folder: Path, tasks: int, edits: int, processes: int) -> dict[str, Any]:
    """Edits over HTTP, each until what follows from it is committed, while so many other tasks run in so many worker
    processes."""
    await sheet.add("Upper", "spreadsheets.transform", TITLE)
    await sheet.add("Class", "spreadsheets.classify", CLASSES)
    await sheet.add("Typed")
    await sheet.feed("Upper", "Typed")
    await _crowd(sheet, tasks)
    await _settle(sheet)
    taken: list[float] = []
    async with web(sheet.dsn, folder) as url, _session(sheet) as session:
        with program(sheet.dsn, folder / "work.log", "work", "--processes", str(processes)) as workers:
            await _ready(sheet, processes)
            left = await _live(sheet)
            for edit in range(edits + FIRST_EDITS):
                seconds = await _edited(sheet, session, url, edit + 1)
                if edit >= FIRST_EDITS:
                    taken.append(seconds)
                await asyncio.sleep(0.01)
            still = await _live(sheet)
            peaks = peaks_mb(workers.pid)
    told = {"tasks_before": left, "tasks_after": still, "worker_peak_mb": round(max(peaks.values()))}
    return {**quantiles(taken), **told}


async def _crowd(sheet: Sheet, tasks: int) -> None:
    """A task for each of so many cells, as a producer enqueues them."""
    await sheet.db.execute(
        """with made as (
            insert into cells (spreadsheet_id, column_id, row_number)
            select $1, $2, n from generate_series(1, $3::int) n returning id)
        insert into task_queue (task_type, payload, concurrency_key)
        select 'spreadsheets.classify', jsonb_build_object('cell_id', m.id), 'cell:' || m.id from made m""",
        sheet.id,
        sheet.columns["Class"],
        tasks,
        timeout=300,
    )


async def _settle(sheet: Sheet) -> None:
    """What the making of a million cells left to do, which would be measured else: statistics and a checkpoint."""
    await sheet.db.execute("vacuum analyze", timeout=300)
    await sheet.db.execute("checkpoint", timeout=300)


async def _live(sheet: Sheet) -> int:
    found: int = await sheet.db.fetchval("select count(*) from task_queue where status in ('pending', 'processing')")
    return found


async def _edited(sheet: Sheet, session: aiohttp.ClientSession, url: str, row: int) -> float:
    edit = {"row": row, "column_id": str(sheet.columns["Typed"]), "content": f"edit {row}", "version": 0}
    begun = time.perf_counter()
    address = f"{url}/api/spreadsheets/{sheet.id}/cells"
    async with session.post(address, json={"edits": [edit]}, headers={"Idempotency-Key": str(uuid4())}) as answer:
        answer.raise_for_status()
    there = "select true from cells where column_id = $1 and row_number = $2 and content = $3"
    watch = Watch(f"edits before that of row {row} were followed by their cell")
    while not await sheet.db.fetchval(there, sheet.columns["Upper"], row, f"Edit {row}"):
        watch.saw(row - 1)
        await asyncio.sleep(LOOK_S)
    return time.perf_counter() - begun


def _session(sheet: Sheet) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=LIMIT, headers={"Authorization": f"Bearer {sheet.token}"})
