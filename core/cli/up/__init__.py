"""`rowmill up`: everything on one machine, in one terminal: server if needed, revisions, workers, web.

Ctrl-C or SIGTERM stops them in order: the web first, so that nobody starts what nobody would finish; then the workers
finish what they hold; then the embedded server. A second Ctrl-C says what is still waited for.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from datetime import timedelta
from typing import Annotated

import uvloop
from cyclopts import Parameter
from cyclopts.validators import Number

from core import domains, log
from core.cli.database import DataDir, bring_up_to_date, database, reach, tell
from core.cli.showing import Json, counted, duration
from core.cli.up.lines import Stream
from core.cli.up.programs import Web, Workers, environment_with, rowmill
from core.cli.work import STOPS, Only, leave_early, matching_operators
from core.db import catalogs
from core.db.connect import TROUBLE, close, connect
from core.db.migrate import pending
from core.errors import RowmillError
from core.settings import Settings

Processes = Annotated[int, Parameter(help="Worker processes to keep running.", validator=Number(gte=1, lte=1000))]
Migrate = Annotated[
    bool, Parameter(negative="", help="Apply pending revisions to the database that DATABASE_URL names.")
]
Host = Annotated[str | None, Parameter(help="The address that the web listens on.")]
Port = Annotated[
    int | None,
    Parameter(help="The port that the web listens on; 0 takes a free one.", validator=Number(gte=0, lte=65535)),
]
WithWeb = Annotated[bool, Parameter(name="--web", negative="--no-web", help="Serve the API and the page as well.")]


def up(  # noqa: PLR0913 - the options of what it starts
    *,
    processes: Processes = 1,
    only: Only = "*",
    host: Host = None,
    port: Port = None,
    web: WithWeb = True,
    migrate: Migrate = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Start all of it: a server if needed, migrations, workers, web. Ctrl-C finishes what runs, then stops it all."""
    for number in STOPS:
        signal.signal(number, leave_early)
    settings = Settings()
    log.configure(settings.log_level)
    matching_operators(settings, only)
    ours = data_dir is not None or not settings.database_url
    with database(data_dir) as dsn:
        if not ours:
            asyncio.run(_current(dsn, settings, apply=migrate))
        stream = Stream(as_json=as_json)
        parent = ("--parent-pid", str(os.getpid()))

        def worker(worker_id: str) -> list[str]:
            return rowmill("work", "--only", only, "--worker-id", worker_id, *parent)

        asked = [("--host", host), ("--port", None if port is None else str(port))]
        words = [word for name, value in asked if value is not None for word in (name, value)]
        environment = environment_with(dsn)
        together = Together(
            dsn,
            settings,
            Workers(dsn, settings, processes, worker, environment, stream),
            Web(rowmill("web", *words, *parent), environment, stream) if web else None,
        )
        tell(f"{counted(processes, 'worker process', 'worker processes')}{' and the web' if web else ''}; Ctrl-C stops")
        if not uvloop.run(together.run()):
            raise RowmillError(
                "the web ended as soon as it was started; its reason stands above, --no-web does without"
            )
    tell("all stopped")


async def _current(dsn: str, settings: Settings, *, apply: bool) -> None:
    """A team's own database is migrated when it is asked for, never by the way."""
    await reach(dsn, settings)
    missing = await pending(dsn, domains.discover(settings.domains))
    if missing and not apply:
        raise RowmillError(
            f"the database lacks {counted(len(missing), 'revision')} ({', '.join(missing)}); "
            "run `rowmill migrate`, or start with `rowmill up --migrate`"
        )
    if missing:
        tell(f"applied {', '.join(await bring_up_to_date(dsn, settings))}")


class Together:
    """The programs, and the order in which they stop."""

    def __init__(self, dsn: str, settings: Settings, workers: Workers, web: Web | None) -> None:
        self._dsn, self._settings, self._workers, self._web = dsn, settings, workers, web
        self._asked = asyncio.Event()
        self._told: set[asyncio.Task[None]] = set()

    async def run(self) -> bool:
        """Until a signal, or until the web does not come to stand: then False."""
        loop = asyncio.get_running_loop()
        for number in STOPS:
            loop.add_signal_handler(number, self._signalled)
        stood = True
        async with asyncio.TaskGroup() as programs:
            working = programs.create_task(self._workers.run())
            serving = programs.create_task(self._web.run()) if self._web else None
            asked = programs.create_task(self._asked.wait())
            await asyncio.wait({asked, working, *([serving] if serving else [])}, return_when=asyncio.FIRST_COMPLETED)
            asked.cancel()
            if serving and self._web:
                self._web.stop()
                stood = await serving
            self._workers.stop()
            await working
            await asyncio.gather(*self._told)
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        return stood

    def _signalled(self) -> None:
        if not self._asked.is_set():
            tell("stopping: first the web, then the workers finish what they hold")
            self._asked.set()
            return
        telling = asyncio.get_running_loop().create_task(self._tell_what_is_left())
        self._told.add(telling)
        telling.add_done_callback(self._told.discard)

    async def _tell_what_is_left(self) -> None:
        if self._web is not None and self._web.alive:
            tell("waiting for the web to end its requests")
        waiting = self._workers.alive()
        if not waiting:
            return
        tell(f"waiting for {counted(len(waiting), 'worker process', 'worker processes')}; {await self._held(waiting)}")

    async def _held(self, worker_ids: list[str]) -> str:
        limit = f"at most {self._settings.drain_s:g} s, then what still runs goes back unharmed"
        with suppress(*TROUBLE):
            connection = await connect(self._dsn, self._settings, "up")
            try:
                rows = await catalogs.operate()["up.held"].fetch(connection, worker_ids=worker_ids)
            finally:
                await close(connection)
            held = [
                f"{row['tasks']} of {row['task_type']} (for {duration(timedelta(seconds=row['longest_s']))})"
                for row in rows
            ]
            return f"they run {', '.join(held) or 'nothing any more'}; {limit}"
        return limit
