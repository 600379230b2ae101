"""Migrations: forward-only, one Alembic branch per domain, functions and triggers from `sql/`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import asyncpg
from alembic import command, op
from alembic.config import Config
from alembic.script import ScriptDirectory

from core.domains import Domain
from core.errors import RowmillError
from core.settings import PROJECT

SQL = PROJECT / "sql"
ENGINE_BRANCHES = ("engine", "people")


class NotOurs(RowmillError):
    """A table of that name exists and was not made by these migrations."""


def config(dsn: str, domains: Sequence[Domain]) -> Config:
    """Alembic's configuration for the engine and these domains."""
    made = Config()
    made.set_main_option("script_location", str(PROJECT / "migrations").replace("%", "%%"))
    made.set_main_option("path_separator", "newline")
    homes = [PROJECT / "migrations" / branch for branch in ENGINE_BRANCHES]
    homes += [domain.migrations for domain in domains if domain.migrations.exists()]
    made.set_main_option("version_locations", "\n".join(str(home) for home in homes).replace("%", "%%"))
    made.attributes["url"] = dsn
    made.attributes["domains"] = domains
    return made


async def migrate(dsn: str, domains: Sequence[Domain]) -> list[str]:
    """Brings the database to the newest revision of every branch; returns the revisions applied now."""
    made = config(dsn, domains)
    before = await _applied(dsn)
    try:
        await asyncio.to_thread(command.upgrade, made, "heads")
    except Exception as error:
        raise _explained(error) from error
    after = await _applied(dsn)
    return sorted(after - before)


async def pending(dsn: str, domains: Sequence[Domain]) -> list[str]:
    """Revisions that the code has and the database lacks."""
    script = ScriptDirectory.from_config(config(dsn, domains))
    known = {revision.revision for revision in script.walk_revisions()}
    return sorted(known - await _applied(dsn))


async def _applied(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        if not await connection.fetchval("select to_regclass('rowmill.alembic_version')"):
            return set()
        return {row["version_num"] for row in await connection.fetch("select version_num from rowmill.alembic_version")}
    finally:
        await connection.close()


def _explained(error: Exception) -> Exception:
    """A table in the way becomes one sentence; everything else stays what it is."""
    root: BaseException | None = error
    while root is not None:
        if getattr(root, "sqlstate", None) == "42P07":
            name = str(root).split('"')[1]
            return NotOurs(
                f"the database already has a table or index {name!r} that these migrations did not make; "
                "rename it, or use another database"
            )
        root = root.__cause__ or root.__context__
    return error


def run_sql_file(file: str | Path) -> None:
    """Inside a revision: runs one file of `sql/`, or of a domain by its path."""
    run_sql((SQL / file).read_text(encoding="utf-8"))


def run_sql(script: str) -> None:
    """Inside a revision: runs a script of several statements in the revision's own transaction.

    Function bodies are checked by tests, not here: a function may name tables that a later revision makes.
    """
    bind = op.get_bind()
    bind.exec_driver_sql("set local check_function_bodies = off")  # also makes the driver begin
    bind.connection.dbapi_connection.run_async(lambda driver: driver.execute(script))  # type: ignore[union-attr]
