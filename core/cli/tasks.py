"""`rowmill tasks`: the newest tasks that match."""

from __future__ import annotations

from typing import Annotated, Any, Final

import asyncpg
from cyclopts import Parameter
from cyclopts.validators import Number

from core.cli.asking import ask
from core.cli.database import DataDir
from core.cli.filters import Filters
from core.cli.showing import Json, age, console, counted, duration, print_json, table
from core.db import catalogs
from core.db.connect import Connection

NO_FILTERS: Final = Filters()
Limit = Annotated[int, Parameter(help="Show at most so many.", validator=Number(gte=1, lte=10_000))]
COLUMNS: Final = ("id", "type", "status", "made", "took", "attempts", "key", "error")


def tasks(*, filters: Filters = NO_FILTERS, limit: Limit = 50, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List the newest tasks, for example `rowmill tasks --status failed --since 2h`."""

    async def look(connection: Connection) -> tuple[list[asyncpg.Record], bool]:
        found = await catalogs.inspect()["tasks"].fetch(connection, **filters.values(), run_limit=limit + 1)
        return found, bool(found) or (await catalogs.inspect()["queue"].fetch(connection))[0]["used"]

    found, used = ask(data_dir, look)
    shown, more = found[:limit], len(found) > limit
    if as_json:
        print_json({"tasks": [_document(each) for each in shown], "more": more})
    elif shown:
        _print(shown, more=more)
    else:
        print_nothing(used=used)


def print_nothing(*, used: bool) -> None:
    """An empty answer says whether the queue or the filter is empty."""
    if used:
        console().print("No task matches; drop a filter, or list all with `rowmill tasks`.", soft_wrap=True)
    else:
        console().print(
            "The queue is empty; INSERT a row into task_queue (see README.md, Enqueue from anywhere).", soft_wrap=True
        )


def _document(row: asyncpg.Record) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "seen_at"}


def _print(rows: list[asyncpg.Record], *, more: bool) -> None:
    title = f"The newest {counted(len(rows), 'task')}" if more else counted(len(rows), "task")
    console().print(table(title, COLUMNS, (_cells(row) for row in rows), whole=("id", "status")))
    if more:
        console().print("There are more; see them with --limit, or narrow with --type, --status, --since.")


def _cells(row: asyncpg.Record) -> tuple[object, ...]:
    return (
        row["id"],
        row["task_type"],
        row["status"],
        age(row["created_at"], row["seen_at"]),
        _took(row),
        f"{row['attempts']} of {row['max_attempts']}",
        row["concurrency_key"],
        first_line(row["error_message"]),
    )


def _took(row: asyncpg.Record) -> str | None:
    """How long its last claim ran, or runs."""
    ended = row["seen_at"] if row["status"] == "processing" else row["ended_at"]
    begun = row["started_at"]
    return None if begun is None or ended is None or ended < begun else duration(ended - begun)


def first_line(message: str | None, length: int = 120) -> str | None:
    """What fits into a table."""
    if not message:
        return message
    line = message.splitlines()[0]
    return line if len(line) <= length else f"{line[: length - 1]}…"
