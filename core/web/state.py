"""What the requests of one web process share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from aiohttp import web

from core.db import catalogs
from core.db.statements import Catalog
from core.domains import Domain
from core.people.logins import People
from core.people.passwords import Hashing
from core.settings import Settings
from core.web.limits import Rates, Recognized
from core.web.meters import Meters
from core.web.pool import Pool
from core.web.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Shell:
    """Connections, limits and counters. `hosts` are the names this server answers to, empty = any; `address` is where
    the database is, for a service that needs a session of its own."""

    address: str
    settings: Settings
    domains: Sequence[Domain]
    pool: Pool
    commands: Pool
    rates: Rates
    meters: Meters
    recognized: Recognized = field(default_factory=Recognized)
    hosts: frozenset[str] = frozenset()
    sockets: set[web.WebSocketResponse] = field(default_factory=set)
    snapshot: Snapshot = field(default_factory=Snapshot)
    known_heads: set[frozenset[str]] = field(default_factory=set)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    services: dict[Callable[..., Any], Any] = field(default_factory=dict)
    hashing: Hashing = field(default_factory=Hashing)

    async def read(self, package: str, statement: str, **values: Any) -> list[asyncpg.Record]:
        """The rows of one named statement of a domain, for its services."""
        async with self.pool.acquire() as connection:
            return await catalogs.of_package(package)[statement].fetch(connection, **values)

    def statements(self, package: str) -> Catalog:
        """The named statements of a domain, for its services."""
        return catalogs.of_package(package)

    @property
    def people(self) -> People:
        """Who judges passwords."""
        return People(self.pool.acquire, self.hashing)

    @property
    def packages(self) -> list[str]:
        return [domain.package for domain in self.domains]


SHELL: web.AppKey[Shell] = web.AppKey("shell", Shell)
