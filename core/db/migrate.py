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
MIGRATIONS = PROJECT / "migrations"
ENGINE_BRANCHES = ("engine", "people")
NAME_TAKEN = frozenset({"42P06", "42P07", "42710"})  # duplicate_schema, _table (of any relation), _object (of a type)


class NotOurs(RowmillError):
    """Something of that name exists and was not made by these migrations."""


class UnknownRevision(RowmillError):
    """The database was migrated by code that this installation lacks."""


def config(dsn: str, domains: Sequence[Domain]) -> Config:
    """Alembic's configuration. Every branch that is here is known to it, switched on or not: a database may have been
    migrated with more domains than these."""
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    made.set_main_option("path_separator", "newline")
    homes = {file.parent for file in MIGRATIONS.glob("*/*.py")}
    homes |= {domain.migrations for domain in domains if domain.migrations.exists()}
    made.set_main_option("version_locations", "\n".join(str(home) for home in sorted(homes)).replace("%", "%%"))
    made.attributes["url"] = dsn
    made.attributes["domains"] = domains
    return made


async def migrate(dsn: str, domains: Sequence[Domain]) -> list[str]:
    """Brings the database to the newest revision of every branch; returns the revisions applied now."""
    made = config(dsn, domains)
    before = _pending(made, domains, await _heads(dsn))
    try:
        for target in _targets(domains):
            await asyncio.to_thread(command.upgrade, made, target)
    except Exception as error:
        raise _explained(error) from error
    return before


async def pending(dsn: str, domains: Sequence[Domain]) -> list[str]:
    """Revisions that the code has and the database lacks, sorted by name."""
    return _pending(config(dsn, domains), domains, await _heads(dsn))


def _targets(domains: Sequence[Domain]) -> list[str]:
    branches = [*ENGINE_BRANCHES, *(domain.name for domain in domains if domain.migrations.exists())]
    return [f"{branch}@head" for branch in branches]


def _pending(made: Config, domains: Sequence[Domain], heads: set[str]) -> list[str]:
    """The version table holds heads only; whatever they stand on is applied too."""
    script = ScriptDirectory.from_config(made)
    unknown = heads - {revision.revision for revision in script.walk_revisions()}
    if unknown:
        raise UnknownRevision(
            f"the database holds the revision {min(unknown)!r}, which no migration here makes; "
            "use newer code, or name its domain in ROWMILL_DOMAINS"
        )
    missing = [
        script.iterate_revisions(target, tuple(heads) or "base", implicit_base=True) for target in _targets(domains)
    ]
    return sorted({revision.revision for revisions in missing for revision in revisions})


async def _heads(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        if not await connection.fetchval("select to_regclass('rowmill.alembic_version')"):
            return set()
        return {row["version_num"] for row in await connection.fetch("select version_num from rowmill.alembic_version")}
    finally:
        await connection.close()


def _explained(error: Exception) -> Exception:
    """A name that is taken becomes one sentence; everything else stays what it is."""
    root: BaseException | None = error
    while root is not None:
        if getattr(root, "sqlstate", None) in NAME_TAKEN:
            taken = str(root).split('"')[1]
            return NotOurs(
                f"the database already has a schema, table, index or type {taken!r} that these migrations did not make"
                "; rename it, or use another database"
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
