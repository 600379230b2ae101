"""Makes sheets with plain SQL, as any client would, and looks at what became of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg

from core.db.connect import Connection

TRANSFORM: Final = "spreadsheets.transform"
UPPER: Final = ({"op": "case", "to": "upper"},)
JOIN: Final = ({"op": "join", "separator": " "},)

Steps = Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Sheet:
    """One sheet and its columns by title. Everything is read and written on the session `db`."""

    db: Connection
    id: UUID
    owner_id: UUID
    columns: dict[str, UUID] = field(default_factory=dict)

    async def add(self, *titles: str, visible: bool = True) -> None:
        """Plain columns."""
        for title in titles:
            self.columns[title] = await self.db.fetchval(
                "insert into sheet_columns (spreadsheet_id, position, title, is_visible) values ($1, $2, $3, $4) "
                "returning id",
                self.id,
                len(self.columns) + 1,
                title,
                visible,
            )

    async def derive(self, title: str, inputs: Sequence[str], steps: Steps = UPPER) -> None:
        """A column that fills itself in."""
        await self.add(title)
        await self.configure(title, {"steps": list(steps)})
        for ordinal, name in enumerate(inputs, start=1):
            await self.feed(title, name, ordinal)

    async def configure(self, title: str, config: Mapping[str, Any], db: Connection | None = None) -> None:
        await (db or self.db).execute(
            "update sheet_columns set operator = $2, config = $3 where id = $1",
            self.columns[title],
            TRANSFORM,
            json.dumps(config),
        )

    async def feed(self, title: str, name: str, ordinal: int = 1, db: Connection | None = None) -> None:
        """Makes the column `name` an input of the column `title`."""
        await (db or self.db).execute(
            "insert into column_inputs (column_id, ordinal, input_column_id) values ($1, $2, $3)",
            self.columns[title],
            ordinal,
            self.columns[name],
        )

    async def write(self, title: str, row: int, content: str | None, db: Connection | None = None) -> UUID:
        """A new cell."""
        cell_id: UUID = await (db or self.db).fetchval(
            "insert into cells (spreadsheet_id, column_id, row_number, content) values ($1, $2, $3, $4) returning id",
            self.id,
            self.columns[title],
            row,
            content,
        )
        return cell_id

    async def edit(self, title: str, row: int, content: str | None, db: Connection | None = None) -> None:
        """A plain UPDATE."""
        await (db or self.db).execute(
            "update cells set content = $3 where column_id = $1 and row_number = $2", self.columns[title], row, content
        )

    async def delete(self, title: str, row: int, db: Connection | None = None) -> None:
        await (db or self.db).execute(
            "delete from cells where column_id = $1 and row_number = $2", self.columns[title], row
        )

    async def cell(self, title: str, row: int) -> asyncpg.Record:
        """The cell as a person sees it."""
        query = "select * from sheet_cells where column_id = $1 and row_number = $2"
        return await self.one(query, self.columns[title], row)

    async def one(self, query: str, *values: Any) -> asyncpg.Record:
        """The row of a query that finds one."""
        (row,) = await self.db.fetch(query, *values)
        return row

    async def content(self, title: str, row: int) -> str | None:
        found: str | None = await self.db.fetchval(
            "select content from cells where column_id = $1 and row_number = $2", self.columns[title], row
        )
        return found

    async def contents(self, title: str) -> list[str | None]:
        """The column from the first row that has a cell to the last."""
        rows = await self.db.fetch(
            "select content from cells where column_id = $1 order by row_number", self.columns[title]
        )
        return [row["content"] for row in rows]

    async def edits(self, title: str, row: int) -> list[asyncpg.Record]:
        """The audit of one cell, oldest first."""
        return await self.db.fetch(
            "select * from cell_edit_events where column_id = $1 and row_number = $2 order by created_at, id",
            self.columns[title],
            row,
        )

    async def history(self, title: str, row: int) -> list[tuple[str | None, str | None, str]]:
        """(old, new, edit type) of each audit row."""
        return [(e["old_content"], e["new_content"], e["edit_type"]) for e in await self.edits(title, row)]

    async def enqueued(self) -> list[tuple[str, int]]:
        """The cells that have a live task of their own, as (title, row)."""
        rows = await self.db.fetch(
            "select k.title, c.row_number from task_queue t "
            "join cells c on c.id = (t.payload ->> 'cell_id')::uuid join sheet_columns k on k.id = c.column_id "
            "where t.status in ('pending', 'processing') and t.concurrency_key = 'cell:' || c.id order by 1, 2"
        )
        return [(row["title"], row["row_number"]) for row in rows]

    async def forget_tasks(self) -> None:
        """So that a test sees only what it enqueues itself."""
        await self.db.execute("delete from task_queue")


async def make_sheet(db: Connection, *titles: str) -> Sheet:
    """An empty sheet with these plain columns, and an owner of its own."""
    owner = await db.fetchval("insert into users (email) values ($1) returning id", f"{uuid4()}@rowmill.invalid")
    sheet_id = await db.fetchval("insert into spreadsheets (name, owner_id) values ('Sheet', $1) returning id", owner)
    sheet = Sheet(db, sheet_id, owner)
    await sheet.add(*titles)
    return sheet


async def operate(
    sheet: Sheet, title: str, operator: str, config: Mapping[str, Any], inputs: Sequence[str] = ()
) -> None:
    """A column that some operator fills in, in one transaction, as a client makes it."""
    async with sheet.db.transaction():
        await sheet.add(title)
        await sheet.db.execute(
            "update sheet_columns set operator = $2, config = $3 where id = $1",
            sheet.columns[title],
            operator,
            json.dumps(config, default=str),
        )
        for ordinal, name in enumerate(inputs, start=1):
            await sheet.feed(title, name, ordinal)


async def write_rows(sheet: Sheet, title: str, contents: Sequence[str | None], first: int = 1) -> None:
    """Many new cells in one statement."""
    await sheet.db.execute(
        "insert into cells (spreadsheet_id, column_id, row_number, content) "
        "select $1, $2, $3 + at - 1, content from unnest($4::text[]) with ordinality as e (content, at)",
        sheet.id,
        sheet.columns[title],
        first,
        list(contents),
    )


async def problem(sheet: Sheet, title: str, row: int) -> str | None:
    """The sentence that a cell shows."""
    found: str | None = await sheet.db.fetchval(
        "select formatted_content ->> 'error' from cells where column_id = $1 and row_number = $2",
        sheet.columns[title],
        row,
    )
    return found
