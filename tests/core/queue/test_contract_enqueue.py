"""`enqueue_task`: what it refuses and with which code, what it fills in, and that a key has one live task."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.db.connect import Connection
from tests.core.queue.claims import asleep_by_hand, complete
from tests.core.queue.published import DEFAULTS, publish
from tests.running import Database, task_row, until

SCHEMA: dict[str, Any] = {
    "$defs": {"Place": {"type": "object"}, "Level": {"enum": ["low", 1]}},
    "type": "object",
    "required": ["row_id", "place", "level"],
    "properties": {
        "row_id": {"type": "integer"},
        "place": {"$ref": "#/$defs/Place"},
        "level": {"$ref": "#/$defs/Level"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "factor": {"type": "number"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "sure": {"type": ["boolean", "null"]},
    },
}
GOOD: dict[str, Any] = {"row_id": 1, "place": {}, "level": "low"}
ENQUEUE = "select * from enqueue_task('checked', $1)"


@pytest.fixture(autouse=True)
async def _published(db: Connection) -> None:
    await publish(db, "checked", SCHEMA, DEFAULTS | {"priority": 9, "max_attempts": 7})


async def refused(db: Connection, query: str, *values: Any) -> tuple[str | None, str]:
    with pytest.raises(asyncpg.PostgresError) as error:
        await db.fetch(query, *values)
    return error.value.sqlstate, str(error.value)


async def given(db: Connection, payload: Mapping[str, Any]) -> str:
    """What becomes of a payload: its fault, or nothing."""
    try:
        await db.fetch(ENQUEUE, json.dumps(payload))
    except asyncpg.PostgresError as error:
        sentence = str(error).removeprefix("the payload of checked does not fit: ")
        return sentence if error.sqlstate == "RM002" else f"{error.sqlstate}: {sentence}"
    return ""


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task_type", ["nobody.knows", "", "x" * 1000, None])
async def test_an_unknown_type_is_refused_with_rm001(db: Connection, task_type: str | None) -> None:
    sqlstate, message = await refused(db, "select * from enqueue_task($1)", task_type)
    assert sqlstate == "RM001"
    assert len(message) < 250


async def test_a_missing_key_is_refused_by_name_and_type(db: Connection) -> None:
    assert await given(db, {}) == (
        'the key "level" is missing; the key "place" is missing (object); the key "row_id" is missing (integer)'
    )


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("row_id", "secret", "integer"),
        ("row_id", 1.5, "integer"),
        ("row_id", True, "integer"),
        ("row_id", None, "integer"),
        ("place", [1], "object"),
        ("note", 1, "string or null"),
        ("factor", "2", "number"),
        ("tags", {}, "array"),
        ("sure", "yes", "boolean or null"),
    ],
)
async def test_a_wrong_type_is_refused_by_name_and_never_by_value(
    db: Connection, key: str, value: object, expected: str
) -> None:
    assert await given(db, GOOD | {key: value}) == f'the key "{key}" must be {expected}'


@pytest.mark.parametrize(
    "more",
    [{}, {"row_id": 2.0}, {"note": None}, {"note": "x"}, {"level": [1]}, {"factor": 1}, {"sure": None}, {"other": 1}],
)
async def test_what_fits_or_what_the_schema_does_not_say_passes(db: Connection, more: dict[str, Any]) -> None:
    assert await given(db, GOOD | more) == ""


@pytest.mark.parametrize("schema", [None, {}, {"type": "object"}, {"anyOf": [{"type": "object"}]}, {"$ref": "#/odd"}])
async def test_a_schema_without_named_keys_checks_none(db: Connection, schema: dict[str, Any] | None) -> None:
    await publish(db, "checked", schema, DEFAULTS)
    assert await given(db, {"anything": 1}) == ""


async def test_a_schema_that_is_a_reference_is_followed_and_one_that_turns_in_circles_is_left(db: Connection) -> None:
    node = {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#/$defs/Loop"}}}
    defs = {"Node": node, "Loop": {"$ref": "#/$defs/Loop"}}
    await publish(db, "checked", {"$ref": "#/$defs/Node", "$defs": defs}, DEFAULTS)
    assert await given(db, {}) == 'the key "next" is missing'
    assert await given(db, {"next": 1}) == ""


@pytest.mark.parametrize("payload", ["[]", '"secret"', "7", "null"])
async def test_a_payload_that_is_no_object_is_refused_with_rm002(db: Connection, payload: str) -> None:
    sqlstate, message = await refused(db, ENQUEUE, payload)
    assert sqlstate == "RM002"
    assert "must be a JSON object" in message
    assert "secret" not in message


async def test_a_payload_over_the_limit_is_refused_with_rm006_even_where_it_lies_compressed(db: Connection) -> None:
    await publish(db, "checked", None, DEFAULTS)
    small, large = json.dumps({"a": "x" * 65_000}), json.dumps({"a": "x" * 66_000})
    assert len(await db.fetch(ENQUEUE, small)) == 1
    assert (await refused(db, ENQUEUE, large))[0] == "RM006"
    await db.execute("create table compressed (payload jsonb)")
    await db.execute("insert into compressed values ($1)", large)
    assert await db.fetchval("select pg_column_size(payload) from compressed") < 10_000
    query = "select e.* from compressed c, enqueue_task('checked', c.payload) e"
    assert (await refused(db, query))[0] == "RM006"


async def test_a_refusal_leaves_nothing_and_what_a_transaction_takes_back_is_gone(db: Connection) -> None:
    async with db.transaction():
        savepoint = db.transaction()
        await savepoint.start()
        await db.fetch(ENQUEUE, json.dumps(GOOD))
        await savepoint.rollback()
    await refused(db, ENQUEUE, "{}")
    assert await db.fetchval("select count(*) from task_queue") == 0


# --- what is written -------------------------------------------------------------------------------------------------


async def test_null_takes_the_default_of_the_registry(db: Connection) -> None:
    made = await db.fetchrow(ENQUEUE, json.dumps(GOOD))
    assert made is not None
    assert (made["created"], made["duplicate_of"]) == (True, None)
    row = await task_row(db, made["id"])
    assert (row["priority"], row["max_attempts"], row["status"], row["attempts"]) == (9, 7, "pending", 0)
    assert row["scheduled_for"] == row["created_at"]
    assert json.loads(row["payload"]) == GOOD


async def test_a_registry_row_without_defaults_leaves_those_of_the_table(db: Connection) -> None:
    await db.execute("insert into rowmill.task_types (task_type) values ('announced')")
    row = await task_row(db, await db.fetchval("select id from enqueue_task('announced', null)"))
    assert (row["priority"], row["max_attempts"], row["payload"]) == (5, 3, "{}")


async def test_everything_given_is_written(db: Connection) -> None:
    due, workspace = datetime.now(UTC) + timedelta(hours=1), uuid4()
    query = """select id from enqueue_task('checked', $1, priority => 0, scheduled_for => $2, dedupe_key => 'd',
        concurrency_key => 'k', max_attempts => 1, workspace_id => $3)"""
    row = await task_row(db, await db.fetchval(query, json.dumps(GOOD), due, workspace))
    assert (row["priority"], row["scheduled_for"], row["max_attempts"], row["workspace_id"]) == (0, due, 1, workspace)
    assert (row["dedupe_key"], row["concurrency_key"]) == ("d", "k")


async def test_the_task_says_who_logged_in_not_who_owns_the_function(db: Connection, database: Database) -> None:
    role = f"producer_{uuid4().hex}"
    await db.execute(f"create role {role} login")
    try:
        session = await database.connect()
        await session.execute(f"set session authorization {role}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await session.execute("select * from enqueue_task('checked')")
        await db.execute(f"grant rowmill_producer to {role}")
        task_id = await session.fetchval("select id from enqueue_task('checked', $1)", json.dumps(GOOD))
        assert (await task_row(db, task_id))["enqueued_by"] == role
        await session.close()
    finally:
        await db.execute(f"drop role {role}")


async def test_no_name_on_the_callers_search_path_stands_in_for_ours(db: Connection) -> None:
    """SECURITY DEFINER: what the caller puts in front must not be run as the owner."""
    await db.execute(
        "create schema trap; create table trap.task_queue (like task_queue); set search_path = trap, public"
    )
    await db.execute("create function trap.pg_column_size(jsonb) returns int language sql as 'select 1/0'")
    await db.fetch(ENQUEUE, json.dumps(GOOD))
    assert await db.fetchval("select count(*) from public.task_queue") == 1
    pinned = """select proname from pg_proc where pronamespace in ('public'::regnamespace, 'rowmill'::regnamespace)
        and prosecdef and proconfig is null or not 'search_path=pg_catalog, pg_temp' = any (proconfig) and prosecdef"""
    assert await db.fetch(pinned) == []


# --- duplicates ------------------------------------------------------------------------------------------------------

KEYED = "select * from enqueue_task('checked', $1, dedupe_key => 'invoice 7')"


async def test_a_live_duplicate_is_returned_and_an_ended_one_is_none(db: Connection) -> None:
    first = await db.fetchrow(KEYED, json.dumps(GOOD))
    again = await db.fetchrow(KEYED, json.dumps(GOOD))
    assert first is not None
    assert again is not None
    assert tuple(again) == (first["id"], False, first["id"])
    await complete(db, [first["id"]])
    later = await db.fetchrow(KEYED, json.dumps(GOOD))
    assert later is not None
    assert later["created"]


async def blocked(db: Connection, session: Connection) -> None:
    pid = session.get_server_pid()
    await until(lambda: db.fetchval("select cardinality(pg_blocking_pids($1)) > 0", pid), what="waiting for a lock")


@pytest.mark.parametrize("ends", ["commit", "rollback"])
async def test_a_duplicate_waits_for_the_transaction_that_was_first(
    db: Connection, database: Database, ends: str
) -> None:
    one, two = await database.connect(), await database.connect()
    await one.execute("begin")
    first: UUID = (await one.fetch(KEYED, json.dumps(GOOD)))[0]["id"]
    second = asyncio.ensure_future(two.fetch(KEYED, json.dumps(GOOD)))
    await blocked(db, two)
    await one.execute(ends)
    found = (await second)[0]
    assert (found["created"], found["duplicate_of"]) == ((False, first) if ends == "commit" else (True, None))
    assert await db.fetchval("select count(*) from task_queue") == 1


async def test_many_sessions_at_once_make_one_task(db: Connection, database: Database) -> None:
    sessions = [await database.connect() for _ in range(8)]
    rounds = 20
    for _ in range(rounds):
        answers = [rows[0] for rows in await asyncio.gather(*(s.fetch(KEYED, json.dumps(GOOD)) for s in sessions))]
        assert sum(answer["created"] for answer in answers) == 1
        assert len({answer["id"] for answer in answers}) == 1
        await complete(db, [answers[0]["id"]])
    assert await db.fetchval("select count(*) from task_queue") == rounds


async def test_a_duplicate_that_ends_meanwhile_is_followed_by_a_new_task(db: Connection, database: Database) -> None:
    """The sessions complete what they find at once: every answer is a task that was live, and none waits for ever."""
    sessions = [await database.connect() for _ in range(4)]

    async def churn(session: Connection) -> int:
        made = 0
        for _ in range(50):
            answer = (await session.fetch(KEYED, json.dumps(GOOD)))[0]
            made += answer["created"]
            await complete(session, [answer["id"]])
        return made

    made = sum(await asyncio.gather(*(churn(session) for session in sessions)))
    assert await db.fetchval("select count(*) from task_queue") == made


async def test_a_task_through_the_function_rings_like_any_insert(db: Connection, database: Database) -> None:
    await asleep_by_hand(db, "checked")
    heard: asyncio.Queue[str] = asyncio.Queue()
    listening = await database.connect()
    await listening.add_listener("new_task", lambda *bell: heard.put_nowait(str(bell[-1])))
    await db.fetch(ENQUEUE, json.dumps(GOOD))
    assert await asyncio.wait_for(heard.get(), 10) == "checked"
