"""A storm of edits from all sides: afterwards the derived cells are right and the audit replays to the cells."""

from __future__ import annotations

import asyncio
import random
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.db.connect import Connection, Slots
from core.errors import CommandRefused
from core.queue.commit.commands import Command, Commands
from core.settings import Settings
from tests.running import Database, Workers, all_ended, enqueue
from tests.workers.spreadsheets.sheets import JOIN, TRANSFORM, Sheet, make_sheet
from workers.spreadsheets.model import SetCell

ROWS = 6
EDITS = 40  # of each author
INPUTS = ("A", "B", "C")


def expected(a: str | None, b: str | None, c: str | None) -> dict[str, str | None]:
    """The derived cells by plain code."""
    up = a.upper() if a else None
    pair = " ".join(part for part in (up, b) if part) or None
    return {"Up": up, "Pair": pair, "All": " ".join(part for part in (pair, c, up) if part) or None}


async def stormy_sheet(db: Connection) -> Sheet:
    sheet = await make_sheet(db, *INPUTS)
    await sheet.derive("Up", ["A"])
    await sheet.derive("Pair", ["Up", "B"], JOIN)
    await sheet.derive("All", ["Pair", "C", "Up"], JOIN)
    for title in INPUTS:
        for row in range(1, ROWS + 1):
            await sheet.write(title, row, f"{title}{row}".lower())
    return sheet


class Author:
    """One session with its own dice."""

    def __init__(self, sheet: Sheet, db: Connection, seed: str) -> None:
        self.sheet, self.db, self.dice = sheet, db, random.Random(seed)

    def place(self) -> tuple[str, int]:
        return self.dice.choice(INPUTS), self.dice.randint(1, ROWS)

    def word(self) -> str | None:
        return self.dice.choice([None, "x", "y", f"w{self.dice.randint(0, 99)}"])

    async def by_sql(self) -> None:
        """Transactions of one to three statements; some are rolled back, some meet a deadlock."""
        for _ in range(EDITS):
            transaction = self.db.transaction()
            await transaction.start()
            try:
                for _ in range(self.dice.randint(1, 3)):
                    await self._statement()
            except (asyncpg.DeadlockDetectedError, asyncpg.UniqueViolationError):
                await transaction.rollback()
                continue
            await (transaction.rollback() if self.dice.random() < 0.15 else transaction.commit())

    async def _statement(self) -> None:
        title, row = self.place()
        roll = self.dice.random()
        if roll < 0.15:
            await self.sheet.delete(title, row, self.db)
        elif await self.db.fetchval(
            "select true from cells where column_id = $1 and row_number = $2", self.sheet.columns[title], row
        ):
            await self.sheet.edit(title, row, self.word(), self.db)
        else:
            await self.sheet.write(title, row, self.word(), self.db)

    async def by_command(self, commands: Commands) -> None:
        """Inputs and derived cells; what is refused is refused."""
        for _ in range(EDITS):
            cells = await self.db.fetch(
                "select id, version from cells where column_id = any ($1::uuid[])",
                [self.sheet.columns[title] for title in INPUTS],
            )
            effects = [SetCell(cell["id"], self.word()) for cell in self.dice.sample(cells, min(2, len(cells)))]
            try:
                await commands.apply(Command(uuid4(), self.sheet.owner_id, "edit", effects))
            except CommandRefused as refused:
                assert "gone" in str(refused) or "try again" in str(refused)  # noqa: PT017 - either is right

    async def by_task(self) -> None:
        """Recalculations that nobody needs, without a key: they hand over to keyed ones."""
        for _ in range(EDITS):
            derived = await self.db.fetch("select id from sheet_cells where title = any ('{Up,Pair,All}')")
            if derived:
                await enqueue(self.db, TRANSFORM, {"cell_id": str(self.dice.choice(derived)["id"])})


async def replay(sheet: Sheet) -> tuple[dict[tuple[UUID, int], str | None], int]:
    """What the audit says each place holds, and how many of its rows do not go on where the one before ended."""
    value: dict[tuple[UUID, int], str | None] = {}
    broken = 0
    for event in await sheet.db.fetch("select * from cell_edit_events order by created_at, id"):
        place = event["column_id"], event["row_number"]
        broken += value.get(place) != event["old_content"]
        value[place] = event["new_content"]
    return value, broken


@pytest.mark.parametrize("seed", [1, 2])
async def test_after_a_storm_the_cells_are_right_and_the_audit_replays_to_them(
    db: Connection, database: Database, workers: Workers, seed: int
) -> None:
    sheet = await stormy_sheet(db)
    for _ in range(2):
        await workers.start(TRANSFORM)
    slots = Slots(database.dsn, Settings(), "command", 2)
    authors = [Author(sheet, await database.connect(), f"{seed} {number}") for number in range(5)]
    async with asyncio.TaskGroup() as storm:
        for author in authors[:3]:
            storm.create_task(author.by_sql())
        storm.create_task(authors[3].by_command(Commands(slots, "workers.spreadsheets")))
        storm.create_task(authors[4].by_task())
    await slots.close()
    await all_ended(db)

    cells = {(c["title"], c["row_number"]): c for c in await db.fetch("select * from sheet_cells")}
    for row in range(1, ROWS + 1):
        inputs = [cell["content"] if (cell := cells.get((title, row))) else None for title in INPUTS]
        for title, content in expected(*inputs).items():
            assert (row, title, cells[title, row]["content"]) == (row, title, content)

    held, broken = await replay(sheet)
    assert broken == 0
    now = {(cell["column_id"], cell["row_number"]): cell["content"] for cell in cells.values()}
    assert {place: content for place, content in held.items() if content is not None} == {
        place: content for place, content in now.items() if content is not None
    }


async def test_no_robot_writes_a_cell_twice_for_one_task_in_a_storm(
    db: Connection, database: Database, workers: Workers
) -> None:
    sheet = await stormy_sheet(db)
    await workers.start(TRANSFORM)
    authors = [Author(sheet, await database.connect(), str(number)) for number in range(2)]
    await asyncio.gather(authors[0].by_sql(), authors[1].by_task())
    await all_ended(db)
    twice = (
        "select count(*) from cell_edit_events where task_id is not null group by cell_id, task_id having count(*) > 1"
    )
    assert await db.fetch(twice) == []
    assert await db.fetchval("select count(*) from task_queue where status <> 'completed'") == 0
