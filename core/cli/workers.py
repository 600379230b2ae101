"""`rowmill workers`: which processes live, and what they hold."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

from core.cli.asking import ask
from core.cli.database import DataDir
from core.cli.showing import Json, age, console, counted, duration, print_json, table
from core.db import catalogs
from core.db.connect import Connection

COLUMNS: Final = ("worker", "state", "host:pid", "up for", "last beat", "tasks held", "woken by", "code", "types")


def workers(*, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List the workers: since when they live, when they last beat, what they run, how many tasks they hold."""

    async def look(connection: Connection) -> list[asyncpg.Record]:
        return await catalogs.inspect()["workers"].fetch(connection)

    found = ask(data_dir, look)
    if as_json:
        print_json({"workers": [_document(row) for row in found]})
    elif found:
        console().print(table(counted(len(found), "worker"), COLUMNS, map(_cells, found), whole=("worker", "state")))
        _print_lost(found)
    else:
        console().print("No worker lives; start one with `rowmill work`.")


def _state(row: asyncpg.Record) -> str:
    if not row["alive"]:
        return "gone"
    if row["draining"]:
        return "draining"
    return "alive" if row["drain_asked_at"] is None else "asked to drain"


def _document(row: asyncpg.Record) -> dict[str, Any]:
    beat_age_s = max(0.0, (row["seen_at"] - row["beat_at"]).total_seconds())
    return {**row, "state": _state(row), "beat_age_s": round(beat_age_s, 3)}


def _cells(row: asyncpg.Record) -> tuple[object, ...]:
    now, place = row["seen_at"], f"{row['host']}:{row['pid']}"
    up = duration(max(now - row["started_at"], now - now))
    serves = f"{row['tasks_held']:,}", row["woken_by"], row["code_version"], ", ".join(row["task_types"])
    return row["worker_id"], _state(row), place, up, age(row["beat_at"], now), *serves


def _print_lost(found: list[asyncpg.Record]) -> None:
    gone = sum(not row["alive"] for row in found)
    if gone:
        verb = "is" if gone == 1 else "are"
        console().print(
            f"{counted(gone, 'worker')} {verb} gone without a word; any living worker takes back what was held. "
            "If none lives, start one with `rowmill work`.",
            soft_wrap=True,
        )
