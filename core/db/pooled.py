"""A connection through a pooler in transaction mode (PgBouncer, Supavisor, Odyssey, pgcat), where any session of the
pool may run the next statement: nothing may be left on a session, and nothing found there.

Outside of a transaction of the caller each call becomes a transaction of its own, because the driver sends a statement
in two messages that must reach the same session. Statements have no name; settings are SET LOCAL.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeGuard, TypeVar

import asyncpg

Answer = TypeVar("Answer")
PINS: Final = (
    "begin isolation level read committed",
    "set local synchronous_commit = 'on'",
    "set local timezone = 'UTC'",
    "set local jit = 'off'",
)

if TYPE_CHECKING:
    Base = asyncpg.Connection[asyncpg.Record]
else:
    Base = asyncpg.Connection


class Pooled(Base):
    """Open it with `statement_cache_size=0`. Whoever cancels a call terminates the connection."""

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self._begin = "; ".join(PINS)

    def limit(self, statement_ms: int, lock_ms: int) -> None:
        """Limits for all that follows, as SET does on a session."""
        limits = (f"set local statement_timeout = {statement_ms:d}", f"set local lock_timeout = {lock_ms:d}")
        self._begin = "; ".join((*PINS, *limits))

    @classmethod
    def is_one(cls, connection: asyncpg.Connection[asyncpg.Record]) -> TypeGuard[Pooled]:
        """`isinstance` cannot tell: asyncpg says yes for every class of connection."""
        return type(connection) is cls

    async def fetch(self, query: str, *args: Any, **given: Any) -> Any:
        return await self._whole(lambda: super(Pooled, self).fetch(query, *args, **given))

    async def fetchrow(self, query: str, *args: Any, **given: Any) -> Any:
        return await self._whole(lambda: super(Pooled, self).fetchrow(query, *args, **given))

    async def fetchval(self, query: str, *args: Any, **given: Any) -> Any:
        return await self._whole(lambda: super(Pooled, self).fetchval(query, *args, **given))

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:
        """Without arguments it is one message, and goes as it is."""
        if not args:
            return await super().execute(query, timeout=timeout)
        return await self._whole(lambda: super(Pooled, self).execute(query, *args, timeout=timeout))

    async def prepare(self, query: str, **given: Any) -> Any:
        """For looking at, or for use within the caller's transaction."""
        return await self._whole(lambda: super(Pooled, self).prepare(query, **{**given, "name": ""}))

    async def set_type_codec(self, typename: str, **given: Any) -> None:
        await self._whole(lambda: super(Pooled, self).set_type_codec(typename, **given))

    async def _whole(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        if self.is_in_transaction():
            return await call()
        await super().execute(self._begin)
        try:
            answer = await call()
        except asyncpg.PostgresError:
            if not self.is_closed():
                await super().execute("rollback")
            raise
        await super().execute("commit")
        return answer
