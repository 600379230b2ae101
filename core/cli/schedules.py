"""`rowmill schedules`, `schedule`, `unschedule`, `pause-schedule`, `resume-schedule`, `run-schedule`: tasks that come
again at fixed times."""

from __future__ import annotations

import json
from typing import Annotated, Final, Literal

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
CatchUp = Annotated[
    Literal["one", "all", "none"], Parameter(help="How many of the times that were missed become tasks afterwards.")
]
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
    catch_up: CatchUp = "one",
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
        "catch_up": catch_up,
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
    _changed("unschedule", name, "is no longer scheduled", data_dir, as_json=as_json)


def pause_schedule(name: Name, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Let the times of a schedule pass by. They are not made up for afterwards."""
    said = f"is paused; go on with `rowmill resume-schedule {name}`"
    _changed("pause_schedule", name, said, data_dir, as_json=as_json)


def resume_schedule(name: Name, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Let a paused schedule go on with the next of its times."""
    _changed("resume_schedule", name, "goes on with the next of its times", data_dir, as_json=as_json)


def run_schedule(name: Name, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Enqueue the task of a schedule now, besides its times; also of a paused one."""
    asked = storable.text(name)

    async def write(connection: Connection) -> asyncpg.Record:
        return (await catalogs.inspect()["run_schedule"].fetch(connection, name=asked))[0]

    task_id = ask(data_dir, write)["task_id"]
    if as_json:
        print_json({"name": asked, "task_id": task_id})
    else:
        said = f"{asked} runs now as the task {task_id}; see `rowmill task {task_id}`"
        console().print(text(said), soft_wrap=True)


def _changed(statement: str, name: str, said: str, data_dir: DataDir, *, as_json: bool) -> None:
    asked = storable.text(name)

    async def write(connection: Connection) -> None:
        await catalogs.inspect()[statement].fetch(connection, name=asked)

    ask(data_dir, write)
    if as_json:
        print_json({"name": asked})
    else:
        console().print(text(f"{asked} {said}"), soft_wrap=True)


def _cells(row: asyncpg.Record) -> tuple[object, ...]:
    return (
        row["name"],
        row["task_type"],
        row["cron"],
        row["timezone"],
        _upcoming(row),
        age(row["last_at"], row["seen_at"]),
        row["problem"],
    )


def _upcoming(row: asyncpg.Record) -> object:
    if row["problem"]:
        return "never"
    if row["paused_at"]:
        return f"paused by {row['paused_by']}"
    return age(row["next_at"], row["seen_at"]) if row["next_at"] else "once a worker has looked"
