"""The export queue: look, process now, begin anew."""

from __future__ import annotations

import asyncio
from typing import Final

from core.web import Call, Nothing, absent, route
from workers.work_orders.http.answers import Done, Export, Exports, Processed
from workers.work_orders.http.models import AskedExports, AskedId, Process
from workers.work_orders.model import RestartExport

PATIENCE_S: Final = 8.0
LOOK_S: Final = 0.1


@route("GET", "/api/exports", scope="read")
async def list_exports(call: Call[AskedExports, Nothing]) -> Exports:
    """The exports of rows into spreadsheets, those that changed last first."""
    asked = call.asked
    rows = await call.read(
        "http_exports",
        workspaces=call.actor.visible,
        workspace_id=asked.workspace_id,
        status=asked.status,
        most=asked.limit,
    )
    return Exports(exports=[Export(**row) for row in rows])


@route("POST", "/api/exports/process", scope="operate", time_limit_s=15)
async def process_exports(call: Call[Nothing, Process]) -> Processed:
    """Waits until the workers have processed what is due, for some seconds at most, and says what came of it.

    Workers export by themselves; this is for callers that want to know, a cron job for instance.
    """
    await call.read("http_take_up", workspaces=call.actor.visible)
    waiting = await call.read("http_waiting_exports", workspaces=call.actor.visible, most=call.body.limit)
    seen = {"ids": [row["id"] for row in waiting], "attempts": [row["attempts"] for row in waiting]}
    end = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        [told] = await call.read("http_processed", **seen)
        if not told["waiting"] or asyncio.get_running_loop().time() > end:
            return Processed(**told)
        await asyncio.sleep(LOOK_S)


@route("POST", "/api/exports/{id}/retry", scope="operate", refuses=(404, 409))
async def retry_export(call: Call[AskedId, Nothing]) -> Done:
    """Begins an export anew, with fresh attempts."""
    rows = await call.read("http_export", id=call.asked.id)
    if not rows:
        raise absent("export")
    call.need_workspace(rows[0]["workspace_id"], "export")
    effect = RestartExport(call.asked.id)
    await call.apply("work_orders.retry_export", [effect], workspace_id=rows[0]["workspace_id"])
    return Done(id=call.asked.id)
