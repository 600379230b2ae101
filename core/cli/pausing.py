"""`rowmill pause` and `rowmill resume`: whether the tasks of a type are claimed."""

from __future__ import annotations

from typing import Annotated

import asyncpg
from cyclopts import Parameter

from core import storable
from core.cli.asking import ask
from core.cli.database import DataDir
from core.cli.produce import TaskType
from core.cli.showing import Json, console, moment, print_json, text
from core.db import catalogs
from core.db.connect import Connection

Reason = Annotated[str | None, Parameter(help="Why, for those who look later.")]


def pause(task_type: TaskType, /, *, reason: Reason = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Stop claiming tasks of a type. What runs goes on; a second pause keeps the first one's reason."""
    name = storable.text(task_type)
    why = None if reason is None else storable.text(reason)

    async def change(connection: Connection) -> asyncpg.Record:
        await catalogs.inspect()["pause"].fetch(connection, task_type=name, reason=why)
        return (await catalogs.inspect()["paused"].fetch(connection, task_type=name))[0]

    state = ask(data_dir, change)
    if as_json:
        print_json({"task_type": name, **state})
        return
    because = f": {state['paused_reason']}" if state["paused_reason"] else ""
    said = f"{name} is paused since {moment(state['paused_at'])} by {state['paused_by']}{because}"
    console().print(text(f"{said}; go on with `rowmill resume {name}`"), soft_wrap=True)


def resume(task_type: TaskType, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Claim tasks of a paused type again."""
    name = storable.text(task_type)

    async def change(connection: Connection) -> None:
        await catalogs.inspect()["resume"].fetch(connection, task_type=name)

    ask(data_dir, change)
    if as_json:
        print_json({"task_type": name, "paused_at": None})
    else:
        console().print(text(f"{name} is claimed again"), soft_wrap=True)
