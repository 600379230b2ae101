"""Published task types without a worker."""

from __future__ import annotations

import json
from typing import Any

from core.db.connect import Connection

DEFAULTS = {"priority": 5, "max_attempts": 3}


async def publish(
    db: Connection, task_type: str, schema: dict[str, Any] | None = None, defaults: dict[str, int] | None = None
) -> None:
    await db.execute(
        """insert into rowmill.task_types (task_type, schema, defaults, published_by, published_at)
           values ($1, $2, $3, 'by hand', now())
           on conflict (task_type) do update set schema = excluded.schema, defaults = excluded.defaults""",
        task_type,
        None if schema is None else json.dumps(schema),
        json.dumps(defaults or DEFAULTS),
    )
