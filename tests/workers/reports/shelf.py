"""A seeded database and plain questions to it: what tests of this domain stand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.db.connect import Connection
from core.settings import PROJECT

SEED = (PROJECT / "workers" / "reports" / "seed.sql").read_text(encoding="utf-8")


@dataclass(slots=True)
class Shelf:
    """The team `rocks`, and everything on the session `db`."""

    db: Connection
    team: UUID

    async def count(self, table: str, where: str = "true") -> int:
        return int(await self.db.fetchval(f"select count(*) from {table} where {where}"))

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.db.fetch(query, *values)]

    async def team_id(self, name: str) -> UUID:
        found: UUID = await self.db.fetchval("select id from teams where name = $1", name)
        return found

    async def report(self, author: str = "Ann", day: str = "2026-01-15", content: str = "- a") -> UUID:
        """A daily report by plain SQL, as D2's own queries write it."""
        made: UUID = await self.db.fetchval(
            "insert into daily_reports (project_id, author_name, report_date, content)"
            " values ($1, $2, $3::text::date, $4) returning id",
            self.team,
            author,
            day,
            content,
        )
        return made


async def make_shelf(db: Connection) -> Shelf:
    await db.execute(SEED)
    shelf = Shelf(db, UUID(int=0))
    shelf.team = await shelf.team_id("rocks")
    return shelf
