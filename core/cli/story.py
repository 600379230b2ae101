"""`rowmill task ID`: all that is known of one task, in the order in which it happened; `rowmill explain ID`:
why it waits.

Effects are told from the engine's own audit; what a domain keeps beside it belongs to the domain's commands.
"""

from __future__ import annotations

from typing import Any, Final

import asyncpg
import orjson
from rich.console import Console

from core.cli.asking import TaskId, ask, found_id
from core.cli.database import DataDir
from core.cli.showing import (
    Json,
    age,
    console,
    json_column,
    milliseconds,
    moment,
    pairs,
    print_json,
    size,
    table,
    text,
)
from core.cli.tasks import first_line
from core.db import catalogs
from core.db.connect import Connection
from core.errors import RowmillError
from core.queue import inspect
from core.queue.inspect import Story

PAYLOAD_SHOWN: Final = 2000  # characters


def task(task_id: TaskId, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Tell the whole story of a task: who enqueued it, runs with waits and errors, what it changed and enqueued."""
    story = ask(data_dir, lambda connection: _story(connection, task_id))
    if as_json:
        print_json(_document(story))
    else:
        _print(story, console())


def explain(task_id: TaskId, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Say in one sentence why a task is not running, or how it ended."""

    async def look(connection: Connection) -> str:
        found = await found_id(connection, task_id)
        rows = await catalogs.inspect()["explain"].fetch(connection, id=found)
        return str(rows[0]["explained"])

    explained = ask(data_dir, look)
    if as_json:
        print_json(orjson.loads(explained))
    else:
        console().print(text(orjson.loads(explained)["sentence"]), soft_wrap=True)


async def _story(connection: Connection, given: str) -> Story:
    found = await found_id(connection, given)
    told = await inspect.story(connection, found)
    if told is None:
        raise RowmillError(f"task {found} has just been deleted; look for others with `rowmill tasks`")
    return told


def _document(story: Story) -> dict[str, Any]:
    return {
        "task": _plain(story.task),
        "runs": [_plain(each) for each in story.runs],
        "effects": [_plain(each) for each in story.effects],
        "children": [_plain(each) for each in story.children],
        "cut": list(story.cut),
    }


def _plain(row: asyncpg.Record) -> dict[str, Any]:
    return {
        name: json_column(value) if name in inspect.JSONB else value for name, value in row.items() if name != "seen_at"
    }


def _print(story: Story, told: Console) -> None:
    told.print(pairs(_facts(story.task)))
    _print_list(told, story, "runs", ("run", "waited", "took", "ended", "result", "worker", "cell"), story.runs, _run)
    _print_list(told, story, "effects", ("run", "what", "id", "action", "before", "after"), story.effects, _effect)
    _print_list(told, story, "children", ("id", "type", "status"), story.children, _child)
    told.print(text(_next_step(story.task)))


def _facts(row: asyncpg.Record) -> list[tuple[str, object]]:
    now = row["seen_at"]
    parent = row["parent_id"] and f"{row['parent_id']} ({row['parent_type'] or 'gone'}, {row['parent_status'] or '-'})"
    return [
        ("task", row["id"]),
        ("type", row["task_type"]),
        ("status", row["status"]),
        ("made", _when(row["created_at"], now)),
        ("enqueued by", row["enqueued_by"]),
        ("parent", parent),
        ("due", _when(row["scheduled_for"], now) if row["status"] == "pending" else None),
        ("started", _when(row["started_at"], now)),
        ("ended", _when(row["ended_at"], now)),
        ("cancel asked", _when(row["cancel_asked_at"], now)),
        ("worker", row["worker_id"]),
        ("led by", row["leader_id"]),
        ("attempts", f"{row['attempts']} of {row['max_attempts']}"),
        ("crashes", row["crashes"] or None),
        ("priority", row["priority"]),
        ("concurrency_key", row["concurrency_key"]),
        ("dedupe_key", row["dedupe_key"]),
        ("workspace", row["workspace_id"]),
        (f"payload ({size(row['payload_bytes'])})", _bounded(row["payload"])),
        ("output", _bounded(row["output"])),
        ("error", row["error_message"]),
    ]


def _when(at: Any, now: Any) -> str | None:
    return None if at is None else f"{moment(at)} ({age(at, now)})"


def _bounded(document: str | None) -> str | None:
    if document is None or len(document) <= PAYLOAD_SHOWN:
        return document
    return f"{document[:PAYLOAD_SHOWN]}… (all of it with --json)"


def _print_list(
    told: Console, story: Story, name: str, columns: tuple[str, ...], rows: list[asyncpg.Record], cells: Any
) -> None:
    if not rows:
        return
    title = f"{name} ({'only ' if name in story.cut else ''}{len(rows)})"
    told.print()
    told.print(table(title, columns, (cells(row) for row in rows), whole=("id", "run")))


def _run(row: asyncpg.Record) -> tuple[object, ...]:
    result = "done" if row["success"] else row["error_message"]
    waited, took = milliseconds(row["waited_ms"]), milliseconds(row["processing_time_ms"])
    return row["run_no"], waited, took, moment(row["ended_at"]), result, row["worker_id"], row["cell_id"]


def _effect(row: asyncpg.Record) -> tuple[object, ...]:
    before, after = first_line(row["before"]), first_line(row["after"])
    return row["run_no"], row["entity"], row["entity_id"], row["action"], before, after


def _child(row: asyncpg.Record) -> tuple[object, ...]:
    return row["id"], row["task_type"], row["status"]


def _next_step(row: asyncpg.Record) -> str:
    """What a person may want to do now."""
    again = f"rowmill retry {row['id']}"
    if row["status"] == "failed":
        return f"Run it again, once the cause is cured: {again}"
    if row["status"] in {"cancelled", "completed"}:
        return f"Run it again: {again}"
    return f"See why it is {row['status']}: rowmill explain {row['id']}. Stop it: rowmill cancel {row['id']}"
