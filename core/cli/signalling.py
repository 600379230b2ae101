"""`rowmill signal`: continue a task that waits, by its id or by what it waits for."""

from __future__ import annotations

import json
from typing import Annotated
from uuid import UUID

from cyclopts import Parameter

from core import storable
from core.cli.asking import ask
from core.cli.database import DataDir
from core.cli.produce import payload_of
from core.cli.showing import Json, console, print_json, text
from core.db import catalogs
from core.db.connect import Connection

SAID = {
    "continued": "a task that waited for it goes on",
    "kept": "nobody waits for it yet; it is kept for the first task that does",
    "duplicate": "this signal was sent before; nothing has changed",
}
Key = Annotated[str, Parameter(name="KEY", help="What the task waits for, or its whole id.")]
Payload = Annotated[str, Parameter(name="PAYLOAD", help="A JSON object, or key=value pairs, as in `rowmill enqueue`.")]
SignalId = Annotated[UUID | None, Parameter(name="--id", help="A UUID: the same signal again changes nothing.")]
Workspace = Annotated[UUID | None, Parameter(help="Whose tasks; left out: the default workspace.")]


def signal(
    key: Key,
    /,
    *payload: Payload,
    signal_id: SignalId = None,
    workspace: Workspace = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Continue a waiting task, by its id or by what it waits for, as in `rowmill signal paid:17 amount=12.5`."""
    values = {
        "key": storable.text(key),
        "payload": json.dumps(payload_of(payload)),
        "signal_id": signal_id,
        "workspace_id": workspace,
    }

    async def send(connection: Connection) -> str:
        return str((await catalogs.inspect()["signal"].fetch(connection, **values))[0]["answer"])

    answer = ask(data_dir, send)
    if as_json:
        print_json({"answer": answer})
    else:
        console().print(text(SAID[answer]), soft_wrap=True)
