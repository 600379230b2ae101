"""Opens connections: every session the engine relies on is pinned to the same durable, predictable behaviour.

Finds out by itself where a pooler stands in between, and then gives connections that keep to its rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import asyncpg

from core.db.pooled import Pooled
from core.db.timings import told
from core.errors import RowmillError
from core.settings import ADDRESS, Settings

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# Fences need READ COMMITTED and durable commits whatever the database's defaults say; keepalives let the server drop
# a vanished worker's locks in seconds instead of hours.
SESSION = {
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    "timezone": "UTC",
    "jit": "off",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
}

# All that may come out of a call of the driver when the server or the network is in trouble. The last one: a statement
# on a session whose farewell has been read and whose end has not.
DRIVER_TROUBLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
TROUBLE: Final = (RowmillError, *DRIVER_TROUBLE)


class DatabaseUnreachable(RowmillError):
    """No connection could be made."""


_is_pooler: dict[str, bool] = {}  # what this process has found behind an address


async def connect(dsn: str, settings: Settings, name: str, *, unlimited: bool = False) -> Connection:
    """A new connection, named `rowmill <name>` in pg_stat_activity. `unlimited`: its statements may take for ever.

    Raises DatabaseUnreachable."""
    command_timeout = None if unlimited else settings.statement_timeout_s + 5
    given: dict[str, Any] = {"timeout": settings.connect_timeout_s, "command_timeout": command_timeout}
    try:
        connection = await _open(dsn, f"rowmill {name}", given)
    except (OSError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise DatabaseUnreachable(
            f"cannot reach the database ({reason}); is it running, and is DATABASE_URL right?"
        ) from error
    except asyncpg.ClientConfigurationError as error:
        raise DatabaseUnreachable(f"DATABASE_URL cannot be used: {error}; write it as {ADDRESS}") from error
    except ValueError as error:  # the driver's words hold a part of the address, perhaps of the password
        raise DatabaseUnreachable(
            f"DATABASE_URL cannot be read; write it as {ADDRESS}, special characters of the password as %40 and so on"
        ) from error
    except (asyncpg.InternalClientError, asyncpg.ConnectionDoesNotExistError) as error:
        raise DatabaseUnreachable(
            "what listens there closed the connection or is no PostgreSQL; check host and port in DATABASE_URL"
        ) from error
    if settings.debug:
        connection.add_query_logger(told)
    return connection


def is_pooled(connection: Connection) -> bool:
    """Whether a pooler stands between this connection and the server."""
    return Pooled.is_one(connection)


async def _open(dsn: str, name: str, given: dict[str, Any]) -> Connection:
    if not _is_pooler.get(dsn):
        connection = await _open_direct(dsn, name, given)
        if connection is not None:
            return connection
    pooled: Connection = await asyncpg.connect(
        dsn, connection_class=Pooled, statement_cache_size=0, server_settings={"application_name": name}, **given
    )
    _is_pooler[dsn] = True
    return pooled


async def _open_direct(dsn: str, name: str, given: dict[str, Any]) -> Connection | None:
    """None where a pooler answers. PgBouncer refuses settings of a session unless it was told to ignore them."""
    try:
        settings = {**SESSION, "application_name": name}
        connection: Connection = await asyncpg.connect(dsn, server_settings=settings, **given)
    except asyncpg.ProtocolViolationError:
        return None
    if dsn not in _is_pooler:
        _is_pooler[dsn] = not await _speaks_to_server(connection)
    if _is_pooler[dsn]:
        connection.terminate()
        return None
    return connection


async def _speaks_to_server(connection: Connection) -> bool:
    """A pooler cannot give its clients the process number of a server's session: it gives one of its own making."""
    try:
        async with connection.transaction():
            asked = await connection.prepare("select pg_backend_pid()", name="")
            return bool(await asked.fetchval() == connection.get_server_pid())
    except BaseException:
        connection.terminate()
        raise


async def close(connection: Connection, limit_s: float = 2.0) -> None:
    """Closes politely for a moment, then cuts."""
    try:
        await connection.close(timeout=limit_s)
    except DRIVER_TROUBLE:
        connection.terminate()


class Slots:
    """Up to `count` connections, handed out one at a time, without the reset query of a general pool.

    Nothing may be left behind on them: only SET LOCAL, only transaction-level locks.
    """

    def __init__(self, dsn: str, settings: Settings, name: str, count: int) -> None:
        self._dsn, self._settings, self._name = dsn, settings, name
        self._permits = asyncio.Semaphore(count)
        self._idle: list[tuple[float, Connection]] = []  # since when; the last used one last

    @property
    def free(self) -> bool:
        """Whether nobody has to wait."""
        return not self._permits.locked()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """One connection; it is thrown away when it was closed or a transaction is still open on it."""
        async with self._permits:
            connection = self._usable() or await connect(self._dsn, self._settings, self._name)
            try:
                yield connection
            finally:
                if connection.is_closed() or connection.is_in_transaction():
                    connection.terminate()
                else:
                    self._idle.append((asyncio.get_running_loop().time(), connection))

    def _usable(self) -> Connection | None:
        while self._idle:
            _, connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def trim(self) -> None:
        """Closes what was idle for `pool_idle_s`."""
        limit = asyncio.get_running_loop().time() - self._settings.pool_idle_s
        while self._idle and self._idle[0][0] < limit:
            await close(self._idle.pop(0)[1])

    async def close(self) -> None:
        while self._idle:
            await close(self._idle.pop()[1])
