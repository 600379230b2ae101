"""What people ask for: the same effects and audit, once per command_id, refused as a whole, answered truthfully."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from core.db.connect import Connection, Slots
from core.effects import Effect
from core.errors import CommandRefused
from core.queue.commit.commands import Commands
from core.settings import Settings
from tests.committing import tuples
from tests.core.queue.commit.test_foreign_locks import holding
from tests.proxy import Loss, Proxy
from tests.running import SOMEBODY_WAITS, Database, until
from tests.toy.model import AddNote, SetOnce, SetValue

USER = UUID(int=7)


@asynccontextmanager
async def commands_on(dsn: str, connections: int = 2) -> AsyncIterator[Commands]:
    slots = Slots(dsn, Settings.model_validate({}), "command", connections)
    try:
        yield Commands(slots, "tests.toy")
    finally:
        await slots.close()


@pytest.fixture
async def commands(database: Database) -> AsyncIterator[Commands]:
    async with commands_on(database.dsn) as made:
        yield made


async def test_a_command_writes_its_effects_with_its_author_in_the_audit(db: Connection, commands: Commands) -> None:
    await db.execute("insert into toy_rows (id, value) values (1, 'old')")
    command_id = uuid.uuid4()
    assert await commands.apply(command_id, USER, "edit", [SetValue(1, "new"), SetValue(2, "made"), AddNote("n")])
    edits = await tuples(
        db, "select row_id, before, after, task_id, run_no, user_id, command_id from toy_edits order by row_id"
    )
    assert edits == [(1, "old", "new", None, None, USER, command_id), (2, None, "made", None, None, USER, command_id)]
    assert await tuples(db, "select command_id, actor, kind from rowmill.commands") == [(command_id, USER, "edit")]


async def test_the_same_command_twice_is_written_once_and_says_so(db: Connection, commands: Commands) -> None:
    command_id = uuid.uuid4()
    assert await commands.apply(command_id, USER, "edit", [AddNote("n")]) is True
    assert await commands.apply(command_id, USER, "edit", [AddNote("n")]) is False
    assert await db.fetchval("select count(*) from toy_notes") == 1


async def test_the_same_command_at_once_from_two_sides_is_written_once(db: Connection, commands: Commands) -> None:
    command_id = uuid.uuid4()
    tries = [commands.apply(command_id, USER, "edit", [SetValue(1, "n"), AddNote("n")]) for _ in range(4)]
    assert sorted(await asyncio.gather(*tries)) == [False, False, False, True]
    assert await db.fetchval("select count(*) from toy_notes") == 1
    assert await db.fetchval("select count(*) from toy_edits") == 1


async def test_a_row_changed_since_it_was_seen_refuses_the_whole_command(db: Connection, commands: Commands) -> None:
    await db.execute("insert into toy_rows (id, value) values (1, 'a'), (2, 'b')")
    seen = {("toy_rows", row): version for row, version in await tuples(db, "select id, version from toy_rows")}
    await db.execute("update toy_rows set version = nextval('rowmill.version') where id = 2")
    effects: list[Effect] = [SetValue(1, "new"), SetValue(2, "new"), AddNote("n")]
    command_id = uuid.uuid4()
    with pytest.raises(CommandRefused, match=r"changed since .* read"):
        await commands.apply(command_id, USER, "edit", effects, seen=seen)
    assert await tuples(db, "select value from toy_rows order by id") == [("a",), ("b",)]
    assert await db.fetchval("select (select count(*) from toy_notes) + (select count(*) from rowmill.commands)") == 0
    seen = {("toy_rows", row): version for row, version in await tuples(db, "select id, version from toy_rows")}
    assert await commands.apply(command_id, USER, "edit", effects, seen=seen), "the id of a refused command is free"


async def test_a_row_seen_as_absent_must_still_be_absent(db: Connection, commands: Commands) -> None:
    await db.execute("insert into toy_rows (id, value) values (1, 'theirs')")
    with pytest.raises(CommandRefused, match="changed"):
        await commands.apply(uuid.uuid4(), USER, "edit", [SetValue(1, "mine")], seen={("toy_rows", 1): 0})
    assert await commands.apply(uuid.uuid4(), USER, "edit", [SetValue(2, "mine")], seen={("toy_rows", 2): 0})


async def test_a_locked_row_is_a_sentence_and_not_a_wait_without_end(
    database: Database, db: Connection, commands: Commands
) -> None:
    await db.execute("insert into toy_rows (id) values (1)")
    async with holding(database, "select from toy_rows for update"), asyncio.timeout(10):
        with pytest.raises(CommandRefused, match="somebody else is changing these rows right now; try again"):
            await commands.apply(uuid.uuid4(), USER, "edit", [SetValue(1, "mine")])
    assert await commands.apply(uuid.uuid4(), USER, "edit", [SetValue(1, "mine")])


async def test_a_row_that_appears_meanwhile_is_written_all_the_same(
    database: Database, db: Connection, commands: Commands
) -> None:
    async with holding(database, "insert into toy_rows (id, value) values (1, 'theirs')") as session:
        applied = asyncio.create_task(commands.apply(uuid.uuid4(), USER, "edit", [SetValue(1, "mine")]))
        await until(lambda: db.fetchval(SOMEBODY_WAITS))
        await session.execute("commit")
        assert await applied
    assert await tuples(db, "select before, after from toy_edits") == [("theirs", "mine")]


REFUSED: dict[str, tuple[Effect, str]] = {
    "a check": (SetValue(1, "x" * 1000), "toy_rows_short"),
    "a type": (SetValue("one", "x"), "interpreted as an integer"),  # type: ignore[arg-type]
    "a row that is gone": (SetOnce(1, "x"), "its row is gone"),
    "a number": (SetValue(2**70, "x"), "SetValue.row_id is out of range"),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_what_cannot_be_written_is_refused_in_a_sentence(db: Connection, commands: Commands, what: str) -> None:
    effect, message = REFUSED[what]
    with pytest.raises(CommandRefused, match=message):
        await commands.apply(uuid.uuid4(), USER, "edit", [AddNote("n"), effect])
    assert await db.fetchval("select count(*) from toy_notes") == 0


async def test_a_command_whose_reply_is_lost_says_that_it_was_written(database: Database, db: Connection) -> None:
    async with Proxy(database.dsn) as proxy, commands_on(proxy.dsn, connections=1) as commands:
        proxy.orders.append(Loss.REPLY)
        command_id = uuid.uuid4()
        assert await commands.apply(command_id, USER, "edit", [AddNote("n")]) is True
        assert await commands.apply(command_id, USER, "edit", [AddNote("n")]) is False
    assert await db.fetchval("select count(*) from toy_notes") == 1


async def test_a_command_that_never_arrived_says_so_and_may_be_sent_again(database: Database, db: Connection) -> None:
    async with Proxy(database.dsn) as proxy, commands_on(proxy.dsn, connections=1) as commands:
        proxy.orders.append(Loss.REQUEST)
        command_id = uuid.uuid4()
        with pytest.raises(CommandRefused, match="before the command was written; send it again"):
            await commands.apply(command_id, USER, "edit", [AddNote("n")])
        assert await commands.apply(command_id, USER, "edit", [AddNote("n")]) is True
    assert await db.fetchval("select count(*) from toy_notes") == 1


async def test_without_a_database_a_command_is_refused_in_a_sentence(db: Connection, database: Database) -> None:
    async with Proxy(database.dsn) as proxy:
        dsn = proxy.dsn
    async with commands_on(dsn) as commands:
        with pytest.raises(CommandRefused, match="cannot reach the database"):
            await commands.apply(uuid.uuid4(), USER, "edit", [AddNote("n")])
