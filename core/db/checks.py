"""Whether the database is one these statements fit: a worker asks before its first claim, not at its first commit."""

from __future__ import annotations

import asyncpg

from core.db.connect import Connection
from core.db.statements import Catalog, Statement
from core.errors import RowmillError

NOT_THERE = frozenset({"42P01", "3F000", "42883", "42704"})  # undefined table, schema, function, type


class StatementUnfit(RowmillError):
    """A named statement cannot run on this database."""


async def check_statements(connection: Connection, catalog: Catalog) -> None:
    """Prepares every statement of the catalog. Raises StatementUnfit for the first that does not fit."""
    for statement in catalog.values():
        await _check(connection, statement)


async def _check(connection: Connection, statement: Statement) -> None:
    try:
        prepared = await connection.prepare(statement.sql)
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
