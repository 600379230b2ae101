"""What shapes need of the database: connections from somewhere, this domain's named statements, settled printing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias

import asyncpg

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Isolation = Literal["read_committed", "repeatable_read"]

# Values travel as PostgreSQL prints them: the same row must look the same in a snapshot and in the log, whatever the
# server's or the login's defaults are.
PRINT: Final = (
    "set local timezone = 'UTC'; set local datestyle = 'ISO, DMY'; set local intervalstyle = 'iso_8601'; "
    "set local extra_float_digits = 1; set local bytea_output = 'hex'; set local jit = off"
)
TROUBLE: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Statement(Protocol):
    """A named statement."""

    async def fetch(self, connection: Connection, **values: Any) -> list[asyncpg.Record]: ...


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows come from."""

    acquire: Callable[[], AbstractAsyncContextManager[Connection]]
    statements: Mapping[str, Statement]

    async def read(self, name: str, **values: Any) -> list[asyncpg.Record]:
        """The rows of one named statement, on a connection of its own."""
        async with self.acquire() as connection:
            return await self.statements[name].fetch(connection, **values)

    @asynccontextmanager
    async def printing(self, isolation: Isolation = "read_committed") -> AsyncIterator[Connection]:
        """A transaction in which values print in the one settled way."""
        async with self.acquire() as connection, connection.transaction(isolation=isolation):
            await connection.execute(PRINT)
            yield connection
