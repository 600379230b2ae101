"""Whether the database is one these statements fit: a worker asks before its first claim, not at its first commit."""

from __future__ import annotations

import asyncio
from typing import Final

import asyncpg

from core import log
from core.db import catalogs
from core.db.connect import Connection
from core.db.statements import Catalog, Statement
from core.errors import RowmillError

OLDEST, NEWEST = 15, 18  # major versions of PostgreSQL that the tests run on
NOT_THERE = frozenset({"42P01", "3F000", "42883", "42704"})  # undefined table, schema, function, type
LOCKED_LIMIT_S: Final = 600.0
PATIENCE: Final = "set local lock_timeout = '5s'"


class StatementUnfit(RowmillError):
    """A named statement cannot run on this database."""


class ServerTooOld(RowmillError):
    """This PostgreSQL lacks what the statements need."""


def check_version(connection: Connection) -> None:
    """Raises ServerTooOld. Newer servers than the tests know may well do."""
    version = connection.get_server_version()
    if version.major < OLDEST:
        raise ServerTooOld(
            f"this server is PostgreSQL {version.major}, which is too old; use PostgreSQL {OLDEST} to {NEWEST}"
        )


async def check_statements(connection: Connection, catalog: Catalog) -> None:
    """Prepares every statement of the catalog. Raises StatementUnfit for the first that does not fit. Where somebody
    has a table locked against everything, a migration under way for example, it says so and waits."""
    left = list(catalog.values())
    deadline = asyncio.get_running_loop().time() + LOCKED_LIMIT_S
    while left:
        try:
            async with connection.transaction():
                await connection.execute(PATIENCE)
                while left:
                    await _check(connection, left[0])
                    del left[0]
        except asyncpg.LockNotAvailableError as error:
            log.get("check").warning(
                "waits_for_locked_table", statement=left[0].name, locked_by=await _locker(connection)
            )
            if asyncio.get_running_loop().time() > deadline:
                raise StatementUnfit(
                    f"a table that the statement {left[0].name!r} needs is locked by {await _locker(connection)}; "
                    "end that session, then start again"
                ) from error


async def _locker(connection: Connection) -> str:
    rows = await catalogs.engine()["table_locker"].fetch(connection)
    return str(rows[0]["locker"]) if rows else "somebody"


async def _check(connection: Connection, statement: Statement) -> None:
    try:
        prepared = await connection.prepare(statement.sql)
    except asyncpg.LockNotAvailableError:
        raise
    except asyncpg.PostgresError as error:
        raise StatementUnfit(_sentence(statement, error)) from error
    takes = len(prepared.get_parameters())
    if takes != len(statement.params):
        raise StatementUnfit(
            f"the statement {statement.name!r} takes {takes} parameters and names {len(statement.params)}; "
            "write each of them as :name in its .sql file"
        )


def _sentence(statement: Statement, error: asyncpg.PostgresError) -> str:
    what = error.args[0]  # without the lines of its hint
    if error.sqlstate in NOT_THERE:
        return f"the database lacks what the statement {statement.name!r} needs ({what}); run `rowmill migrate`"
    return (
        f"the statement {statement.name!r} does not fit the database ({what}); "
        "run `rowmill migrate`, or correct it in its .sql file"
    )
