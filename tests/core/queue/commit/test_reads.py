"""What runs ask of one statement in one turn of the loop goes out as one query; a bad key fails alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.db import connect
from core.db.connect import Connection
from core.registry import operators
from core.settings import Settings
from tests.committing import tuples, worker_of
from tests.running import Database, Workers, all_ended, ended, enqueue, until


async def test_two_hundred_readers_of_one_statement_cost_a_few_queries(
    database: Database, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries: list[str] = []

    async def logged(dsn: str, settings: Settings, name: str) -> Connection:
        connection = await connecting(dsn, settings, name)
        if name == "read":
            connection.add_query_logger(lambda query: queries.append(query.query))
        return connection

    connecting = connect.connect
    monkeypatch.setattr(connect, "connect", logged)
    await db.execute("insert into toy_rows (id, value) select n, 'v' || n from generate_series(1, 200) n")
    async with db.transaction():
        for number in range(1, 201):
            await enqueue(db, "toy.act", {"act": "read_row", "arg": number})
    async with worker_of(database.dsn, replace(operators()["toy.act"], concurrency=200)):
        await all_ended(db)
    assert 1 <= len(queries) <= 5
    notes = dict([note.split(": ") for (note,) in await tuples(db, "select note from toy_notes")])
    assert notes == {f"{number}": f"v{number}" for number in range(1, 201)}


async def test_an_unknown_statement_is_a_plain_sentence(db: Connection, workers: Workers) -> None:
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "read_unknown", "arg": "no_such_read"}, max_attempts=1)
    row = await ended(db, task_id)
    assert row["status"] == "failed"
    assert "no .sql file declares 'no_such_read'; add a `-- name: no_such_read` section" in row["error_message"]


@pytest.mark.parametrize("key", ["text", 2**40], ids=["a text", "too large"])
async def test_a_key_that_cannot_be_asked_for_fails_its_own_task_only(
    db: Connection, workers: Workers, key: object
) -> None:
    await db.execute("insert into toy_rows (id, value) select n, 'v' from generate_series(1, 9) n")
    async with db.transaction():
        good = [await enqueue(db, "toy.act", {"act": "read_row", "arg": number}) for number in range(1, 10)]
        bad = await enqueue(db, "toy.act", {"act": "read_row", "arg": key}, max_attempts=1)
    await workers.start("toy.act")
    rows = [await ended(db, task_id) for task_id in good]
    assert {(row["status"], row["attempts"], row["run_no"]) for row in rows} == {("completed", 1, 1)}
    assert (await ended(db, bad))["status"] == "failed"


async def test_a_read_without_a_database_uses_no_attempt(
    database: Database, db: Connection, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    await db.execute("insert into toy_rows (id, value) values (1, 'v')")
    refusals = [True, True]

    async def refused(dsn: str, settings: Settings, name: str) -> Connection:
        if name == "read" and refusals:
            refusals.pop()
            raise connect.DatabaseUnreachable("cannot reach the database (refused)")
        return await connecting(dsn, settings, name)

    connecting = connect.connect
    monkeypatch.setattr(connect, "connect", refused)
    await workers.start("toy.act")
    task_id = await enqueue(db, "toy.act", {"act": "read_row", "arg": 1})
    returned = "select error_message ~ 'cannot reach' from task_queue where status = 'pending'"
    for _ in range(2):
        await until(lambda: db.fetchval(returned))
        assert await db.fetchval("select attempts from task_queue") == 0
        await db.execute("update task_queue set scheduled_for = clock_timestamp(), error_message = null")
    assert (await ended(db, task_id))["attempts"] == 1
