"""One look at the queue: what the schema `monitoring` says now. The monitor's rights are enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

from core.db import catalogs
from core.db.connect import Connection


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything that is shown at a time."""

    server: asyncpg.Record
    types: list[asyncpg.Record]
    workers: list[asyncpg.Record]

    @property
    def running(self) -> int:
        return sum(row["processing"] for row in self.types)

    @property
    def waiting(self) -> int:
        """Tasks that wait for a signal."""
        return sum(row["waiting"] for row in self.types)

    @property
    def ended_per_min(self) -> float:
        return float(sum(row["ended_per_min"] for row in self.types))

    @property
    def failed_per_min(self) -> float:
        return float(sum(row["failed_per_min"] for row in self.types))

    def alive(self) -> list[asyncpg.Record]:
        return [row for row in self.workers if row["alive"]]

    def document(self) -> dict[str, Any]:
        return {
            "at": self.server["now"],
            "database": self.server["database"],
            "connections": self.server["connections"],
            "max_connections": self.server["max_connections"],
            "queue_dead_rows": self.server["queue_dead_rows"],
            "running": self.running,
            "waiting": self.waiting,
            "ended_per_min": round(self.ended_per_min, 1),
            "failed_per_min": round(self.failed_per_min, 1),
            "types": [dict(row) for row in self.types],
            "workers": [dict(row) for row in self.workers],
        }


async def look(connection: Connection) -> Frame:
    """Reads one frame."""
    statements = catalogs.operate()
    return Frame(
        (await statements["top.server"].fetch(connection))[0],
        await statements["top.types"].fetch(connection),
        await statements["top.workers"].fetch(connection),
    )
