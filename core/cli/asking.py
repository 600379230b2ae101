"""One session of a person with the database, and which task an id means."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final, TypeVar
from uuid import UUID

import asyncpg
from cyclopts import Parameter

from core.cli.database import database
from core.db import catalogs
from core.db.connect import Connection, close, connect
from core.db.pooled import Pooled
from core.errors import RowmillError
from core.settings import Settings

Answer = TypeVar("Answer")
TaskId = Annotated[str, Parameter(help="The id of a task, or its beginning if no other task begins so.")]
LOCK_LIMIT_S: Final = 5.0
ID_DIGITS: Final = 32
FEWEST_DIGITS: Final = 8


class TooSlow(RowmillError):
    """The database did not answer a person's question in time."""


def ask(data_dir: Path | None, question: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    """Asks on a session of its own, which neither reads nor waits for locks without end."""
    with database(data_dir) as dsn:
        return asyncio.run(_asked(dsn, Settings(), question))


async def _asked(dsn: str, settings: Settings, question: Callable[[Connection], Awaitable[Answer]]) -> Answer:
    connection = await connect(dsn, settings, "cli")
    try:
        await _limit(connection, int(settings.statement_timeout_s * 1000), int(LOCK_LIMIT_S * 1000))
        return await question(connection)
    except asyncpg.QueryCanceledError as error:
        raise TooSlow(
            f"the database gave no answer within {settings.statement_timeout_s:g} s; "
            "narrow the question with --since, --type or --limit, or raise ROWMILL_STATEMENT_TIMEOUT_S"
        ) from error
    finally:
        await close(connection)


async def _limit(connection: Connection, statement_ms: int, lock_ms: int) -> None:
    if Pooled.is_one(connection):  # what is set on a session would stay there, for others
        connection.limit(statement_ms, lock_ms)
    else:
        await catalogs.inspect()["limits"].fetch(connection, statement_ms=statement_ms, lock_ms=lock_ms)


class Lasting:
    """A session for a command that goes on for days: made anew where the one before was lost. What may be lost on it
    are the errors of TROUBLE."""

    def __init__(self, dsn: str, name: str) -> None:
        self._dsn, self._name, self._settings = dsn, name, Settings()
        self._connection: Connection | None = None

    async def ready(self) -> Connection:
        """Raises DatabaseUnreachable."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._dsn, self._settings, self._name)
        return self._connection

    def drop(self) -> None:
        """After trouble nobody knows what state it is in."""
        if self._connection is not None:
            self._connection.terminate()

    async def close(self) -> None:
        if self._connection is not None:
            await close(self._connection)


async def found_id(connection: Connection, given: str) -> UUID:
    """The one task whose id is this, or begins like this; by the primary key, so it costs the same in a large queue."""
    low, high = _span(given)
    found = await catalogs.inspect()["task.between"].fetch(connection, low=low, high=high)
    if not found:
        raise RowmillError(f"no task has the id {given}; look for it with `rowmill tasks`")
    if len(found) > 1:
        raise RowmillError(f"several tasks have an id that begins with {given}; give more of its digits, or all")
    return UUID(str(found[0]["id"]))


def _span(given: str) -> tuple[UUID, UUID]:
    digits = given.strip().replace("-", "").lower()
    if not re.fullmatch(rf"[0-9a-f]{{{FEWEST_DIGITS},{ID_DIGITS}}}", digits):
        raise RowmillError(
            f"{given!r} is no id of a task; give all of it, or at least its first {FEWEST_DIGITS} hexadecimal digits"
        )
    return UUID(digits.ljust(ID_DIGITS, "0")), UUID(digits.ljust(ID_DIGITS, "f"))
