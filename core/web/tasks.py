"""/api/tasks and /api/signals: list, story, why it waits, enqueue, retry, cancel, signal. A task is told to members of
its workspace; one without a workspace to admins."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

import asyncpg
import orjson

from core.db import catalogs
from core.db.connect import Connection
from core.queue import inspect
from core.queue.waiting import AN_ID
from core.web.acts import Deed, act, audit
from core.web.call import Call, absent
from core.web.model import Document, Nothing
from core.web.refusals import Refused
from core.web.routes import route
from core.web.task_models import (
    Act,
    Change,
    Changed,
    Child,
    Enqueued,
    Explained,
    NewSignal,
    NewTask,
    Run,
    Signalled,
    SignalPayload,
    Story,
    Task,
    TaskList,
    TaskPath,
    TaskQuery,
    TaskRow,
)


@route("GET", "/api/tasks", scope="read")
async def list_tasks(call: Call[TaskQuery, Nothing]) -> TaskList:
    """List the newest tasks that match."""
    asked = call.asked
    values = inspect.matching(
        task_type=asked.type,
        statuses=asked.status,
        key=asked.key,
        error=asked.error,
        since=asked.since,
        until=asked.until,
        fields=asked.field,
    )
    async with call.connection() as connection:
        found = await catalogs.web()["tasks"].fetch(
            connection, **values, visible=call.actor.visible, before=asked.before, run_limit=asked.limit + 1
        )
    return TaskList(tasks=[TaskRow(**row) for row in found[: asked.limit]], more=len(found) > asked.limit)


@route("GET", "/api/tasks/{id}", scope="read", refuses=(404,))
async def tell_task(call: Call[TaskPath, Nothing]) -> Story:
    """Tell the whole story of a task: runs with waits and errors, what it changed and enqueued, who acted on it."""
    async with call.connection() as connection:
        await _seen(call, connection)
        told = await inspect.story(connection, call.asked.id)
        limit = {"id": call.asked.id, "run_limit": inspect.STORY_LIMIT}
        acts = await catalogs.web()["task.acts"].fetch(connection, **limit)
    if told is None:
        raise absent("task")
    return Story(
        task=Task(**_plain(told.task)),
        runs=[Run(**_plain(row)) for row in told.runs],
        effects=[Change(**_plain(row)) for row in told.effects],
        children=[Child(**_plain(row)) for row in told.children],
        acts=[Act(**_plain(row)) for row in acts],
        cut=list(told.cut),
    )


@route("GET", "/api/tasks/{id}/explain", scope="read", refuses=(404,))
async def explain_task(call: Call[TaskPath, Nothing]) -> Explained:
    """Say in one sentence why a task is not running, or how it ended."""
    async with call.connection() as connection:
        await _seen(call, connection)
        rows = await catalogs.inspect()["explain"].fetch(connection, id=call.asked.id)
    told = orjson.loads(rows[0]["explained"])
    return Explained(**{name: told[name] for name in Explained.model_fields})


@route("POST", "/api/tasks", scope="operate", refuses=(404,))
async def enqueue_task(call: Call[Nothing, NewTask]) -> Enqueued:
    """Enqueue a task; type and payload are checked first."""
    new, workspace_id = call.body, _workspace(call)

    async def work(connection: Connection) -> dict[str, Any]:
        values = new.model_dump() | {"payload": orjson.dumps(new.payload).decode(), "workspace_id": workspace_id}
        made = dict((await catalogs.web()["enqueue"].fetch(connection, **values))[0])
        if made["created"]:
            after = {"task_type": new.task_type}
            await audit(call, connection, Deed("task", str(made["id"]), "enqueue", workspace_id, after=after))
        return made

    return Enqueued.model_validate_json(orjson.dumps(await act(call, "tasks.enqueue", work)))


@route("POST", "/api/tasks/{id}/retry", scope="operate", refuses=(404, 409))
async def retry_task(call: Call[TaskPath, Nothing]) -> Changed:
    """Run a finished task again with fresh attempts."""
    return await _change(call, "retry")


@route("POST", "/api/tasks/{id}/cancel", scope="operate", refuses=(404, 409))
async def cancel_task(call: Call[TaskPath, Nothing]) -> Changed:
    """Cancel a task: a pending one at once; a running one is stopped and writes nothing."""
    return await _change(call, "cancel")


@route("POST", "/api/tasks/{id}/signal", scope="operate", refuses=(404, 409))
async def signal_task(call: Call[TaskPath, SignalPayload]) -> Signalled:
    """Continue a waiting task with a payload; a task that does not wait yet keeps it for its next wait."""

    async def work(connection: Connection) -> dict[str, Any]:
        task = await _seen(call, connection)
        return {"answer": await _send(call, connection, "task", str(call.asked.id), task["workspace_id"])}

    return Signalled.model_validate_json(orjson.dumps(await act(call, "tasks.signal", work)))


@route("POST", "/api/signals", scope="operate", refuses=(404, 409))
async def send_signal(call: Call[Nothing, NewSignal]) -> Signalled:
    """Continue the task that has waited longest for this key; if none waits, keep it for the first that will."""
    if AN_ID.fullmatch(call.body.key):
        told = "this key is the id of a task; send it to /api/tasks/{id}/signal"
        raise Refused(422, "invalid", told, field="key")
    workspace_id = _workspace(call)

    async def work(connection: Connection) -> dict[str, Any]:
        return {"answer": await _send(call, connection, "signal", call.body.key, workspace_id)}

    return Signalled.model_validate_json(orjson.dumps(await act(call, "signals.send", work)))


async def _send(
    call: Call[Any, Any], connection: Connection, entity: Literal["task", "signal"], key: str, workspace_id: UUID | None
) -> str:
    values = {"key": key, "payload": orjson.dumps(call.body.payload).decode(), "workspace_id": workspace_id}
    answer = str((await catalogs.web()["signal"].fetch(connection, **values))[0]["answer"])
    await audit(call, connection, Deed(entity, key, "signal", workspace_id, after={"answer": answer}))
    return answer


async def _change(call: Call[TaskPath, Nothing], verb: Literal["retry", "cancel"]) -> Changed:
    async def work(connection: Connection) -> dict[str, Any]:
        task = await _seen(call, connection)
        statements, task_id = catalogs.web(), call.asked.id
        before = await statements["task.status"].fetch(connection, id=task_id)
        answer = (await statements[verb].fetch(connection, id=task_id))[0]["answer"]
        status = {"status": before[0]["status"] if before else None}
        deed = Deed("task", str(task_id), verb, task["workspace_id"], status, {"status": answer})
        await audit(call, connection, deed)
        return {"id": task_id, "answer": answer}

    return Changed.model_validate_json(orjson.dumps(await act(call, f"tasks.{verb}", work)))


async def _seen(call: Call[TaskPath, Any], connection: Connection) -> asyncpg.Record:
    """The task, if this user may know of it; else it does not exist."""
    rows = await catalogs.web()["task.seen"].fetch(connection, id=call.asked.id, visible=call.actor.visible)
    if not rows:
        raise absent("task")
    return rows[0]


def _workspace(call: Call[Nothing, NewTask] | Call[Nothing, NewSignal]) -> UUID | None:
    """Where a new task or signal belongs. Nobody enqueues into a workspace that is not his."""
    given, actor = call.body.workspace_id, call.actor
    if given is not None:
        call.need_workspace(given, "workspace")
    elif actor.scope != "admin":
        if len(actor.workspaces) != 1:
            raise Refused(422, "workspace", "say in which of your workspaces this belongs", field="workspace_id")
        return actor.workspaces[0]
    return given


def _plain(row: asyncpg.Record) -> dict[str, Any]:
    left_out = {"seen_at"}
    return {
        name: Document.of(value) if name in inspect.JSONB else value
        for name, value in row.items()
        if name not in left_out
    }
