"""`rowmill work`: worker processes in the foreground until Ctrl-C or SIGTERM, then a drain."""

from __future__ import annotations

import asyncio
import fnmatch
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from types import FrameType
from typing import Annotated, Final
from uuid import UUID

import uvloop
from cyclopts import Parameter
from cyclopts.validators import Number

from core import domains, log
from core.cli.database import DataDir, database, tell
from core.cli.garbage import keep_what_is_loaded
from core.cli.version import code_version
from core.db.connect import TROUBLE
from core.errors import RowmillError
from core.queue import ceiling
from core.queue.alone import Alone
from core.queue.child import GAVE_UP, Starting
from core.queue.fleet import Fleet
from core.queue.runtime import Worker
from core.registry import Operator, operators
from core.settings import Settings
from core.web.health import served_health

Only = Annotated[str, Parameter(help="Run only task types that match, for example 'spreadsheets.*'.")]
Processes = Annotated[int, Parameter(help="Worker processes to keep running.", validator=Number(gte=1, lte=1000))]
HealthPort = Annotated[
    int | None,
    Parameter(
        help="Answer GET /healthz on this port of the loopback interface (one process only).",
        validator=Number(gte=1, lte=65535),
    ),
]
OneTask = Annotated[
    UUID | None,
    Parameter(name="--task", help="Run this one task alone in this process, within the limits of a child, and end."),
]
WorkerId = Annotated[str | None, Parameter(show=False)]
ParentPid = Annotated[int | None, Parameter(show=False)]
STOPS: Final = (signal.SIGTERM, signal.SIGINT)


def work(
    *,
    only: Only = "*",
    processes: Processes = 1,
    health_port: HealthPort = None,
    task_id: OneTask = None,
    data_dir: DataDir = None,
    worker_id: WorkerId = None,
    parent_pid: ParentPid = None,
) -> None:
    """Run workers: claim tasks, do them, commit. Ctrl-C or SIGTERM finishes what runs and gives the rest back."""
    for number in STOPS:
        signal.signal(number, leave_early)
    settings = Settings()
    log.configure(settings.log_level)
    if processes > 1 and health_port is not None:
        raise RowmillError("--health-port is for one process; start each worker by itself, with a port of its own")
    chosen = matching_operators(settings, only)
    parent = parent_pid or (os.getppid() if worker_id else None)
    with database(data_dir) as dsn:
        if task_id is not None:
            ceiling.hold_memory(settings.child_memory_mb)
            alone = Alone(
                dsn,
                settings,
                task_id,
                worker_id,
                hold=lambda: ceiling.hold_processor(settings.child_cpu_s),
                code_version=code_version(settings),
            )
            _work_alone(alone, [each.task_type for each in chosen], parent)
        elif processes == 1:
            ceiling.hold_memory(settings.memory_mb)
            worker = Worker(
                dsn,
                settings,
                chosen,
                worker_id=worker_id,
                code_version=code_version(settings),
                children=_children(dsn, only),
            )
            keep_what_is_loaded()
            uvloop.run(_until_stopped(_one(worker, parent, health_port)))
        else:
            tell(f"{processes} worker processes; stop with Ctrl-C")
            uvloop.run(_until_stopped(_many(dsn, settings, only, processes)))


def matching_operators(settings: Settings, only: str) -> list[Operator]:
    """The operators of this installation's domains whose task type matches."""
    domains.load(domains.discover(settings.domains), "operators")
    found = [each for name, each in sorted(operators().items()) if fnmatch.fnmatch(name, only)]
    if not found:
        raise RowmillError(f"no operator matches {only!r}; there are: {', '.join(sorted(operators()))}")
    return found


async def _one(worker: Worker, parent: int | None, health_port: int | None) -> None:
    _on_signals(worker.stop)
    async with served_health(health_port, worker.alive), asyncio.TaskGroup() as duties:
        following = duties.create_task(follow_parent(parent, worker.stop))
        await worker.run()
        following.cancel()


def _children(dsn: str, only: str) -> Starting:
    """How a worker starts a child: this very program, on the same database."""

    def command(task_id: UUID, worker_id: str) -> list[str]:
        identity = ("--worker-id", worker_id, "--parent-pid", str(os.getpid()))
        return [sys.executable, "-m", "core.cli", "work", "--only", only, "--task", str(task_id), *identity]

    return Starting(command, os.environ | {"ROWMILL_DATABASE_URL": dsn})


def _work_alone(alone: Alone, task_types: Sequence[str], parent: int | None) -> None:
    """A task for a person is one task; a child of a worker takes other suspects behind it."""
    in_vain = False
    try:
        uvloop.run(_until_stopped(_the_one(alone, task_types, parent)))
    except* TROUBLE:
        in_vain = parent is not None  # a parent must not take it for its task's crash
        if not in_vain:
            raise
    if in_vain:
        raise SystemExit(GAVE_UP)


async def _the_one(alone: Alone, task_types: Sequence[str], parent: int | None) -> None:
    _on_signals(alone.stop)
    async with asyncio.TaskGroup() as duties:
        following = duties.create_task(follow_parent(parent, alone.stop))
        await (alone.run() if parent is None else alone.run_on(task_types))
        following.cancel()


async def _many(dsn: str, settings: Settings, only: str, processes: int) -> None:
    def command(worker_id: str) -> list[str]:
        identity = ("--worker-id", worker_id, "--parent-pid", str(os.getpid()))
        return [sys.executable, "-m", "core.cli", "work", "--only", only, *identity]

    fleet = Fleet(dsn, settings, processes, command, os.environ | {"ROWMILL_DATABASE_URL": dsn})
    _on_signals(fleet.stop)
    await fleet.run()


def leave_early(_number: int, _frame: FrameType | None) -> None:
    """Before the first claim there is nothing to drain."""
    raise SystemExit(0)


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, stop)


async def _until_stopped(running: Coroutine[None, None, None]) -> None:
    """After the drain further signals mean nothing: the loop would give them back their deadly default."""
    await running
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)


async def follow_parent(parent: int | None, stop: Callable[[], None]) -> None:
    """A child whose parent is gone drains: nobody would replace or reap it. Without a parent, for ever."""
    while parent is None or os.getppid() == parent:  # noqa: ASYNC110 - nothing tells a child that its parent is gone
        await asyncio.sleep(1.0)
    stop()
