"""The part of the reports: a team's files come in by a command that is killed half-way, are read while a worker is
killed, corrected, searched, reported; and the proof, word for word, by a list of what was written into them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

import asyncpg
from rich.console import Console

from core.settings import PROJECT
from demo.part import Asked, Told
from demo.report import progress_bar
from demo.reports.play import make_fleet, play
from demo.reports.proof import Verdict, prove
from demo.reports.report import as_json, print_report

PACKAGE: Final = "workers.reports"
FILES: Final = 1500
SIZE: Final = "DEMO_REPORT_FILES"  # 20000: a year of 50 people


def perform(asked: Asked) -> Told:
    """Receives, reads, corrects, writes reports, with two kills; then the proof."""
    with asked.database(PACKAGE) as dsn:
        verdict = asyncio.run(_perform(dsn, PROJECT / "out" / f"{asked.run_name}-reports", asked))
    return Told(verdict.holds, as_json(verdict))


async def _perform(dsn: str, folder: Path, asked: Asked) -> Verdict:
    folder.mkdir(parents=True, exist_ok=True)
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "rowmill demo"})
    with (folder / "workers.log").open("wb") as output:
        fleet = make_fleet(dsn, folder, sabotage=asked.sabotage, output=output)
        running = asyncio.create_task(fleet.run())
        try:
            files = int(os.environ.get(SIZE, FILES))
            with progress_bar(quiet=asked.quiet) as show:
                played = await play(connection, fleet, dsn, folder, show, files)
            verdict = await prove(connection, played)
            console = Console(stderr=asked.quiet)
            if not asked.quiet:
                print_report(console, verdict)
            if asked.keep:
                console.print("\nThe workers go on; end them with Ctrl-C. Look from another terminal:")
                look = f'  DATABASE_URL="{dsn}" python3 run.py reports search measured'
                console.print(look, soft_wrap=True, highlight=False)
                await asyncio.Event().wait()
        finally:
            fleet.stop()
            await running
            await connection.close()
    return verdict
