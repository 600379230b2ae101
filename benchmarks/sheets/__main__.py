"""`python -m benchmarks.sheets`: how a sheet of a million cells behaves on this machine."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

import cyclopts
from cyclopts import Parameter

from benchmarks.sheets import feed, speed
from benchmarks.sheets.ground import PACKAGE, large_sheet
from core import log
from core.cli import run
from core.cli.database import scratch_database, server_in_use

ROWS: Final = 100_000
COLUMNS: Final = 10
PROCESSES: Final = {"one_worker": 1, "two_workers": 2}
app = cyclopts.App(name="sheets", help=__doc__)


@app.default
def measure(
    *,
    rows: Annotated[int, Parameter(help="Rows of the sheet, which has ten columns.")] = ROWS,
    seconds: Annotated[float, Parameter(help="How long the feed is watched.")] = 15.0,
    as_machine: Annotated[bool, Parameter(name="--json", help="Print JSON.")] = False,
) -> None:
    """Measure reading, editing, filling in and the feed, each on a fresh database."""
    log.configure("error")
    found = _measured(rows, seconds)
    if as_machine:
        print(json.dumps(found))
        return
    for name, figures in found.items():
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in figures.items()))


def _measured(rows: int, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, server_in_use() as admin:
        place = Path(folder)
        with scratch_database("figures_sheet", [PACKAGE], admin) as dsn:
            found = asyncio.run(_one_sheet(dsn, place, rows))
        for name, processes in PROCESSES.items():
            with scratch_database("figures_crowd", [PACKAGE], admin) as dsn:
                found[f"cascade_beside_{name}"] = asyncio.run(_cascade(dsn, place, rows, processes))
        with scratch_database("figures_feed", [PACKAGE], admin) as dsn:
            found["feed"] = asyncio.run(_feed(dsn, place, seconds))
        return found


async def _one_sheet(dsn: str, place: Path, rows: int) -> dict[str, Any]:
    async with large_sheet(dsn, rows, COLUMNS) as sheet:
        return {
            "window": await speed.windows(sheet, place, rows, reads=500),
            "fill": await speed.fill(sheet, place, rows),
        }


async def _cascade(dsn: str, place: Path, rows: int, processes: int) -> dict[str, Any]:
    async with large_sheet(dsn, rows, COLUMNS) as sheet:
        return await speed.cascades(sheet, place, tasks=rows, edits=200, processes=processes)


async def _feed(dsn: str, place: Path, seconds: float) -> dict[str, Any]:
    async with large_sheet(dsn, 100, 1) as sheet:
        return await feed.many_clients(sheet, place, 200, 1000, seconds, slow=4)


if __name__ == "__main__":
    run(app, "benchmarks.sheets")
