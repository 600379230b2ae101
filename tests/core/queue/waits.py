"""Tasks that wait, and their signals."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from core.db.connect import Connection
from tests.running import enqueue, until


async def waits(db: Connection, task_id: UUID, signal: str) -> None:
    """Until the task waits for this signal."""
    query = "select exists (select from rowmill.waits where task_id = $1 and signal = $2)"
    await until(lambda: db.fetchval(query, task_id, signal), what=f"the wait for {signal}")


async def asks(db: Connection, signal: str, **given: Any) -> UUID:
    """A task of `toy.act` that waits for this signal already."""
    options = {name: given.pop(name) for name in ("timeout_s", "on_timeout") if name in given}
    task_id = await enqueue(db, "toy.act", {"act": "wait", "arg": {"signal": signal, **options}}, **given)
    await waits(db, task_id, signal)
    return task_id


async def signalled(db: Connection, key: str, text: str, signal_id: UUID | None = None) -> str:
    """`signal_task` by key, or by the text of an id."""
    payload = json.dumps({"text": text})
    answer: str = await db.fetchval("select signal_task($1::text, $2::jsonb, $3)", key, payload, signal_id)
    return answer


async def notes(db: Connection) -> list[str]:
    """What the toy operators have noted, sorted."""
    return sorted(row["note"] for row in await db.fetch("select note from toy_notes"))
