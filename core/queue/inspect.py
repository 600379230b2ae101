"""What people ask about tasks, on the command line and over HTTP: which tasks are meant, and the whole story of one.
Reads only. The statements stand in sql/queries/inspect.sql."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from core import storable
from core.db import catalogs
from core.db.connect import Connection

STORY_LIMIT: Final = 100  # runs, children, effects of one story
JSONB: Final = frozenset({"payload", "output", "output_data", "before", "after"})  # columns that arrive as JSON text
LIKE: Final = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_", "*": "%", "?": "_"})


@dataclass(frozen=True, slots=True)
class Story:
    """The row, then the newest runs, the tasks it enqueued and the changes it made; each list up to STORY_LIMIT."""

    task: asyncpg.Record
    runs: list[asyncpg.Record]
    children: list[asyncpg.Record]
    effects: list[asyncpg.Record]
    cut: tuple[str, ...]


async def story(connection: Connection, task_id: UUID) -> Story | None:
    """All that is known of a task; None where there is none."""
    statements = catalogs.inspect()
    rows = await statements["task"].fetch(connection, id=task_id)
    if not rows:
        return None
    lists: dict[str, list[asyncpg.Record]] = {
        name: await statements[f"task.{name}"].fetch(connection, id=task_id, run_limit=STORY_LIMIT + 1)
        for name in ("runs", "children", "effects")
    }
    cut = tuple(name for name, each in lists.items() if len(each) > STORY_LIMIT)
    lists = {name: each[:STORY_LIMIT] for name, each in lists.items()}
    return Story(rows[0], lists["runs"][::-1], lists["children"], lists["effects"], cut)


def matching(
    *,
    task_type: str | None,
    statuses: Sequence[str],
    key: str | None,
    error: str | None,
    since: datetime | None,
    until: datetime | None,
    fields: Sequence[str],
) -> dict[str, Any]:
    """The parameters of the statements `tasks` and `tasks.page`. In `task_type` * and ? stand for others; `fields` are
    `name=value` of the payload."""
    wanted = [storable.text(each).partition("=") for each in fields]
    return {
        "pattern": None if task_type is None else storable.text(task_type).translate(LIKE),
        "statuses": list(statuses) or None,
        "key": None if key is None else storable.text(key),
        "error": None if error is None else storable.text(error),
        "since": since,
        "until": until,
        "names": [name for name, _, _ in wanted],
        "wanted": [value for _, _, value in wanted],
    }
