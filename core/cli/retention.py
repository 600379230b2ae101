"""`rowmill retention`: what would go now; and at once the deletion that workers do by and by."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

import asyncpg

from core.cli.asking import ask
from core.cli.change import DryRun
from core.cli.database import DataDir, database
from core.cli.showing import Json, console, counted, moment, pairs, print_json, progress_bar, table
from core.db import catalogs
from core.db.connect import Connection, Slots
from core.queue.retain import AFTER_ALL_S, Place, days, retain_step
from core.settings import Settings

FINISHED: Final = ("completed", "failed", "cancelled")


def retention(*, dry_run: DryRun = False, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Delete now what is older than its days, as workers do in the background. With --dry-run only show it."""
    if dry_run:
        _show(ask(data_dir, _would_go), as_json=as_json)
        return
    with database(data_dir) as dsn:
        deleted = asyncio.run(_ring_through(dsn, Settings()))
    if as_json:
        print_json({"deleted": dict(deleted)})
    else:
        console().print(f"deleted {counted(deleted.total(), 'row')}")


async def _would_go(connection: Connection) -> list[asyncpg.Record]:
    given = {name: each for name, each in days(Settings()).items() if name.removesuffix("_days") in FINISHED}
    return await catalogs.engine()["retain_dry_run"].fetch(connection, **given, now=None)


def _show(rows: list[asyncpg.Record], *, as_json: bool) -> None:
    kept = days(Settings())
    if as_json:
        print_json({"days": kept, "tasks": [dict(row) for row in rows], "dry_run": True})
        return
    console().print(
        pairs((name.removesuffix("_days"), f"{days:g} d" if days else "kept") for name, days in kept.items())
    )
    cells = ((row["status"], f"{row['would_go']:,}", f"{row['held']:,}", moment(row["oldest"])) for row in rows)
    total = sum(row["would_go"] for row in rows)
    console().print(table(f"{counted(total, 'task')} would go now", ("status", "would go", "held", "oldest"), cells))


async def _ring_through(dsn: str, settings: Settings) -> Counter[str]:
    """Once around everything. A step that a worker is just doing is left to it."""
    slots = Slots(dsn, settings, "cli", 1)
    deleted: Counter[str] = Counter()
    place = Place()
    try:
        with progress_bar("deleting", None) as bar:
            while True:
                step = await retain_step(slots, settings, place)
                deleted[step.ring] += step.deleted
                bar.advance(step.deleted)
                if step.following == place and not step.deleted:  # somebody else is at it
                    return deleted
                if step.pause_s == AFTER_ALL_S:
                    return deleted
                place = step.following
    finally:
        await slots.close()
