"""How rows of the database look in JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import orjson


class Row(Protocol):
    """A row of a statement, by column."""

    def keys(self) -> Iterable[str]:
        """The names of its columns."""

    def __getitem__(self, name: str, /) -> Any: ...


def author(row: Row) -> dict[str, Any]:
    """Who made a change: exactly one of a person, a run of a task, a login of the database."""
    if row["task_id"] is not None:
        return {"task": row["task_id"], "run": row["run_no"]}
    return {"user": row["user_id"]} if row["user_id"] is not None else {"sql_user": row["sql_user"]}


def shown_cell(row: Row) -> dict[str, Any]:
    """What a cell holds: `content` as it was entered, `value` where something else is shown for it."""
    shown = orjson.loads(row["formatted_content"]) if row["formatted_content"] else {}
    cell = {"content": row["content"], "type": row["cell_type"], "version": row["version"]}
    return cell | {
        name: str(shown[name]) for name in ("value", "error", "input", "note") if shown.get(name) is not None
    }


def window_cell(row: Row) -> dict[str, Any]:
    """A cell of a window, with its place; `state` is stale while a task that computes it is under way."""
    place = {"id": row["id"], "column_id": row["column_id"], "row": row["row_number"]}
    return {**place, **shown_cell(row), "state": row["state"]}


def past_change(row: Row) -> dict[str, Any]:
    """One line of a cell's history."""
    by = author(row)
    if "task" in by:
        by["operator"] = row["operator_type"]
    if "user" in by:
        by["email"] = row["user_email"]
    shown = {"old": row["old_content"], "new": row["new_content"], "edit": row["edit_type"]}
    return {"id": row["id"], "at": row["created_at"], **shown, "by": by, "command_id": row["command_id"]}
