"""Somebody changes a sheet's columns in a transaction that stays open: the other sheets do not notice."""

from __future__ import annotations

from uuid import uuid4

import pytest

from core.db.connect import Connection, Slots
from core.errors import CommandRefused
from core.queue.commit.commands import Command, Commands
from core.settings import Settings
from tests.running import Database, Workers, all_ended, until
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet, make_sheet
from workers.spreadsheets.model import SetCell

ROWS = 40
WAITING = """
select bool_and(status = 'pending' and attempts = 0 and error_message like 'waits for a lock%')
from task_queue where status <> 'completed'
"""
SWITCHED = 'update sheet_columns set config = \'{"steps": [{"op": "case", "to": "lower"}]}\' where id = $1'


async def filled(db: Connection) -> Sheet:
    sheet = await make_sheet(db, "A")
    await sheet.derive("Up", ["A"])
    for row in range(1, ROWS + 1):
        await sheet.write("A", row, f"r{row}")
    return sheet


async def test_commits_of_other_sheets_go_on_and_its_own_wait_without_an_attempt(
    database: Database, db: Connection, workers: Workers
) -> None:
    blocked, free = await filled(db), await filled(db)
    session = await database.connect()
    await session.execute("begin")
    await session.execute(SWITCHED, blocked.columns["Up"])
    worker = await workers.start(TRANSFORM)
    await until(lambda: db.fetchval(WAITING), what="the runs of one sheet to wait, and all others to end")
    assert await free.contents("Up") == [f"R{row}" for row in range(1, ROWS + 1)]
    (pool,) = worker.worker.pools
    assert pool.committer._cap == Settings().batch_tasks, "a batch was halved"
    await session.execute("commit")
    await all_ended(db)
    assert await blocked.contents("Up") == [f"r{row}" for row in range(1, ROWS + 1)]


async def test_a_command_on_a_sheet_whose_columns_are_being_changed_is_refused_at_once(
    database: Database, db: Connection
) -> None:
    sheet = await make_sheet(db, "A")
    await sheet.derive("Up", ["A"])
    cell = await sheet.write("A", 1, "one")
    session = await database.connect()
    await session.execute("begin")
    await session.execute(SWITCHED, sheet.columns["Up"])
    slots = Slots(database.dsn, Settings(), "command", 2)
    commands, edit = (
        Commands(slots, "workers.spreadsheets"),
        Command(uuid4(), sheet.owner_id, "edit", [SetCell(cell, "2")]),
    )
    with pytest.raises(CommandRefused, match="try again in a moment") as refused:
        await commands.apply(edit)
    assert refused.value.why == "busy"
    await session.execute("rollback")
    assert (await commands.apply(edit)).written
    await slots.close()
