"""What the commands of a domain may use of the command line: asking, acting as a person, and how answers look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from core.cli.acting import Acting, acting
from core.cli.asking import Lasting, ask
from core.cli.database import DataDir, database, tell
from core.cli.sentences import explained
from core.cli.showing import Json, age, console, counted, moment, pairs, print_json, progress_bar, table, text
from core.db import catalogs
from core.db.connect import TROUBLE, Connection, Slots
from core.db.statements import Catalog
from core.settings import Settings, environment

__all__ = [
    "TROUBLE",
    "Acting",
    "Connection",
    "DataDir",
    "Json",
    "Lasting",
    "Settings",
    "Slots",
    "acting",
    "age",
    "ask",
    "console",
    "counted",
    "database",
    "database_url",
    "environment",
    "explained",
    "moment",
    "pairs",
    "print_json",
    "progress_bar",
    "run_tasks",
    "statements",
    "table",
    "tell",
    "text",
]

LOOK_S: Final = 0.2


def database_url() -> str | None:
    """The address that is set; None = the embedded server. Read anew: a command may choose the environment."""
    return Settings().database_url


def statements(package: str) -> Catalog:
    """The named statements of a domain."""
    return catalogs.of_package(package)


async def run_tasks(task_types: Sequence[str], until: Callable[[Connection], Awaitable[bool]], dsn: str) -> None:
    """Runs these task types in this process until the question is answered with yes; asked a few times a second."""
    from core import log
    from core.cli.work import matching_operators
    from core.db.connect import close, connect
    from core.queue.runtime import Worker
    from core.settings import Settings

    log.configure("error")
    settings = Settings()
    worker = Worker(dsn, settings, [each for name in task_types for each in matching_operators(settings, name)])
    running = asyncio.create_task(worker.run())
    connection = await connect(dsn, settings, "cli")
    try:
        while not running.done() and not await until(connection):  # noqa: ASYNC110 - the database knows, no event
            await asyncio.sleep(LOOK_S)
    finally:
        worker.stop()
        await running
        await close(connection)
