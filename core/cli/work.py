"""`rowmill work`: worker processes in the foreground until Ctrl-C or SIGTERM, then a drain."""

from __future__ import annotations

import asyncio
import fnmatch
import os
import signal
import sys
from collections.abc import Callable
from typing import Annotated

import uvloop
from cyclopts import Parameter

from core import domains, log
from core.cli.database import DataDir, database, ensure_migrated, tell
from core.errors import RowmillError
from core.queue.fleet import Fleet
from core.queue.runtime import Worker
from core.registry import Operator, operators
from core.settings import Settings
from core.web.health import serve_health

Only = Annotated[str, Parameter(help="Run only task types that match, for example 'spreadsheets.*'.")]
Processes = Annotated[int, Parameter(help="Worker processes to keep running.")]
HealthPort = Annotated[int | None, Parameter(help="Answer GET /healthz on this port of the loopback interface.")]


def work(
    *,
    only: Only = "*",
    processes: Processes = 1,
    health_port: HealthPort = None,
    data_dir: DataDir = None,
    worker_id: Annotated[str | None, Parameter(show=False)] = None,
) -> None:
    """Run workers: claim tasks, do them, commit. Ctrl-C or SIGTERM finishes what runs and gives the rest back."""
    settings = Settings()
    log.configure(settings.log_level)
    with database(data_dir) as dsn:
        if worker_id is None:
            asyncio.run(ensure_migrated(dsn, settings))
        if processes == 1:
            uvloop.run(_one(dsn, settings, only, worker_id, health_port))
        else:
            tell(f"{processes} worker processes; stop with Ctrl-C")
            uvloop.run(_many(dsn, settings, only, processes))


def matching_operators(settings: Settings, only: str) -> list[Operator]:
    """The operators of this installation's domains whose task type matches."""
    domains.load(domains.discover(settings.domains), "operators")
    found = [each for name, each in sorted(operators().items()) if fnmatch.fnmatch(name, only)]
    if not found:
        raise RowmillError(f"no operator matches {only!r}; there are: {', '.join(sorted(operators()))}")
    return found


async def _one(dsn: str, settings: Settings, only: str, worker_id: str | None, health_port: int | None) -> None:
    worker = Worker(dsn, settings, matching_operators(settings, only), worker_id=worker_id)
    _on_signals(worker.stop)
    async with asyncio.TaskGroup() as duties:
        side = []
        if worker_id is not None:
            side.append(duties.create_task(_follow_parent(os.getppid(), worker.stop)))
        if health_port is not None:
            side.append(duties.create_task(serve_health(health_port, worker.alive)))
        await worker.run()
        for duty in side:
            duty.cancel()


async def _many(dsn: str, settings: Settings, only: str, processes: int) -> None:
    def command(worker_id: str) -> list[str]:
        return [sys.executable, "-m", "core.cli", "work", "--only", only, "--worker-id", worker_id]

    matching_operators(settings, only)  # a clear error here, not one per child
    fleet = Fleet(dsn, settings, processes, command, os.environ | {"ROWMILL_DATABASE_URL": dsn})
    _on_signals(fleet.stop)
    await fleet.run()


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


async def _follow_parent(parent: int, stop: Callable[[], None]) -> None:
    """A child whose parent is gone drains: nobody would replace or reap it."""
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells a child that its parent is gone
        await asyncio.sleep(1.0)
    stop()
