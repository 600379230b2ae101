"""/api/workers: which processes live, and what they hold."""

from __future__ import annotations

from datetime import datetime

from core.db import catalogs
from core.web.call import Call
from core.web.model import Model, Nothing
from core.web.routes import route


class Worker(Model):
    """One worker process."""

    worker_id: str
    host: str
    pid: int
    started_at: datetime
    beat_at: datetime
    lease_until: datetime
    alive: bool
    draining: bool
    code_version: str | None
    task_types: list[str]
    tasks_held: int


class WorkerList(Model):
    """All of them."""

    workers: list[Worker]


@route("GET", "/api/workers", scope="read")
async def list_workers(call: Call[Nothing, Nothing]) -> WorkerList:
    """List the worker processes, the lost ones too until somebody has reaped them."""
    async with call.connection() as connection:
        rows = await catalogs.inspect()["workers"].fetch(connection)
    return WorkerList(workers=[Worker(**{name: row[name] for name in Worker.model_fields}) for row in rows])
