"""`rowmill web`: the HTTP API in the foreground until Ctrl-C or SIGTERM, then the last answers."""

from __future__ import annotations

import asyncio
import signal
from typing import Annotated

import uvloop
from cyclopts import Parameter
from cyclopts.validators import Number

from core import log
from core.cli.database import DataDir, database, tell
from core.cli.garbage import keep_what_is_loaded
from core.cli.work import ParentPid, follow_parent
from core.settings import Settings
from core.web.serve import Served, serve

Host = Annotated[str, Parameter(help="The address to bind. One that others can reach needs a token first.")]
Port = Annotated[int, Parameter(help="The port; 0 takes a free one.", validator=Number(gte=0, lte=65535))]
STOPS = (signal.SIGTERM, signal.SIGINT)


def web(*, host: Host = "127.0.0.1", port: Port = 8080, data_dir: DataDir = None, parent_pid: ParentPid = None) -> None:
    """Serve the HTTP API and the page. Ctrl-C or SIGTERM lets requests under way end."""
    settings = Settings()
    log.configure(settings.log_level)
    with database(data_dir) as dsn:
        uvloop.run(_until_stopped(dsn, settings, host, port, parent_pid))


async def _until_stopped(dsn: str, settings: Settings, host: str, port: int, parent: int | None) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, stop.set)
    following = loop.create_task(follow_parent(parent, stop.set))
    await serve(dsn, settings, host, port, stop=stop, ready=_ready)
    following.cancel()
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # from here on the loop would give them back their deadly default


def _ready(running: Served) -> None:
    keep_what_is_loaded()
    _announce(running)


def _announce(running: Served) -> None:
    """Where it is, and the token that no other place holds."""
    tell(f"serving {running.url}; stop with Ctrl-C")
    if running.token is not None:
        tell(f"there is no token yet; this one is good until this server stops: {running.token}")
        tell("make one that stays with `rowmill token create --user you@example.org --create-user --scope admin`")
