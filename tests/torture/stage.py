"""Where a scenario plays: a durable server that may be killed, a fresh migrated database, programs that end with it."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

import asyncpg

from core import domains
from core.db.connect import Connection
from core.db.embedded import EmbeddedServer
from core.db.migrate import migrate
from core.settings import Settings
from tests.processes.programs import Programs
from tests.running import until
from tests.torture import checker
from tests.torture.ledger import Ledger

DOMAIN: Final = "tests.torture.domain"
SETTINGS: Final[Mapping[str, str]] = MappingProxyType(
    {"max_connections": "300", "max_wal_size": "4GB", "shared_buffers": "512MB", "autovacuum_naptime": "5s"}
)
BACK_S: Final = 60.0


class Server:
    """A server with data of its own, which dies with -9 and comes back."""

    def __init__(self, place: Path, settings: Mapping[str, str] = SETTINGS) -> None:
        self.place, self._settings = place, settings
        self._embedded = self._made()

    def _made(self) -> EmbeddedServer:
        return EmbeddedServer(self.place, binaries=Settings().pg_bin, explicit=True, settings=self._settings)

    @property
    def pid(self) -> int | None:
        return self._embedded.pid

    def dsn(self, database: str = "postgres") -> str:
        return self._embedded.dsn(database)

    @property
    def data(self) -> Path:
        return self._embedded.data_path

    def start_now(self) -> None:
        self._embedded.start()

    async def start(self) -> None:
        await asyncio.to_thread(self.start_now)

    async def kill(self) -> None:
        """Kill -9 of the postmaster."""
        assert self.pid is not None
        os.kill(self.pid, signal.SIGKILL)

    async def restart(self) -> None:
        """After a kill: crash recovery, until it takes connections."""
        await self.stop()
        self._embedded = self._made()
        await self.start()
        await until(self.answers, BACK_S, "the server's return")

    async def answers(self) -> bool:
        try:
            session = await asyncpg.connect(self.dsn(), timeout=5)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await session.close()
        return True

    def stop_now(self) -> None:
        self._embedded.stop()

    async def stop(self) -> None:
        await asyncio.to_thread(self.stop_now)


class Addressed(Protocol):
    """Whatever databases can be reached at."""

    def dsn(self, database: str = "postgres") -> str: ...


@dataclass
class Ground:
    """One scenario's database, folder, programs and producers' ledgers."""

    server: Addressed
    name: str
    folder: Path
    choose: random.Random
    programs: Programs
    ledgers: list[Ledger] = field(default_factory=list)
    _sessions: list[Connection] = field(default_factory=list)

    @property
    def dsn(self) -> str:
        return self.server.dsn(self.name)

    async def connect(self) -> Connection:
        session = await asyncpg.connect(
            self.dsn, timeout=30, command_timeout=checker.LIMIT_S, server_settings={"application_name": "torture"}
        )
        self._sessions.append(session)
        return session

    def ledger(self) -> Ledger:
        self.ledgers.append(Ledger(self.folder / f"producer-{len(self.ledgers)}.ledger"))
        return self.ledgers[-1]

    async def check(self, lease_s: float = 3.0) -> list[checker.Violation]:
        return await checker.check(self.dsn, self.ledgers, lease_s)

    async def close(self) -> None:
        for session in self._sessions:
            session.terminate()
        await self.programs.close()


class Stage:
    """A server for one run of the suite. Scenarios that break servers make their own with `server()`."""

    def __init__(self, home: Path, main: Server) -> None:
        self.home, self.main = home, main

    @asynccontextmanager
    async def server(self, **settings: str) -> AsyncIterator[Server]:
        """A server of this scenario alone."""
        made = Server(self.home / f"server-{uuid.uuid4().hex[:8]}", {**SETTINGS, **settings})
        await made.start()
        try:
            yield made
        finally:
            await made.stop()
            shutil.rmtree(made.place, ignore_errors=True)

    async def create(self, name: str) -> None:
        """A migrated database on the main server."""
        await _create(self.main, name)

    @asynccontextmanager
    async def ground(
        self, choose: random.Random, server: Server | None = None, *, watched: bool = True
    ) -> AsyncIterator[Ground]:
        """A fresh database. `watched`: every move is written down, which costs a measured rate too much."""
        on = server or self.main
        name = f"torture_{uuid.uuid4().hex[:12]}"
        await _create(on, name)
        folder = Path(tempfile.mkdtemp(prefix="scenario-", dir=self.home))
        ground = Ground(on, name, folder, choose, Programs(folder))
        try:
            if watched:
                await checker.watch(await ground.connect())
            yield ground
        finally:
            await ground.close()
            await _drop(on, name)
            shutil.rmtree(folder, ignore_errors=True)

    @asynccontextmanager
    async def empty_ground(self, choose: random.Random) -> AsyncIterator[Ground]:
        """A database with nothing in it, for queues that are not ours."""
        name = f"torture_{uuid.uuid4().hex[:12]}"
        admin = await asyncpg.connect(self.main.dsn(), timeout=30)
        await admin.execute(f"create database {name} template template0")
        await admin.close()
        folder = Path(tempfile.mkdtemp(prefix="contender-", dir=self.home))
        ground = Ground(self.main, name, folder, choose, Programs(folder))
        try:
            yield ground
        finally:
            await ground.close()
            await _drop(self.main, name)


async def _create(server: Server, name: str) -> None:
    """A clone of a template, which the server's first scenario migrates."""
    admin = await asyncpg.connect(server.dsn(), timeout=30)
    try:
        if not await admin.fetchval("select true from pg_database where datname = 'torture_template'"):
            await admin.execute("create database torture_template")
            await migrate(server.dsn("torture_template"), domains.discover([DOMAIN]))
        await admin.execute(f"create database {name} template torture_template strategy file_copy")
    finally:
        await admin.close()


async def _drop(server: Server, name: str) -> None:
    try:
        admin = await asyncpg.connect(server.dsn(), timeout=10)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return  # a scenario may leave its server dead
    await admin.execute(f"drop database if exists {name} with (force)")
    await admin.close()


@contextmanager
def staged() -> Iterator[Stage]:
    """The stage of one run, in a folder that the server's account can reach; removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="rowmill-torture-"))
    home.chmod(0o755)
    main = Server(home / "main")
    try:
        main.start_now()
        yield Stage(home, main)
    finally:
        main.stop_now()
        shutil.rmtree(home, ignore_errors=True)
