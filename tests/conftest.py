"""Fixtures: a real server for the whole run, a migrated template, a database of its own for every test."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from core import domains
from core.db.connect import Connection
from core.db.embedded import EmbeddedServer
from core.db.migrate import migrate
from core.settings import PROJECT
from tests.logins import Logins, MakeLogin
from tests.running import DOMAINS, Database, Workers
from tests.scratch import forget, scratch_server
from tests.serving import Site, running_site


@pytest.fixture(scope="session", autouse=True)
def _loaded() -> None:
    domains.load(domains.discover(DOMAINS), "operators")


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """The server of this test run; parallel runs and workers share it, each test has a database of its own."""
    with scratch_server() as running:
        yield running
    forget(running)


@pytest.fixture(scope="session")
def template(server: EmbeddedServer) -> str:
    """The name of a migrated database that tests are cloned from; made once for each state of the migrations."""
    name = f"template_{_schema_hash()}"
    asyncio.run(_make_template(server, name))
    return name


def _schema_hash() -> str:
    digest = hashlib.sha256()
    for folder in (
        "sql/functions",
        "sql/triggers",
        "sql/monitoring",
        "sql/roles",
        "migrations",
        "workers",
        "tests/toy/migrations",
    ):
        for file in sorted((PROJECT / folder).rglob("*")):
            if file.suffix in {".sql", ".py"} and ("migrations" in str(file) or file.suffix == ".sql"):
                digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


async def _make_template(server: EmbeddedServer, name: str) -> None:
    admin = await asyncpg.connect(server.dsn())
    try:
        await admin.execute("select pg_advisory_lock(4711)")
        if await admin.fetchval("select true from pg_database where datname = $1", name):
            return
        await admin.execute(f"drop database if exists {name}_draft")  # of a run that was stopped
        await admin.execute(f"create database {name}_draft")
        await migrate(server.dsn(f"{name}_draft"), domains.discover(DOMAINS))
        await admin.execute(f"alter database {name}_draft rename to {name}")
    finally:
        await admin.close()


@contextlib.asynccontextmanager
async def _cloned(server: EmbeddedServer, template: str) -> AsyncIterator[Database]:
    name = f"test_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(server.dsn())
    await admin.execute(f"create database {name} template {template} strategy file_copy")
    made = Database(server.dsn(name), name)
    try:
        yield made
    finally:
        await made.close()
        with contextlib.suppress(asyncpg.PostgresError):
            await admin.execute(f"drop database {name} with (force)")
        await admin.close()


@pytest.fixture
async def database(server: EmbeddedServer, template: str) -> AsyncIterator[Database]:
    """A migrated, empty database; `database.connect()` opens sessions that are closed with the test."""
    async with _cloned(server, template) as made:
        yield made


@pytest.fixture
async def bare_database(server: EmbeddedServer) -> AsyncIterator[Database]:
    """A database that nobody has migrated."""
    async with _cloned(server, "template0") as made:
        yield made


@pytest.fixture
async def db(database: Database) -> Connection:
    """One session on the test's database."""
    return await database.connect()


@pytest.fixture
async def login(database: Database, db: Connection) -> AsyncIterator[MakeLogin]:
    """Makes logins, each with the roles it is given; they end with the test."""
    logins = Logins(database, db)
    yield logins.make
    await logins.forget()


@pytest.fixture
async def workers(database: Database, tmp_path: Path) -> AsyncIterator[Workers]:
    """Starts workers on the test's database, in this process or in one of their own; all end with the test."""
    started = Workers(database, tmp_path)
    try:
        yield started
    finally:
        await started.close()


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    """The HTTP API on a free port; `site.client(scope)` is a client with a real token."""
    async with running_site(database) as running:
        yield running
