"""`rowmill db`: status, and for development fresh, reset and seed, which no database on another machine suffers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeAlias
from urllib.parse import unquote, urlsplit

import asyncpg
import cyclopts
from cyclopts import Parameter
from rich.prompt import Confirm

from core import domains
from core.cli.database import (
    DATABASE,
    DataDir,
    bring_up_to_date,
    bring_up_to_date_embedded,
    database,
    embedded,
    embedded_server,
    run_on,
    tell,
    without_password,
)
from core.cli.doctor.server import is_local
from core.cli.showing import Json, console, counted, pairs, print_json, size, table
from core.db import catalogs
from core.db.checks import NOT_THERE
from core.db.connect import Connection, close, connect
from core.db.migrate import pending
from core.errors import RowmillError
from core.settings import Settings

BringUp: TypeAlias = Callable[[str, Settings], Awaitable[object]]
TABLES_SHOWN: Final = 30
Yes = Annotated[bool, Parameter(name="--yes", negative="", help="Do not ask.")]

app = cyclopts.App(name="db", help="The database itself: status, and fresh, reset and seed for development.")


# --- status ----------------------------------------------------------------------------------------------------------


@app.command
def status(*, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Revisions, sizes and estimated rows of the tables, connections."""
    with database(data_dir, up_to_date=False) as dsn:
        found = asyncio.run(_status(dsn, Settings()))
    if as_json:
        print_json(found)
        return
    missing = ", ".join(found["pending"])
    told = [
        ("database", found["database"]),
        ("address", found["address"]),
        ("PostgreSQL", found["version"]),
        ("size", size(found["bytes"])),
        ("connections", f"{found['connections']} of {found['max_connections']}"),
        ("revisions", f"pending: {missing}; run `rowmill migrate`" if missing else "all applied"),
    ]
    console().print(pairs(told))
    if found["tables"]:
        cells = [
            (each["name"], f"{max(each['rows'], each['live']):,}", size(each["bytes"])) for each in found["tables"]
        ]
        columns = ("table", "rows, about", "size with indexes")
        console().print(table(counted(len(cells), "table"), columns, cells[:TABLES_SHOWN], whole=("table",)))


async def _status(dsn: str, settings: Settings) -> dict[str, Any]:
    connection = await connect(dsn, settings, "cli")
    try:
        overview = dict((await catalogs.operate()["db.overview"].fetch(connection))[0])
        rows = await catalogs.operate()["doctor.tables"].fetch(connection) if overview["migrated"] else []
    finally:
        await close(connection)
    return {
        **overview,
        "address": without_password(dsn)[0],
        "pending": await pending(dsn, domains.discover(settings.domains)),
        "tables": [{name: row[name] for name in ("name", "rows", "live", "dead", "bytes")} for row in rows],
    }


# --- fresh, reset, seed ----------------------------------------------------------------------------------------------


@app.command
def fresh(*, data_dir: DataDir = None) -> None:
    """Make our database on the embedded server anew: drop, migrate, seed. Does not ask: it is for development."""
    settings = Settings()
    if settings.database_url and data_dir is None:
        raise RowmillError(
            "db fresh is for the embedded server, and DATABASE_URL names another; "
            "use `rowmill db reset`, which asks, or unset DATABASE_URL"
        )
    with embedded(settings, data_dir) as server:
        asyncio.run(_made_anew(server.dsn(), server.dsn(DATABASE), settings, bring_up_to_date_embedded))


@app.command
def reset(*, yes: Yes = False, data_dir: DataDir = None) -> None:
    """Delete everything and start over: the embedded server's data, or DATABASE_URL's database if it is local. Asks."""
    settings = Settings()
    if settings.database_url and data_dir is None:
        _reset_own(settings.database_url, settings, yes=yes)
        return
    server = embedded_server(settings, data_dir)
    if not _agreed(f"Delete all data in {server.data_path}?", yes=yes):
        return
    server.destroy()
    with embedded(settings, data_dir) as running:
        asyncio.run(_made_anew(running.dsn(), running.dsn(DATABASE), settings, bring_up_to_date_embedded))


def _reset_own(address: str, settings: Settings, *, yes: bool) -> None:
    shown, name = without_password(address)[0], unquote(urlsplit(address).path.lstrip("/"))
    if not is_local(address):
        host = urlsplit(address).hostname
        raise RowmillError(
            f"db reset deletes everything, and {host} is not this machine; drop the database there by hand"
        )
    if not name:
        raise RowmillError("DATABASE_URL names no database; write it as postgresql://user:password@host:5432/database")
    if not _agreed(f"Drop the database {name} at {shown} with all its data?", yes=yes):
        return
    admin = urlsplit(address)._replace(path="/postgres").geturl()
    asyncio.run(_made_anew(admin, address, settings, bring_up_to_date))


def _agreed(question: str, *, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise RowmillError("db reset asks before it deletes, and nobody can answer here; add --yes")
    agreed = Confirm.ask(question, default=False, console=console(stderr=True))
    if not agreed:
        tell("nothing was deleted")
    return agreed


async def _made_anew(admin: str, address: str, settings: Settings, bring_up: BringUp) -> None:
    name = unquote(urlsplit(address).path.lstrip("/"))
    await _refuse_living(address, settings)
    await run_on(admin, "drop database if exists {} with (force)", name)
    await run_on(admin, "create database {}", name)
    await bring_up(address, settings)
    tell(f"made {name} anew")
    await seeded(address, settings)


async def _refuse_living(address: str, settings: Settings) -> None:
    try:
        connection = await connect(address, settings, "setup")
    except asyncpg.InvalidCatalogNameError:
        return
    try:
        living = await catalogs.operate()["db.living"].fetch(connection)
    except asyncpg.PostgresError as error:
        if error.sqlstate not in NOT_THERE:
            raise
        living = []  # it was never migrated
    finally:
        await close(connection)
    if living:
        pids = ", ".join(f"{row['host']} {row['pid']}" for row in living)
        raise RowmillError(f"{counted(len(living), 'worker')} at work on this database ({pids}); stop them first")


@app.command
def seed(*, data_dir: DataDir = None) -> None:
    """Add the example rows of each domain (its seed.sql). A second time adds nothing."""
    with database(data_dir) as dsn:
        asyncio.run(seeded(dsn, Settings()))


async def seeded(dsn: str, settings: Settings) -> None:
    """Each domain's seed in a transaction of its own."""
    connection = await connect(dsn, settings, "setup")
    try:
        for domain in domains.discover(settings.domains):
            if (file := domain.home / "seed.sql").exists():
                await _seed(connection, file.read_text(encoding="utf-8"))
                tell(f"seeded {domain.name}")
    finally:
        await close(connection)


async def _seed(connection: Connection, script: str) -> None:
    async with connection.transaction():
        await connection.execute(script)
