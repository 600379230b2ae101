"""`rowmill enqueue`: one task through the checked door, `enqueue_task`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import asyncpg
from cyclopts import Parameter
from cyclopts.validators import Number

from core import storable
from core.cli.asking import ask
from core.cli.database import DataDir
from core.cli.filters import future_of
from core.cli.showing import Json, console, print_json, text
from core.db import catalogs
from core.db.connect import Connection
from core.errors import RowmillError

INT4: Final = 2**31 - 1
TaskType = Annotated[str, Parameter(name="TYPE", help="The task type, as in spreadsheets.export_file.")]
Payload = Annotated[
    str,
    Parameter(
        name="PAYLOAD",
        help="A JSON object, or key=value pairs; a value is read as JSON where it is JSON, else it is text.",
    ),
]
Priority = Annotated[int | None, Parameter(help="Higher goes first.", validator=Number(gte=0, lte=100))]
At = Annotated[datetime | None, Parameter(converter=future_of, help="Not before this time; '2h' is in two hours.")]
Key = Annotated[str | None, Parameter(help="The concurrency_key: one running task per key.")]
Dedupe = Annotated[str | None, Parameter(help="The dedupe_key: one live task per type and key.")]
MaxAttempts = Annotated[int | None, Parameter(help="Counted tries.", validator=Number(gte=1, lte=INT4))]


def enqueue(  # noqa: PLR0913 - one option for each column a producer may set
    task_type: TaskType,
    /,
    *payload: Payload,
    priority: Priority = None,
    at: At = None,
    key: Key = None,
    dedupe: Dedupe = None,
    max_attempts: MaxAttempts = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Enqueue a task; type and payload are checked first. For example `rowmill enqueue greetings.greet guest_id=7`."""
    values = {
        "task_type": storable.text(task_type),
        "payload": json.dumps(payload_of(payload)),
        "priority": priority,
        "scheduled_for": at,
        "dedupe_key": None if dedupe is None else storable.text(dedupe),
        "concurrency_key": None if key is None else storable.text(key),
        "max_attempts": max_attempts,
    }

    async def insert(connection: Connection) -> asyncpg.Record:
        return (await catalogs.inspect()["enqueue"].fetch(connection, **values))[0]

    made = ask(data_dir, insert)
    if as_json:
        print_json(dict(made))
    elif made["created"]:
        console().print(text(f"enqueued {made['id']}; follow it with `rowmill task {made['id']}`"), soft_wrap=True)
    else:
        console().print(text(f"nothing enqueued: task {made['id']} with this dedupe_key is still live"), soft_wrap=True)


def payload_of(parts: Sequence[str]) -> dict[str, Any]:
    """The payload from the words of a command line. Raises RowmillError with the next step."""
    is_object = len(parts) == 1 and parts[0].lstrip()[:1] in {"{", "["}
    found = _object(parts[0]) if is_object else _fields(parts)
    try:
        made: dict[str, Any] = storable.value(found, "payload")
    except storable.Unstorable as error:
        raise RowmillError(f"{error}; change it") from error
    return made


def _object(written: str) -> dict[str, Any]:
    try:
        found = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise RowmillError(f'the payload is no JSON ({error}); write \'{{"key": "value"}}\' or key=value') from error
    if not isinstance(found, dict):
        raise RowmillError('the payload must be a JSON object; write \'{"key": "value"}\' or key=value')
    return found


def _fields(parts: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not name or not equals:
            raise RowmillError(f"{part!r} is no part of a payload; write key=value, or one JSON object in quotes")
        if name in found:
            raise RowmillError(f"the payload has the key {name!r} twice; give it once")
        found[name] = _value(value)
    return found


def _value(written: str) -> Any:
    try:
        return json.loads(written, parse_constant=str)
    except (ValueError, RecursionError):
        return written
