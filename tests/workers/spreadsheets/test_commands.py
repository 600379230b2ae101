"""A person's edit goes through the same writers as a robot's: once per command, on the versions the person saw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from core.db.connect import Slots
from core.errors import CommandRefused
from core.queue.commit.commands import Command, Commands
from core.settings import Settings
from tests.running import Database, Workers, all_ended, until
from tests.workers.spreadsheets.holding import Hold
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet
from workers.spreadsheets.model import SetCell


@pytest.fixture
async def commands(database: Database) -> AsyncIterator[Commands]:
    slots = Slots(database.dsn, Settings(), "command", 2)
    yield Commands(slots, "workers.spreadsheets")
    await slots.close()


@pytest.fixture
async def cell(sheet: Sheet) -> UUID:
    """A1 = "one", with `Up` made of it; nothing waits."""
    await sheet.derive("Up", ["A"])
    cell_id = await sheet.write("A", 1, "one")
    await sheet.forget_tasks()
    await sheet.db.execute("begin; set local rowmill.retaining = 'on'; delete from cell_edit_events; commit")
    return cell_id


async def test_an_edit_is_audited_with_its_user_and_command(sheet: Sheet, commands: Commands, cell: UUID) -> None:
    command_id = uuid4()
    answer = await commands.apply(Command(command_id, sheet.owner_id, "edit", [SetCell(cell, "two")]))
    assert (answer.written, answer.version(("cells", cell))) == (True, (await sheet.cell("A", 1))["version"])
    (event,) = await sheet.edits("A", 1)
    assert (event["old_content"], event["new_content"], event["edit_type"]) == ("one", "two", "manual")
    assert (event["user_id"], event["command_id"]) == (sheet.owner_id, command_id)
    assert (event["task_id"], event["sql_user"]) == (None, None)


async def test_an_edit_enqueues_what_depends_on_the_cell(sheet: Sheet, commands: Commands, cell: UUID) -> None:
    await commands.apply(Command(uuid4(), sheet.owner_id, "edit", [SetCell(cell, "two")]))
    assert await sheet.enqueued() == [("Up", 1)]


async def test_the_same_command_is_written_once(sheet: Sheet, commands: Commands, cell: UUID) -> None:
    command_id = uuid4()
    edit = Command(command_id, sheet.owner_id, "edit", [SetCell(cell, "two")])
    answers = [await commands.apply(edit) for _ in range(3)]
    assert [answer.written for answer in answers] == [True, False, False]
    with pytest.raises(CommandRefused, match="used for a different change"):
        await commands.apply(replace(edit, effects=[SetCell(cell, "three")]))
    assert await sheet.history("A", 1) == [("one", "two", "manual")]


async def test_the_same_command_sent_twice_at_once_is_written_once(
    sheet: Sheet, commands: Commands, cell: UUID
) -> None:
    command_id = uuid4()
    same = Command(command_id, sheet.owner_id, "edit", [SetCell(cell, "two")])
    answers = await asyncio.gather(commands.apply(same), commands.apply(same))
    assert sorted(answer.written for answer in answers) == [False, True]
    assert await sheet.history("A", 1) == [("one", "two", "manual")]


async def test_a_command_on_a_version_of_before_is_refused_as_a_whole(
    sheet: Sheet, commands: Commands, cell: UUID
) -> None:
    other = await sheet.write("A", 2, "other")
    seen = {("cells", each): (await sheet.cell("A", row))["version"] for row, each in ((1, cell), (2, other))}
    await sheet.edit("A", 1, "changed")
    command_id = uuid4()
    effects = [SetCell(cell, "mine"), SetCell(other, "mine")]
    with pytest.raises(CommandRefused, match=r"^1 row has changed since you read it; read it again$"):
        await commands.apply(Command(command_id, sheet.owner_id, "edit", effects, seen=seen))
    assert await sheet.contents("A") == ["changed", "other"]
    seen["cells", cell] = (await sheet.cell("A", 1))["version"]
    assert (await commands.apply(Command(command_id, sheet.owner_id, "edit", effects, seen=seen))).written


async def test_an_unknown_cell_refuses_the_command_as_a_whole(sheet: Sheet, commands: Commands, cell: UUID) -> None:
    command_id = uuid4()
    with pytest.raises(CommandRefused, match="its row is gone; nothing was written"):
        await commands.apply(
            Command(command_id, sheet.owner_id, "edit", [SetCell(cell, "two"), SetCell(uuid4(), "lost")])
        )
    assert await sheet.contents("A") == ["one"]
    assert await sheet.db.fetchval("select count(*) from rowmill.commands") == 0
    assert await sheet.edits("A", 1) == []


async def test_a_command_that_sets_what_is_there_writes_no_audit_row(
    sheet: Sheet, commands: Commands, cell: UUID
) -> None:
    before = await sheet.cell("A", 1)
    assert (await commands.apply(Command(uuid4(), sheet.owner_id, "edit", [SetCell(cell, "one")]))).written
    assert (await sheet.cell("A", 1))["version"] == before["version"]
    assert await sheet.edits("A", 1) == []
    assert await sheet.enqueued() == []


async def test_two_effects_on_one_cell_are_one_write_with_a_chained_audit(
    sheet: Sheet, commands: Commands, cell: UUID
) -> None:
    await commands.apply(Command(uuid4(), sheet.owner_id, "edit", [SetCell(cell, "two"), SetCell(cell, "three")]))
    assert await sheet.history("A", 1) == [("one", "two", "manual"), ("two", "three", "manual")]
    assert await sheet.content("A", 1) == "three"


async def test_a_locked_cell_refuses_with_a_sentence_after_a_moment(
    sheet: Sheet, commands: Commands, cell: UUID, database: Database
) -> None:
    holder = await database.connect()
    async with holder.transaction():
        await sheet.edit("A", 1, "held", holder)
        with pytest.raises(CommandRefused, match=r"^somebody else is changing .*; try again in a moment$"):
            await commands.apply(Command(uuid4(), sheet.owner_id, "edit", [SetCell(cell, "two")]))
    assert await sheet.content("A", 1) == "held"


async def test_text_that_postgresql_cannot_hold_is_stored_with_a_mark(
    sheet: Sheet, commands: Commands, cell: UUID
) -> None:
    await commands.apply(Command(uuid4(), sheet.owner_id, "edit", [SetCell(cell, "a\x00b\ud800")]))
    assert await sheet.content("A", 1) == "a\ufffdb\ufffd"


async def test_a_person_wins_against_a_decision_that_is_under_way(
    sheet: Sheet, commands: Commands, workers: Workers, hold: Hold
) -> None:
    await sheet.derive("Up", ["A"])
    await sheet.write("A", 1, "old")
    await workers.start(TRANSFORM)
    await hold.reached()
    derived = (await sheet.cell("Up", 1))["id"]
    await commands.apply(Command(uuid4(), sheet.owner_id, "edit", [SetCell(derived, "mine")]))
    hold.release()
    await all_ended(sheet.db)
    assert await sheet.history("Up", 1) == [(None, "mine", "manual")]


async def test_a_persons_edit_of_an_input_supersedes_a_decision_that_is_under_way(
    sheet: Sheet, commands: Commands, workers: Workers, hold: Hold
) -> None:
    await sheet.derive("Up", ["A"])
    cell_id = await sheet.write("A", 1, "old")
    await workers.start(TRANSFORM)
    await hold.reached()
    await commands.apply(Command(uuid4(), sheet.owner_id, "edit", [SetCell(cell_id, "new")]))
    hold.release()
    await until(lambda: sheet.content("Up", 1))
    assert await sheet.history("Up", 1) == [(None, "NEW", "robot")]
