"""Which database a command talks to, and the commands about it: psql, dsn, migrate."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import asyncpg
from cyclopts import Parameter

from core import domains
from core.db import migrate as migrations
from core.db.binaries import find_binaries
from core.db.connect import connect
from core.db.embedded import EmbeddedServer
from core.errors import RowmillError
from core.settings import PROJECT, Settings

DATABASE = "rowmill"
DataDir = Annotated[Path | None, Parameter(name="--data-dir", help="Where the embedded server keeps its data.")]
PsqlArguments = Annotated[str, Parameter(allow_leading_hyphen=True, help="Options and arguments of psql itself.")]


@contextmanager
def database(data_dir: Path | None = None, name: str = DATABASE) -> Iterator[str]:
    """The DSN to use: DATABASE_URL, or a database of the embedded server, which runs as long as somebody uses it."""
    settings = Settings()
    if settings.database_url and data_dir is None:
        yield settings.database_url
        return
    chosen = data_dir or settings.data_dir
    server = EmbeddedServer(
        chosen or PROJECT / ".rowmill" / "pg", binaries=settings.pg_bin, explicit=chosen is not None
    )
    with server:
        tell(f"embedded PostgreSQL {server.major}, data in {server.data_path}")
        asyncio.run(_ensure(server.dsn(), name, settings))
        yield server.dsn(name)


async def _ensure(dsn: str, name: str, settings: Settings) -> None:
    connection = await connect(dsn, settings, "setup")
    try:
        if not await connection.fetchval("select true from pg_database where datname = $1", name):
            quoted = await connection.fetchval("select quote_ident($1)", name)
            await connection.execute(f"create database {quoted}")
    except asyncpg.DuplicateDatabaseError:
        pass  # another command made it at the same moment
    finally:
        await connection.close()


def tell(sentence: str) -> None:
    """A line for the person, on stderr, so that stdout stays for machines."""
    print(f"rowmill: {sentence}", file=sys.stderr)  # noqa: T201 - the command line talks


async def ensure_migrated(dsn: str, settings: Settings) -> list[str]:
    """Brings the database up to date; returns the revisions applied."""
    connection = await connect(dsn, settings, "migrate")  # a clear sentence where there is no database
    await connection.close()
    return await migrations.migrate(dsn, domains.discover(settings.domains))


def dsn(*, data_dir: DataDir = None) -> None:
    """Print the address of the database, for any client. The embedded server answers while something uses it."""
    embedded = data_dir is not None or not Settings().database_url
    with database(data_dir) as address:
        print(address)  # noqa: T201 - the answer
        if embedded:
            tell("this server runs while something of rowmill uses it, for example `rowmill work` or `rowmill psql`")


def migrate(*, data_dir: DataDir = None) -> None:
    """Bring the database to the newest revision."""
    with database(data_dir) as address:
        applied = asyncio.run(ensure_migrated(address, Settings()))
        tell(f"applied {', '.join(applied)}" if applied else "the database is up to date")


def psql(*arguments: PsqlArguments, data_dir: DataDir = None) -> None:
    """Open psql on the database, for example `rowmill psql -c 'select * from task_queue'`."""
    with database(data_dir) as address:
        asyncio.run(ensure_migrated(address, Settings()))
        shown, secret = _without_password(address)
        raise SystemExit(
            subprocess.call([_psql_program(), shown, *arguments], env=os.environ | {"PGOPTIONS": ""} | secret)
        )


def _without_password(address: str) -> tuple[str, dict[str, str]]:
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
