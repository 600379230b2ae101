"""Plain SQL is the producer's interface: every way to insert a row, and what the table refuses."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest

from core.db.connect import Connection
from tests.core.queue.bells import Bells
from tests.core.queue.claims import asleep_by_hand, claim
from tests.core.queue.sleepers import wait_asleep
from tests.running import Database, Workers, all_ended, ended, enqueue

ALL_COLUMNS = (
    "id, task_type, payload, status, priority, attempts, max_attempts, scheduled_for, started_at, completed_at, "
    "failed_at, error_message, worker_id, created_at, updated_at, run_no, crashes, dedupe_key, concurrency_key, "
    "leader_id, cancel_asked_at, workspace_id, parent_id, enqueued_by, output"
)


async def test_two_columns_are_enough(db: Connection) -> None:
    await db.execute("insert into task_queue (task_type, payload) values ('toy.note', '{\"note\": \"x\"}')")
    row = await db.fetchrow("select * from task_queue")
    assert row is not None
    told = {name: row[name] for name in ("status", "priority", "attempts", "max_attempts", "run_no", "enqueued_by")}
    assert told == {
        "status": "pending",
        "priority": 5,
        "attempts": 0,
        "max_attempts": 3,
        "run_no": 0,
        "enqueued_by": "postgres",
    }


async def test_an_insert_that_names_all_columns_with_default_works(db: Connection, workers: Workers) -> None:
    columns = await db.fetch(
        "select attname from pg_attribute where attrelid = 'task_queue'::regclass and attnum > 0 and not attisdropped"
    )
    assert {row["attname"] for row in columns} == set(ALL_COLUMNS.split(", "))
    values = ["default"] * len(columns)
    values[1:3] = ["'toy.note'", '\'{"note": "orm"}\'']
    await workers.start("toy.note")
    task_id: UUID = await db.fetchval(
        f"insert into task_queue ({ALL_COLUMNS}) values ({', '.join(values)}) returning id"
    )
    assert (await ended(db, task_id))["status"] == "completed"


async def test_copy_rings_and_runs(db: Connection, workers: Workers) -> None:
    await workers.start("toy.note", poll_s=0)
    rows = [("toy.note", f'{{"note": "copied {number}"}}') for number in range(300)]
    await db.copy_records_to_table("task_queue", records=rows, columns=["task_type", "payload"])
    await all_ended(db)
    assert await db.fetchval("select count(distinct note) from toy_notes") == 300


async def test_insert_select_of_many_rings_once_and_runs(db: Connection, workers: Workers, bells: Bells) -> None:
    await wait_asleep(await workers.start("toy.note", poll_s=0))
    async with db.transaction():
        await db.execute(
            """insert into task_queue (task_type, payload)
               select 'toy.note', jsonb_build_object('note', n::text) from generate_series(1, 3000) n"""
        )
    assert await bells.heard() == ["toy.note"]
    await all_ended(db)
    assert await db.fetchval("select count(distinct note) from toy_notes") == 3000


async def test_a_rolled_back_task_was_never_there(database: Database, db: Connection, bells: Bells) -> None:
    await asleep_by_hand(db, "toy.note")
    producer = await database.connect()
    await producer.execute("begin")
    await enqueue(producer, "toy.note", {"note": "never"})
    assert await claim(db, "toy.note") == []
    await producer.execute("rollback")
    assert await claim(db, "toy.note") == []
    assert await bells.heard() == []


async def test_a_live_duplicate_by_dedupe_key_is_refused(db: Connection) -> None:
    first = await enqueue(db, "toy.note", {"note": "1"}, dedupe_key="invoice 7")
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await enqueue(db, "toy.note", {"note": "2"}, dedupe_key="invoice 7")
    assert refused.value.sqlstate == "23505"
    await claim(db, "toy.note")
    with pytest.raises(asyncpg.UniqueViolationError):
        await enqueue(db, "toy.note", {"note": "while it runs"}, dedupe_key="invoice 7")
    await enqueue(db, "toy.act", {"act": "x"}, dedupe_key="invoice 7")
    await db.execute("update task_queue set status = 'completed' where id = $1", first)
    await enqueue(db, "toy.note", {"note": "3"}, dedupe_key="invoice 7")


async def test_on_conflict_do_nothing_needs_no_target(db: Connection) -> None:
    insert = """insert into task_queue (task_type, payload, dedupe_key) values ('toy.note', '{"note": "once"}', 'once')
                on conflict do nothing"""
    assert [await db.execute(insert), await db.execute(insert)] == ["INSERT 0 1", "INSERT 0 0"]


NEVER_CLAIMABLE = (
    ("payload", "'[1]'"),
    ("payload", "'\"text\"'"),
    ("payload", "'null'"),
    ("payload", "null"),
    ("payload", "jsonb_build_object('x', (select string_agg(md5(n::text), '') from generate_series(1, 5000) n))"),
    ("status", "'done'"),
    ("status", "null"),
    ("priority", "-1"),
    ("priority", "101"),
    ("priority", "null"),
    ("scheduled_for", "'infinity'"),
    ("scheduled_for", "'-infinity'"),
    ("scheduled_for", "null"),
    ("task_type", "null"),
    ("task_type", "repeat('x', 101)"),
    ("attempts", "null"),
    ("max_attempts", "null"),
    ("run_no", "null"),
    ("crashes", "null"),
)


async def test_rows_that_could_never_be_claimed_are_refused(db: Connection) -> None:
    accepted = []
    for column, value in NEVER_CLAIMABLE:
        columns = {"task_type": "'toy.note'", "payload": "'{}'", column: value}
        try:
            await db.execute(f"insert into task_queue ({', '.join(columns)}) values ({', '.join(columns.values())})")
        except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError):
            continue
        accepted.append((column, value))
    assert accepted == []


async def test_a_producer_of_two_phases_is_quiet_and_its_task_runs(
    database: Database, db: Connection, workers: Workers
) -> None:
    if await db.fetchval("show max_prepared_transactions") == "0":
        pytest.skip("the running test server was started without prepared transactions")
    await asleep_by_hand(db, "toy.note")
    producer, name = await database.connect(), database.name
    await producer.execute("begin")
    await enqueue(producer, "toy.note", {"note": "rings"})
    try:
        with pytest.raises(asyncpg.FeatureNotSupportedError):
            await producer.execute(f"prepare transaction '{name}'")
        await producer.execute("begin; set local rowmill.quiet = on")
        task_id = await enqueue(producer, "toy.note", {"note": "prepared"})
        await producer.execute(f"prepare transaction '{name}'")
        await producer.execute(f"commit prepared '{name}'")
    except BaseException:
        await producer.execute(f"rollback prepared '{name}'")  # it would hold every pool of the server awake
        raise
    await workers.start("toy.note", poll_s=0.2)
    assert (await ended(db, task_id))["status"] == "completed"


async def test_thousands_of_task_types_in_one_insert_cost_nothing(db: Connection, bells: Bells) -> None:
    """The trigger joins from the gate's side: time grows with the rows, not with rows times types."""
    for listener in range(20):
        await asleep_by_hand(db, "toy.note", listener=f"listener {listener}")
    loop = asyncio.get_running_loop()

    async def timed(types: str) -> float:
        begin = loop.time()
        await db.execute(f"insert into task_queue (task_type) select {types} from generate_series(1, 5000) n")
        return loop.time() - begin

    await timed("'another type'")
    one = min([await timed("'another type'") for _ in range(3)])
    many = min([await timed("'hostile ' || n") for _ in range(3)])
    assert many < 3 * one + 0.05
    assert await bells.heard() == []
