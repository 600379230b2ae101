"""W6: real spreadsheets work. Source cells are written by plain SQL; a transform column fills itself in from them, and
a second one from the first. The rate counts derived cells, from the first enqueue to the last commit.

From 200 cells on, a statement has its cells filled in together (`spreadsheets.fill_cells`); below that each cell is a
task of its own, and so each is measured."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Sample
from benchmarks.ours import SHEETS
from benchmarks.server import QUERIES
from benchmarks.stall import Watch
from benchmarks.system import Crew, WrongRun
from core.db.connect import Connection

NAME: Final = "w6"
TITLE: Final = "spreadsheets: a transform column with cascade"
TRANSFORM: Final = "spreadsheets.transform"
CELLS: Final = "cells/s"
SINGLY: Final = "1 worker, small statements"
LARGE: Final = 5000  # cells of a statement
SMALL: Final = 100


@dataclass(frozen=True, slots=True)
class Sheet:
    """A source column and two that fill themselves in, one from the other."""

    id: Any
    source: Any
    first: Any
    second: Any


async def run(bench: Bench) -> list[Figure]:
    figures: list[Figure] = []
    for processes, chunk, variant in ((1, LARGE, "1 worker"), (2, LARGE, "2 workers"), (1, SMALL, SINGLY)):

        async def once(n: int = processes, size: int = chunk) -> Sample:
            return await _fill(bench, n, size)

        figures += await bench.measured(NAME, bench.ours.name, variant, once)
    return figures


async def _fill(bench: Bench, processes: int, chunk: int) -> Sample:
    rows = bench.sizes.sheet_cells // 2
    async with bench.ours.fresh() as database, database.connect() as connection:
        sheet = await _sheet(connection)
        async with bench.metered(database) as meter, bench.ours.crew(database, SHEETS, processes) as crew:
            meter.cpu_start()
            for first in range(1, rows + 1, chunk):
                await QUERIES["sheet_cells"].fetch(
                    connection,
                    spreadsheet_id=sheet.id,
                    column_id=sheet.source,
                    first=first,
                    last=min(first + chunk - 1, rows),
                )
            await _finished(connection, crew)
            meter.cpu_stop()
        span = (await QUERIES["sheet_span"].fetch(connection))[0]
        await _prove(connection, sheet, rows)
        return meter.sample({CELLS: 2 * rows / span["seconds"], "tasks per cell": span["tasks"] / (2 * rows)}, 2 * rows)


async def _sheet(connection: Connection) -> Sheet:
    owner = (await QUERIES["sheet_owner"].fetch(connection))[0]["id"]
    sheet = (await QUERIES["sheet"].fetch(connection, owner_id=owner))[0]["id"]
    ids = []
    for position, to in enumerate((None, "upper", "lower"), start=1):
        config = json.dumps({"steps": [{"op": "case", "to": to}]} if to else {})
        values = {"spreadsheet_id": sheet, "position": position, "title": f"Column {position}", "config": config}
        made = await QUERIES["sheet_column"].fetch(connection, operator=TRANSFORM if to else None, **values)
        ids.append(made[0]["id"])
    for column, source in ((ids[1], ids[0]), (ids[2], ids[1])):
        await QUERIES["sheet_input"].fetch(connection, column_id=column, input_id=source)
    return Sheet(sheet, *ids)


async def _finished(connection: Connection, crew: Crew) -> None:
    watch = Watch("tasks of the sheet are left, and no worker gets any done")
    while (await QUERIES["sheet_live"].fetch(connection))[0]["live"]:
        crew.check()
        if watch.due:
            watch.saw((await QUERIES["sheet_left"].fetch(connection))[0]["tasks"])
        await asyncio.sleep(0.1)


async def _prove(connection: Connection, sheet: Sheet, rows: int) -> None:
    row = (await QUERIES["sheet_proof"].fetch(connection, first_id=sheet.first, second_id=sheet.second))[0]
    if (row["firsts"], row["seconds"], row["edited"]) != (rows, rows, 2 * rows):
        raise WrongRun(f"{rows} rows were to be filled in twice; the cells say {dict(row)}")
