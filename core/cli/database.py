"""Which database a command talks to, and the commands about it: psql, dsn, migrate."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import asyncpg
from cyclopts import Parameter

from core import domains
from core.db import roles
from core.db.binaries import find_binaries
from core.db.checks import check_version
from core.db.connect import close, connect
from core.db.embedded import EmbeddedServer
from core.errors import RowmillError
from core.settings import PROJECT, Settings

DATABASE = "rowmill"
DataDir = Annotated[Path | None, Parameter(name="--data-dir", help="Where the embedded server keeps its data.")]
PsqlArguments = Annotated[str, Parameter(allow_leading_hyphen=True, help="Options and arguments of psql itself.")]


@contextmanager
def database(data_dir: Path | None = None, *, up_to_date: bool = True) -> Iterator[str]:
    """The address to use: DATABASE_URL as it is, or our database of the embedded server, brought up to date."""
    settings = Settings()
    if settings.database_url and data_dir is None:
        yield settings.database_url
        return
    with embedded(settings, data_dir) as server:
        asyncio.run(_create(server.dsn(), DATABASE))
        if up_to_date:
            asyncio.run(bring_up_to_date_embedded(server.dsn(DATABASE), settings))
        yield server.dsn(DATABASE)


@contextmanager
def server_in_use(data_dir: Path | None = None) -> Iterator[str]:
    """The address of the server: of DATABASE_URL, or of the embedded one, which runs meanwhile."""
    settings = Settings()
    if settings.database_url and data_dir is None:
        yield settings.database_url
        return
    with embedded(settings, data_dir) as server:
        yield server.dsn()


@contextmanager
def scratch_database(name: str, domain_packages: Sequence[str], admin: str) -> Iterator[str]:
    """A migrated database of its own on this server, dropped at the end."""
    from core.db import migrate as migrations

    address = urlsplit(admin)._replace(path=f"/{name}").geturl()
    asyncio.run(_create(admin, name))
    try:
        asyncio.run(migrations.migrate(address, domains.discover(domain_packages)))
        yield address
    finally:
        asyncio.run(run_on(admin, "drop database {} with (force)", name))


@contextmanager
def embedded(settings: Settings, data_dir: Path | None) -> Iterator[EmbeddedServer]:
    """The embedded server, which runs as long as somebody uses it."""
    with embedded_server(settings, data_dir) as server:
        tell(f"embedded PostgreSQL {server.major}, data in {server.data_path}")
        yield server


def embedded_server(settings: Settings, data_dir: Path | None) -> EmbeddedServer:
    """The same, not started."""
    chosen = data_dir or settings.data_dir
    return EmbeddedServer(chosen or PROJECT / ".rowmill" / "pg", binaries=settings.pg_bin, explicit=chosen is not None)


async def _create(dsn: str, name: str) -> None:
    with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):  # also when made at the same moment
        await run_on(dsn, "create database {}", name)


async def run_on(dsn: str, statement: str, name: str) -> None:
    """A statement about a database, whose name stands for {}; on a session of another one."""
    connection = await connect(dsn, Settings(), "setup")
    try:
        await connection.execute(statement.format(await connection.fetchval("select quote_ident($1)", name)))
    finally:
        await connection.close()


def tell(sentence: str) -> None:
    """A line for the person, on stderr, so that stdout stays for machines."""
    print(f"rowmill: {sentence}", file=sys.stderr)  # noqa: T201 - the command line talks


async def bring_up_to_date(dsn: str, settings: Settings) -> list[str]:
    """Brings the database up to date; returns the revisions applied."""
    from core.db import migrate as migrations  # half of a worker's time to start, and few commands migrate

    await reach(dsn, settings)
    return await migrations.migrate(dsn, domains.discover(settings.domains))


async def bring_up_to_date_embedded(dsn: str, settings: Settings) -> None:
    """With statement statistics where the programs have them. Their own view shows literals: it lies in our schema."""
    await bring_up_to_date(dsn, settings)
    connection = await connect(dsn, settings, "setup")
    try:
        with suppress(asyncpg.FeatureNotSupportedError, asyncpg.UndefinedFileError, asyncpg.UniqueViolationError):
            await connection.execute("create extension if not exists pg_stat_statements schema rowmill")
    finally:
        await close(connection)


async def reach(dsn: str, settings: Settings) -> None:
    """A clear sentence where there is no database, before another program gives its own."""
    connection = await connect(dsn, settings, "setup")
    try:
        check_version(connection)
    finally:
        await connection.close()


def dsn(*, data_dir: DataDir = None) -> None:
    """Print the address of the database, for any client. The embedded server answers while something uses it."""
    embedded = data_dir is not None or not Settings().database_url
    with database(data_dir) as address:
        print(address)  # noqa: T201 - the answer
        if embedded:
            tell("this server runs while something of rowmill uses it, for example `rowmill work` or `rowmill psql`")


def migrate(*, data_dir: DataDir = None) -> None:
    """Bring the database to the newest revision."""
    with database(data_dir, up_to_date=False) as address:
        applied = asyncio.run(bring_up_to_date(address, Settings()))
        if not applied:  # roles may have been made since
            asyncio.run(roles.apply(address, domains.discover(Settings().domains)))
        tell(f"applied {', '.join(applied)}" if applied else "the database is up to date")


def psql(*arguments: PsqlArguments, data_dir: DataDir = None) -> None:
    """Open psql on the database, for example `rowmill psql -c 'select * from task_queue'`."""
    with database(data_dir) as address:
        asyncio.run(reach(address, Settings()))
        shown, secret = without_password(address)
        raise SystemExit(
            subprocess.call([_psql_program(), shown, *arguments], env=os.environ | {"PGOPTIONS": ""} | secret)
        )


def without_password(address: str) -> tuple[str, dict[str, str]]:
    """The address for a command line, which everybody on the machine can read, and the password for the environment."""
    found = re.fullmatch(r"(\w+://[^:@/?]*):([^@/?]*)(@.*)", address)
    return (found[1] + found[3], {"PGPASSWORD": unquote(found[2])}) if found else (address, {})


def _psql_program() -> str:
    """The embedded server's own psql, else the one on the PATH."""
    try:
        own = find_binaries(Settings().pg_bin) / "psql"
    except RowmillError:
        own = Path("/nonexistent")
    program = str(own) if own.exists() else shutil.which("psql")
    if program is None:
        raise RowmillError(
            "there is no psql on this machine; use the address that `rowmill dsn` prints with any client"
        )
    return program
