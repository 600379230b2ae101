"""One web process, from the first port to the last answer. Refuses to be public without anybody who could log in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from core import domains, log
from core.db import catalogs
from core.db.checks import check_statements
from core.db.connect import close, connect
from core.errors import RowmillError
from core.people import tokens
from core.settings import Settings
from core.web.auth import LOOPBACK
from core.web.limits import FIELD_BYTES, HEADER_BYTES, Rates
from core.web.meters import Meters
from core.web.pool import Pool
from core.web.routes import services
from core.web.serving import close_sockets
from core.web.shell import application
from core.web.snapshot import PoolCollector
from core.web.state import Shell

ANY: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - names of addresses, nothing is bound here
COMMAND_CONNECTIONS: Final = 4
TRIM_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers. `port` is the real one where 0 was asked for; `token` is the one-time token, if any."""

    host: str
    port: int
    token: str | None
    shell: Shell

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


async def serve(
    dsn: str,
    settings: Settings,
    host: str,
    port: int,
    *,
    stop: asyncio.Event,
    ready: Callable[[Served], None] = lambda _served: None,
) -> None:
    """Serves until `stop` is set, then lets requests under way end within `web_drain_s`."""
    async with served(dsn, settings, host, port) as running:
        ready(running)
        await stop.wait()


@asynccontextmanager
async def served(dsn: str, settings: Settings, host: str, port: int) -> AsyncIterator[Served]:
    """Serves while the block runs."""
    async with AsyncExitStack() as stack:
        token = await _let_in(stack, dsn, settings, host)
        shell = _shell(dsn, settings, host)
        for each in (shell.pool, shell.commands):
            stack.push_async_callback(each.close)
        stack.callback(shell.hashing.close)
        app = application(shell)
        for service in services(shell.packages):
            shell.services[service.start] = await stack.enter_async_context(service.start(shell))
        app.on_shutdown.append(lambda _app: close_sockets(shell))
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=_quiet(),
            shutdown_timeout=settings.web_drain_s,
            max_line_size=HEADER_BYTES,
            max_field_size=FIELD_BYTES,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, host, port).start()
        trimming = asyncio.create_task(_trim(shell))
        stack.callback(trimming.cancel)
        log.get("web").info("web_started", host=host, port=runner.addresses[0][1])
        yield Served(host, runner.addresses[0][1], token, shell)
    log.get("web").info("web_stopped")


def _shell(dsn: str, settings: Settings, host: str) -> Shell:
    reads = max(2, settings.pool_max - COMMAND_CONNECTIONS)
    shell = Shell(
        address=dsn,
        settings=settings,
        domains=domains.discover(settings.domains),
        pool=Pool(dsn, settings, "web read", reads),
        commands=Pool(dsn, settings, "web command", min(COMMAND_CONNECTIONS, settings.pool_max - 1)),
        rates=Rates(settings.web_rate),
        meters=Meters(),
        hosts=_hosts(settings, host),
    )
    shell.meters.registry.register(shell.snapshot)
    shell.meters.registry.register(PoolCollector({"read": shell.pool, "command": shell.commands}, shell.sockets))
    return shell


def _hosts(settings: Settings, host: str) -> frozenset[str]:
    """The names that a Host header may have; none = any, for an address that many names lead to."""
    if settings.web_hosts:
        return frozenset(each.lower() for each in settings.web_hosts)
    return frozenset() if host in ANY else LOOPBACK | {host.lower()}


async def _let_in(stack: AsyncExitStack, dsn: str, settings: Settings, host: str) -> str | None:
    """Checks the database, and that somebody can log in. The one-time token of a server on loopback ends with it."""
    connection = await connect(dsn, settings, "web check")
    try:
        for catalog in (catalogs.people(), catalogs.web(), catalogs.inspect()):
            await check_statements(connection, catalog)
        if (await catalogs.people()["token.exists"].fetch(connection))[0]["usable"]:
            return None
        if host.lower() not in LOOPBACK:
            raise RowmillError(
                f"nobody could log in at {host}: there is no token and no password; make one with "
                "`rowmill token create` or `rowmill user password`, or serve this machine alone with --host 127.0.0.1"
            )
        made = await tokens.create_one_time(connection, settings.web_session_s)
    finally:
        await close(connection)
    stack.push_async_callback(_revoke, dsn, settings, made)
    return made.secret


async def _revoke(dsn: str, settings: Settings, made: tokens.NewToken) -> None:
    connection = await connect(dsn, settings, "web check")
    try:
        await catalogs.people()["token.revoke"].fetch(connection, id=made.id)
    finally:
        await close(connection)


def _quiet() -> logging.Logger:
    """Aiohttp logs what it could not even parse with a traceback that quotes it; the client gets a 400 for it."""
    quiet = logging.getLogger("rowmill.web.protocol")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    return quiet


async def _trim(shell: Shell) -> None:
    """Closes connections that nobody has needed for a while."""
    while True:
        await asyncio.sleep(TRIM_S)
        await shell.pool.trim()
        await shell.commands.trim()
