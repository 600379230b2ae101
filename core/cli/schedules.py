"""`rowmill schedules`, `schedule`, `unschedule`: tasks that come again at fixed times."""

from __future__ import annotations

import json
from typing import Annotated, Final

import asyncpg
from cyclopts import Parameter

from core import storable
from core.cli.asking import ask
from core.cli.database import DataDir
from core.cli.produce import Payload, TaskType, payload_of
from core.cli.showing import Json, age, console, counted, print_json, table, text
from core.db import catalogs
from core.db.connect import Connection

COLUMNS: Final = ("name", "task type", "times", "zone", "next", "last", "problem")
Name = Annotated[str, Parameter(name="NAME", help="The schedule's name.")]
Cron = Annotated[str, Parameter(help="Minute, hour, day, month, weekday: '30 3 * * 1-5' is 3:30 on working days.")]
Zone = Annotated[str, Parameter(help="The time zone whose wall clock counts, for example Europe/Berlin.")]


def schedules(*, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List the schedules: when each comes next, when it came last, and why one does not."""

    async def look(connection: Connection) -> list[asyncpg.Record]:
        return await catalogs.inspect()["schedules"].fetch(connection)

    found = ask(data_dir, look)
    if as_json:
        print_json({"schedules": [dict(row) for row in found]})
    elif found:
        console().print(table(counted(len(found), "schedule"), COLUMNS, map(_cells, found), whole=("name",)))
    else:
        console().print("No schedule yet; `rowmill schedule NAME TYPE --cron '0 3 * * *'` makes one.", soft_wrap=True)


def schedule(
    name: Name,
    task_type: TaskType,
    /,
    *payload: Payload,
    cron: Cron,
    timezone: Zone = "UTC",
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Enqueue a task at fixed times; a schedule of that name is replaced. Missed times are made up for by one task."""
    values = {
        "name": storable.text(name),
        "task_type": storable.text(task_type),
        "payload": json.dumps(payload_of(payload)),
        "cron": storable.text(cron),
        "timezone": storable.text(timezone),
    }

    async def write(connection: Connection) -> None:
        await catalogs.inspect()["schedule"].fetch(connection, **values)

    ask(data_dir, write)
    if as_json:
        print_json({"name": values["name"]})
    else:
        said = f"{values['name']} is scheduled; a worker sets its next time, see `rowmill schedules`"
        console().print(text(said), soft_wrap=True)


def unschedule(name: Name, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Remove a schedule. What it has enqueued already stays."""
    asked = storable.text(name)

    async def remove(connection: Connection) -> None:
        await catalogs.inspect()["unschedule"].fetch(connection, name=asked)

    ask(data_dir, remove)
    if as_json:
        print_json({"name": asked})
    else:
        console().print(text(f"{asked} is no longer scheduled"), soft_wrap=True)


def _cells(row: asyncpg.Record) -> tuple[object, ...]:
    now = row["seen_at"]
    upcoming = age(row["next_at"], now) if row["next_at"] else None
    return (
        row["name"],
        row["task_type"],
        row["cron"],
        row["timezone"],
        upcoming or ("never" if row["problem"] else "once a worker has looked"),
        age(row["last_at"], now),
        row["problem"],
    )
