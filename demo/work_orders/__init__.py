"""The part of the work orders: PDFs of three facility managers come in, scans and traps among them; they are read,
signed copies matched, a workbook written while a worker is killed; and the proof, by a list of what each PDF holds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import asyncpg
from rich.console import Console

from core.settings import PROJECT
from demo.part import Asked, Told
from demo.report import progress_bar
from demo.work_orders.play import make_fleet, play
from demo.work_orders.proof import Verdict, prove
from demo.work_orders.report import as_json, print_report

PACKAGE: Final = "workers.work_orders"


def perform(asked: Asked) -> Told:
    """Ingests, reads, matches, exports, with a worker killed half-way; then the proof."""
    with asked.database(PACKAGE) as dsn:
        verdict = asyncio.run(_perform(dsn, PROJECT / "out" / f"{asked.run_name}-work-orders", asked))
    return Told(verdict.holds, as_json(verdict))


async def _perform(dsn: str, folder: Path, asked: Asked) -> Verdict:
    folder.mkdir(parents=True, exist_ok=True)
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "rowmill demo"})
    with (folder / "workers.log").open("wb") as output:
        fleet = make_fleet(dsn, folder, sabotage=asked.sabotage, output=output)
        running = asyncio.create_task(fleet.run())
        try:
            with progress_bar(quiet=asked.quiet) as show:
                played = await play(connection, fleet, folder, show)
            verdict = await prove(connection, played)
            console = Console(stderr=asked.quiet)
            if not asked.quiet:
                print_report(console, verdict)
            if asked.keep:
                console.print("\nThe workers go on; end them with Ctrl-C. Look from another terminal:")
                look = f'  DATABASE_URL="{dsn}" python3 run.py work-orders preview'
                console.print(look, soft_wrap=True, highlight=False)
                await asyncio.Event().wait()
        finally:
            fleet.stop()
            await running
            await connection.close()
    return verdict
