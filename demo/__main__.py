"""`python3 run.py demo`: the main job on real data, from a CSV file to a proven, exported sheet."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Annotated

import asyncpg
import cyclopts
from cyclopts import Parameter
from rich.console import Console

from core import log
from core.cli import run
from core.cli.database import DataDir, scratch_database
from core.db.connect import Connection
from core.settings import PROJECT
from demo.play import Played, make_fleet, play
from demo.report import as_json, print_report, progress_bar
from demo.site import serving
from demo.stage import Stage, set_stage

DOMAIN = "workers.spreadsheets"

app = cyclopts.App(name="demo", help=__doc__)


@app.default
def demo(
    *,
    as_machine: Annotated[bool, Parameter(name="--json", help="Print the figures as JSON on stdout.")] = False,
    keep: Annotated[bool, Parameter(help="Leave the workers running afterwards and say how to look.")] = False,
    sabotage: Annotated[bool, Parameter(help="Drop one commit on purpose; the demo must notice and exit 1.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Import a messy file, fill columns in, compute, fetch pages, while a producer edits and a worker is killed; export
    and prove it."""
    run_name = time.strftime("%Y%m%d-%H%M%S") + f"-{os.getpid()}"
    with scratch_database(f"demo_{run_name.replace('-', '_')}", [DOMAIN], data_dir) as dsn:
        log.configure("error")
        played = asyncio.run(_perform(dsn, PROJECT / "out" / run_name, sabotage=sabotage, keep=keep, quiet=as_machine))
    if as_machine:
        print(json.dumps(as_json(played)))
    raise SystemExit(0 if played.holds else 1)


async def _perform(dsn: str, folder: Path, *, sabotage: bool, keep: bool, quiet: bool) -> Played:
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "rowmill demo"})
    async with serving() as site:
        stage = await set_stage(connection, folder, site)
        return await _on_stage(connection, dsn, stage, sabotage=sabotage, keep=keep, quiet=quiet)


async def _on_stage(
    connection: Connection, dsn: str, stage: Stage, *, sabotage: bool, keep: bool, quiet: bool
) -> Played:
    with (stage.folder / "workers.log").open("wb") as output:
        fleet = make_fleet(dsn, stage, sabotage=sabotage, output=output)
        running = asyncio.create_task(fleet.run())
        try:
            with progress_bar(quiet=quiet) as show:
                played = await play(connection, fleet, stage, dsn, show)
            console = Console(stderr=quiet)
            if not quiet:
                print_report(console, played, stage.folder)
            if keep:
                await _keep(console, dsn)
        finally:
            fleet.stop()
            await running
            await connection.close()
    return played


async def _keep(console: Console, dsn: str) -> None:
    console.print("\nThe workers go on; end them with Ctrl-C. Look at the sheet from another terminal:")
    console.print(f'  DATABASE_URL="{dsn}" python3 run.py psql', soft_wrap=True, highlight=False)
    console.print("  select row_number, title, content, state from sheet_cells order by row_number, title limit 20;")
    console.print("  update cells set content = ' new  NAME ' where row_number = 1 and column_id =")
    console.print("    (select id from sheet_columns where title = 'Name');")
    await asyncio.Event().wait()


if __name__ == "__main__":
    run(app, "demo")
