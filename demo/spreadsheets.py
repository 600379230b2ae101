"""The part of the spreadsheets: from a messy CSV file to a proven, exported sheet."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import asyncpg
from rich.console import Console

from core.db.connect import Connection
from core.settings import PROJECT
from demo.part import Asked, Told
from demo.play import Played, make_fleet, play
from demo.report import as_json, print_report, progress_bar
from demo.site import serving
from demo.stage import Stage, set_stage

PACKAGE: Final = "workers.spreadsheets"


def perform(asked: Asked) -> Told:
    """Imports a messy file, fills columns in, computes, fetches pages, while a producer edits and a worker is killed;
    exports and proves it."""
    with asked.database(PACKAGE) as dsn:
        played = asyncio.run(_perform(dsn, PROJECT / "out" / asked.run_name, asked))
    return Told(played.holds, as_json(played))


async def _perform(dsn: str, folder: Path, asked: Asked) -> Played:
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "rowmill demo"})
    async with serving() as site:
        stage = await set_stage(connection, folder, site)
        return await _on_stage(connection, dsn, stage, asked)


async def _on_stage(connection: Connection, dsn: str, stage: Stage, asked: Asked) -> Played:
    with (stage.folder / "workers.log").open("wb") as output:
        fleet = make_fleet(dsn, stage, sabotage=asked.sabotage, output=output)
        running = asyncio.create_task(fleet.run())
        try:
            with progress_bar(quiet=asked.quiet) as show:
                played = await play(connection, fleet, stage, dsn, show)
            console = Console(stderr=asked.quiet)
            if not asked.quiet:
                print_report(console, played, stage.folder)
            if asked.keep:
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
