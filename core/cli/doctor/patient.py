"""What the doctor looks at: one session with the database, and how this machine reaches it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from core.db import catalogs
from core.db.connect import Connection
from core.domains import Domain
from core.settings import Settings


@dataclass(frozen=True, slots=True)
class Patient:
    """Questions are the statements `doctor.…` of operate.sql."""

    dsn: str
    settings: Settings
    installed: Sequence[Domain]
    connection: Connection

    async def ask(self, name: str, **values: Any) -> list[asyncpg.Record]:
        return await catalogs.operate()[f"doctor.{name}"].fetch(self.connection, **values)

    async def ask_one(self, name: str, **values: Any) -> asyncpg.Record:
        return (await self.ask(name, **values))[0]
