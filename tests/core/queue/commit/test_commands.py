"""What people ask for: the same effects and audit, once per command_id, refused as a whole, answered truthfully."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from uuid import UUID

import pytest

from core.db.connect import Connection, DatabaseUnreachable, Slots, connect
from core.effects import Effect
from core.errors import CommandRefused
from core.queue.commit.answers import Answer, Ask
from core.queue.commit.commands import TRIES, Command, Commands
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
    effects: list[Effect] = [SetValue(1, "new"), SetValue(2, "made"), AddNote("n")]
    assert (await commands.apply(Command(command_id, USER, "edit", effects))).written
    edits = await tuples(
        db, "select row_id, before, after, task_id, run_no, user_id, command_id from toy_edits order by row_id"
    )
    assert edits == [(1, "old", "new", None, None, USER, command_id), (2, None, "made", None, None, USER, command_id)]
    assert await tuples(db, "select command_id, actor, kind from rowmill.commands") == [(command_id, USER, "edit")]


async def test_the_same_command_twice_is_written_once_and_says_so(db: Connection, commands: Commands) -> None:
    command_id = uuid.uuid4()
    assert (await commands.apply(Command(command_id, USER, "edit", [AddNote("n")]))).written is True
    assert (await commands.apply(Command(command_id, USER, "edit", [AddNote("n")]))).written is False
    assert await db.fetchval("select count(*) from toy_notes") == 1


async def test_the_same_command_at_once_from_two_sides_is_written_once(db: Connection, commands: Commands) -> None:
    command_id = uuid.uuid4()
    tries = [commands.apply(Command(command_id, USER, "edit", [SetValue(1, "n"), AddNote("n")])) for _ in range(4)]
    answers = await asyncio.gather(*tries)
    assert sorted(each.written for each in answers) == [False, False, False, True]
    assert {each.version(("toy_rows", 1)) for each in answers} == {await db.fetchval("select version from toy_rows")}
    assert await db.fetchval("select count(*) from toy_notes") == 1
    assert await db.fetchval("select count(*) from toy_edits") == 1


async def test_a_row_changed_since_it_was_seen_refuses_the_whole_command(db: Connection, commands: Commands) -> None:
    await db.execute("insert into toy_rows (id, value) values (1, 'a'), (2, 'b')")
    seen = {("toy_rows", row): version for row, version in await tuples(db, "select id, version from toy_rows")}
    await db.execute("update toy_rows set version = nextval('rowmill.version') where id = 2")
    effects: list[Effect] = [SetValue(1, "new"), SetValue(2, "new"), AddNote("n")]
    command_id = uuid.uuid4()
    with pytest.raises(CommandRefused, match=r"changed since .* read") as refused:
        await commands.apply(Command(command_id, USER, "edit", effects, seen=seen))
    now = {("toy_rows", 2): await db.fetchval("select version from toy_rows where id = 2")}
    assert (refused.value.why, refused.value.changed) == ("stale", now)
    assert await tuples(db, "select value from toy_rows order by id") == [("a",), ("b",)]
    assert await db.fetchval("select (select count(*) from toy_notes) + (select count(*) from rowmill.commands)") == 0
    seen = {("toy_rows", row): version for row, version in await tuples(db, "select id, version from toy_rows")}
    assert (await commands.apply(Command(command_id, USER, "edit", effects, seen=seen))).written, (
        "the id of a refused command is free"
    )


async def test_a_row_seen_as_absent_must_still_be_absent(db: Connection, commands: Commands) -> None:
    await db.execute("insert into toy_rows (id, value) values (1, 'theirs')")
    with pytest.raises(CommandRefused, match="changed"):
        await commands.apply(Command(uuid.uuid4(), USER, "edit", [SetValue(1, "mine")], seen={("toy_rows", 1): 0}))
    assert (
        await commands.apply(Command(uuid.uuid4(), USER, "edit", [SetValue(2, "mine")], seen={("toy_rows", 2): 0}))
    ).written


async def test_a_locked_row_is_a_sentence_and_not_a_wait_without_end(
    database: Database, db: Connection, commands: Commands
) -> None:
    await db.execute("insert into toy_rows (id) values (1)")
    async with holding(database, "select from toy_rows for update"), asyncio.timeout(10):
        with pytest.raises(CommandRefused, match="somebody else is changing these rows right now; try again"):
            await commands.apply(Command(uuid.uuid4(), USER, "edit", [SetValue(1, "mine")]))
    assert (await commands.apply(Command(uuid.uuid4(), USER, "edit", [SetValue(1, "mine")]))).written


async def test_a_row_that_appears_meanwhile_is_written_all_the_same(
    database: Database, db: Connection, commands: Commands
) -> None:
    async with holding(database, "insert into toy_rows (id, value) values (1, 'theirs')") as session:
        applied = asyncio.create_task(commands.apply(Command(uuid.uuid4(), USER, "edit", [SetValue(1, "mine")])))
        await until(lambda: db.fetchval(SOMEBODY_WAITS))
        await session.execute("commit")
        assert (await applied).written
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
        await commands.apply(Command(uuid.uuid4(), USER, "edit", [AddNote("n"), effect]))
    assert await db.fetchval("select count(*) from toy_notes") == 0


async def test_the_answer_holds_the_version_of_each_row_and_what_was_asked(db: Connection, commands: Commands) -> None:
    await db.execute("insert into toy_rows (id, value) values (1, 'old')")
    effects = [SetValue(1, "new"), SetValue(2, "made")]
    ask = Ask("toy_row", {"row_id": [2, 3]})
    answer = await commands.apply(Command(uuid.uuid4(), USER, "edit", effects, ask=ask))
    versions = dict(await tuples(db, "select id::text, version from toy_rows"))
    assert answer.versions == {"toy_rows": versions}
    assert answer.version(("toy_rows", 2)) == versions["2"]
    made = {"ord": 1, "_target": 2, "_version": versions["2"], "value": "made"}
    assert answer.rows == (made, {"ord": 2, "_target": 3, "_version": 0, "value": None})


async def test_a_replayed_command_answers_what_it_answered_then(db: Connection, commands: Commands) -> None:
    command = Command(uuid.uuid4(), USER, "edit", [SetValue(1, "a"), AddNote("n")], ask=Ask("toy_row", {"row_id": [1]}))
    first = await commands.apply(command)
    await db.execute("update toy_rows set value = 'b', version = nextval('rowmill.version')")
    again = await commands.apply(command)
    assert again == replace(first, written=False)
    assert await db.fetchval("select value from toy_rows") == "b"


async def test_the_content_that_was_asked_for_decides_what_is_the_same(db: Connection, commands: Commands) -> None:
    """What the effects hold beside it, an id made up for a new row, may differ in a second try."""
    command_id, content = uuid.uuid4(), {"note": "n", "at": [1, 2]}
    first = await commands.apply(Command(command_id, USER, "add", [AddNote("n 1")], content=content))
    again = await commands.apply(
        Command(command_id, USER, "add", [AddNote("n 2")], content={"at": [1, 2], "note": "n"})
    )
    assert (first.written, again.written) == (True, False)
    assert await tuples(db, "select note from toy_notes") == [("n 1",)]


SOME_ID, EFFECTS = uuid.uuid4(), (SetValue(1, "x"),)
ORIGINAL = Command(SOME_ID, USER, "edit", EFFECTS, {("toy_rows", 1): 0})
REUSED = {
    "another actor": replace(ORIGINAL, actor=UUID(int=8)),
    "another kind": replace(ORIGINAL, kind="erase"),
    "other effects": replace(ORIGINAL, effects=(SetValue(1, "y"),)),
    "another type of effect": replace(ORIGINAL, effects=(SetOnce(1, "x"),)),
    "more effects": replace(ORIGINAL, effects=(*EFFECTS, AddNote("n"))),
    "other versions": replace(ORIGINAL, seen={("toy_rows", 1): 1}),
    "other content": replace(ORIGINAL, content={"value": "x"}),
}


@pytest.mark.parametrize("how", REUSED)
async def test_an_id_used_for_a_different_change_is_refused(db: Connection, commands: Commands, how: str) -> None:
    assert (await commands.apply(ORIGINAL)).written
    with pytest.raises(CommandRefused, match="was used for a different change; use a new one") as refused:
        await commands.apply(REUSED[how])
    assert refused.value.why == "reused"
    assert await db.fetchval("select count(*) from toy_edits") == 1
    assert not (await commands.apply(ORIGINAL)).written


async def test_a_command_of_before_answers_were_kept_is_known_by_its_actor_and_kind(
    db: Connection, commands: Commands
) -> None:
    await db.execute("insert into rowmill.commands (command_id, actor, kind) values ($1, $2, 'edit')", SOME_ID, USER)
    assert await commands.apply(ORIGINAL) == Answer(written=False)
    with pytest.raises(CommandRefused, match="different change"):
        await commands.apply(replace(ORIGINAL, kind="erase"))


async def test_a_refused_command_keeps_its_connection(database: Database, db: Connection) -> None:
    pids = "select array_agg(pid) from pg_stat_activity where application_name = 'rowmill command'"
    async with commands_on(database.dsn, connections=1) as commands:
        await commands.apply(Command(uuid.uuid4(), USER, "edit", [AddNote("n")]))
        before = await db.fetchval(pids)
        for seen in ({("toy_rows", 1): 5}, {}):
            with pytest.raises(CommandRefused):
                await commands.apply(Command(uuid.uuid4(), USER, "edit", [SetOnce(1, "x")], seen=seen))
        assert await db.fetchval(pids) == before
    assert await db.fetchval("select count(*) from rowmill.commands") == 1


@pytest.mark.parametrize("loss", [Loss.REPLY, Loss.REQUEST, Loss.LIMBO], ids=lambda loss: loss.name)
async def test_a_command_whose_commit_is_unknown_is_written_once_and_answered(
    database: Database, db: Connection, loss: Loss
) -> None:
    command = Command(uuid.uuid4(), USER, "edit", [SetValue(1, "x"), AddNote("n")])
    async with Proxy(database.dsn) as proxy, commands_on(proxy.dsn, connections=1) as commands:
        proxy.orders.append(loss)
        answer = await commands.apply(command)
        assert not proxy.orders
        assert answer.written
        assert answer.versions == {"toy_rows": {"1": await db.fetchval("select version from toy_rows")}}
        assert await commands.apply(command) == replace(answer, written=False)
    assert await tuples(db, "select note from toy_notes") == [("n",)]
    assert await db.fetchval("select count(*) from toy_edits") == 1


async def test_a_command_that_stays_unknown_says_so_and_may_be_sent_again(database: Database, db: Connection) -> None:
    command = Command(uuid.uuid4(), USER, "edit", [AddNote("n")])
    async with Proxy(database.dsn) as proxy, commands_on(proxy.dsn, connections=1) as commands:
        proxy.orders += [Loss.REQUEST] * TRIES
        with pytest.raises(CommandRefused, match="not known whether this was written; send it again") as refused:
            await commands.apply(command)
        assert refused.value.why == "unknown"
        assert (await commands.apply(command)).written
    assert await db.fetchval("select count(*) from toy_notes") == 1


async def test_a_command_whose_database_is_gone_after_a_lost_commit_is_unknown(
    database: Database, db: Connection
) -> None:
    command = Command(uuid.uuid4(), USER, "edit", [AddNote("n")])
    async with Proxy(database.dsn) as proxy, commands_on(proxy.dsn, connections=1) as commands:
        proxy.orders.append(Loss.REPLY)
        slots, connects = commands._slots, 0

        async def once() -> Connection:
            nonlocal connects
            connects += 1
            if connects > 1:
                raise DatabaseUnreachable("cannot reach the database")
            return await connect(proxy.dsn, Settings.model_validate({}), "command")

        slots.acquire = _opening(once)  # type: ignore[method-assign, assignment]
        with pytest.raises(CommandRefused, match="not known whether"):
            await commands.apply(command)
    assert await db.fetchval("select count(*) from toy_notes") == 1


def _opening(make: Callable[[], Awaitable[Connection]]) -> Callable[[], AbstractAsyncContextManager[Connection]]:
    @asynccontextmanager
    async def acquire() -> AsyncIterator[Connection]:
        connection = await make()
        try:
            yield connection
        finally:
            connection.terminate()

    return acquire


async def test_without_a_database_a_command_is_refused_in_a_sentence(db: Connection, database: Database) -> None:
    async with Proxy(database.dsn) as proxy:
        dsn = proxy.dsn
    async with commands_on(dsn) as commands:
        with pytest.raises(CommandRefused, match="cannot reach the database") as refused:
            await commands.apply(Command(uuid.uuid4(), USER, "edit", [AddNote("n")]))
    assert refused.value.why == "unreachable"
