"""A seeded database and plain questions to it: what tests of this domain stand on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.db.connect import Connection
from core.outside import blob_store
from core.settings import PROJECT
from tests.running import until

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


@dataclass(slots=True)
class Inbox:
    """Receives files as the command line does, and waits for what became of them."""

    shelf: Shelf
    received: int = 0

    async def receive(self, *files: tuple[str, bytes | str], ingestion: UUID | None = None, **about: Any) -> UUID:
        """Files into the blob store and the table; returns the ingestion, closed. `about` is what a person says."""
        db = self.shelf.db
        if ingestion is None:
            ingestion = await db.fetchval(
                "insert into report_ingestions (project_id, source) values ($1, 'sql') returning id", self.shelf.team
            )
            self.received += 1
            await db.execute("update report_ingestions set place = $2 where id = $1", ingestion, str(self.received))
        for name, content in files:
            data = content.encode() if isinstance(content, str) else content
            blob = await blob_store().keep(data)
            await db.execute(
                "insert into report_files (project_id, ingestion_id, name, blob_sha256, blob_path, size, about)"
                " values ($1, $2, $3, $4, $5, $6, $7)",
                *(self.shelf.team, ingestion, name, blob.sha256, blob.path, blob.size, json.dumps(about)),
            )
        await db.execute("update report_ingestions set closed_at = now() where id = $1", ingestion)
        return ingestion

    async def take(self, *files: tuple[str, bytes | str], **about: Any) -> dict[str, Any]:
        """The same, waited for: the counts of the ingestion."""
        return await self.ended(await self.receive(*files, **about))

    async def ended(self, ingestion: UUID) -> dict[str, Any]:
        async def look() -> Any:
            return await self.shelf.db.fetchval(
                "select r.counts from generated_reports r join report_ingestions g on g.id = r.ingestion_id"
                " where g.id = $1 and g.ended_at is not null",
                ingestion,
            )

        found: dict[str, Any] = json.loads(await until(look, 60, f"the end of ingestion {ingestion}"))
        return found
