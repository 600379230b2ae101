"""The benchmark's PostgreSQL: an embedded one of its own, durable and with fixed settings, or the one of `--dsn`. Every
run has a fresh database, cloned from a migrated template."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from benchmarks import cpu
from core import domains
from core.db.connect import Connection
from core.db.embedded import EmbeddedServer
from core.db.migrate import migrate
from core.db.statements import Catalog
from core.settings import PROJECT, Settings

QUERIES: Final = Catalog(Path(__file__).with_name("queries.sql"))
DOMAINS: Final = ("workers.spreadsheets", "benchmarks.domain")
SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "fsync": "on",
        "synchronous_commit": "on",
        "shared_buffers": "1GB",
        "max_connections": "200",
        "max_wal_size": "8GB",  # no checkpoint in the middle of a run
    }
)


@dataclass(frozen=True, slots=True)
class Database:
    """One database of a run."""

    dsn: str
    name: str

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        connection = await asyncpg.connect(
            self.dsn, timeout=10, command_timeout=900, server_settings={"application_name": "rowmill bench"}
        )
        try:
            yield connection
        finally:
            await connection.close(timeout=10)


class BenchServer:
    """Where everything is measured. Made by `serving()`."""

    def __init__(self, admin_dsn: str, major: int) -> None:
        self._admin_dsn = admin_dsn
        self.major = major
        self.pid: int | None = None
        self.settings: dict[str, str] = {}
        self.counts_statements = False
        self._tag = uuid.uuid4().hex[:8]
        self._made_so_far = 0
        self._holder: Connection | None = None  # as long as it lives, our databases are in use

    async def open(self) -> None:
        """Removes what a killed benchmark left, makes the template, finds the server's process."""
        named = {"application_name": f"rowmill bench {self._tag}"}
        self._holder = await asyncpg.connect(self._admin_dsn, timeout=10, server_settings=named)
        async with self._admin() as admin:
            self.pid = _parent_of(await admin.fetchval("select pg_backend_pid()"))
            self.settings = {row["name"]: row["value"] for row in await QUERIES["settings"].fetch(admin)}
            for row in await QUERIES["left_behind"].fetch(admin):
                await _drop(admin, row["name"])
            await admin.execute(f"create database {self._template}")
        template = self._database(self._template)
        await migrate(template.dsn, domains.discover(DOMAINS))
        async with template.connect() as connection:
            await self._count_statements(connection)

    async def _count_statements(self, connection: Connection) -> None:
        """A server of one's own may lack it: then W9 has no buffers and statements."""
        try:
            await connection.execute("create extension if not exists pg_stat_statements")
            await QUERIES["statements"].fetch(connection)
        except asyncpg.PostgresError:
            await connection.execute("drop extension if exists pg_stat_statements")
        else:
            self.counts_statements = True

    async def close(self) -> None:
        async with self._admin() as admin:
            await _drop(admin, self._template)
        if self._holder is not None:
            await self._holder.close(timeout=10)

    @property
    def _template(self) -> str:
        return f"bench_{self._tag}_template"

    @asynccontextmanager
    async def migrated(self) -> AsyncIterator[Database]:
        """A fresh database with our tables."""
        async with self._made(f"template {self._template}") as database:
            yield database

    @asynccontextmanager
    async def empty(self) -> AsyncIterator[Database]:
        """A fresh database with nothing."""
        async with self._made("template template0") as database:
            yield database

    @asynccontextmanager
    async def _made(self, clause: str) -> AsyncIterator[Database]:
        self._made_so_far += 1
        name = f"bench_{self._tag}_{self._made_so_far}"
        async with self._admin() as admin:
            await admin.execute(f"create database {name} {clause}")
            await admin.execute("checkpoint")
        try:
            yield self._database(name)
        finally:
            async with self._admin() as admin:
                await _drop(admin, name)

    def _database(self, name: str) -> Database:
        return Database(urlsplit(self._admin_dsn)._replace(path=f"/{name}").geturl(), name)

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[Connection]:
        async with Database(self._admin_dsn, "postgres").connect() as connection:
            yield connection


@asynccontextmanager
async def serving(dsn: str | None = None, *, durable: bool = True) -> AsyncIterator[BenchServer]:
    """The server of `--dsn`, or the benchmark's own, in `.rowmill/bench/pg`."""
    with contextlib.ExitStack() as stack:
        if dsn is None:
            home = PROJECT / ".rowmill" / "bench" / ("pg" if durable else "pg-quick")
            embedded = EmbeddedServer(
                home, binaries=Settings().pg_bin, durable=durable, settings=SETTINGS if durable else {}
            )
            stack.enter_context(embedded)
            dsn = embedded.dsn()
        server = BenchServer(dsn, await _major(dsn))
        await server.open()
        try:
            yield server
        finally:
            await server.close()


async def _major(dsn: str) -> int:
    async with Database(dsn, "postgres").connect() as connection:
        return connection.get_server_version().major


async def _drop(admin: Connection, name: str) -> None:
    await admin.execute(f"drop database if exists {name} with (force)")


def _parent_of(backend: int) -> int | None:
    """The postmaster, if the server runs on this machine."""
    try:
        stat = (cpu.PROC / str(backend) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[1]) if "(postgres)" in stat else None
