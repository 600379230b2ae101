"""sql/compat/websurfing.sql: code written for the first specification's names works, and no right grows by it."""

from __future__ import annotations

import asyncio
import re

import asyncpg
import pytest

from core.db.connect import Connection
from core.settings import PROJECT
from tests.logins import MakeLogin
from tests.running import Database, Workers, all_ended
from tests.workers.spreadsheets.sheets import make_sheet

VIEWS = (PROJECT / "sql" / "compat" / "websurfing.sql").read_text(encoding="utf-8")
CONTRACT = (PROJECT / "docs" / "sql-contract.md").read_text(encoding="utf-8")
INSERT = "insert into websurfing_task_queue (task_type, payload) values ($1, $2) returning id"


@pytest.fixture(autouse=True)
async def _compatible(db: Connection) -> None:
    for _ in range(2):  # it may be run again
        await db.execute(VIEWS)


async def test_an_insert_through_the_old_name_is_a_task_and_rings(db: Connection, database: Database) -> None:
    listening, heard = await database.connect(), asyncio.Event()
    await listening.add_listener("new_task", lambda *bell: heard.set() if bell[3] == "toy.set" else None)
    await db.fetchval("select arm_bell('toy.set', now() + interval '1 minute')")
    await db.execute("insert into websurfing_task_queue (task_type, payload) values ('toy.set', '{}')")
    async with asyncio.timeout(10):
        await heard.wait()
    row = await db.fetchrow("select status, priority, run_no, enqueued_by from task_queue")
    assert row is not None
    assert tuple(row) == ("pending", 5, 0, "postgres")


async def test_a_worker_does_what_came_in_by_the_old_name(db: Connection, workers: Workers) -> None:
    await workers.start("toy.set")
    task_id = await db.fetchval(INSERT, "toy.set", '{"row_id": 1, "value": "old"}')
    await all_ended(db)
    assert await db.fetchval("select status from websurfing_task_queue where id = $1", task_id) == "completed"
    run = "select success, operator_type from websurfing_robot_input_event where task_id = $1"
    assert [tuple(row) for row in await db.fetch(run, task_id)] == [(True, "toy.set")]


async def test_a_producer_may_no_more_by_the_old_name_than_by_the_new(login: MakeLogin) -> None:
    session = await asyncpg.connect((await login("rowmill_producer")).dsn)
    try:
        await session.execute(INSERT.removesuffix(" returning id"), "toy.set", "{}")
        own = await session.fetch("select task_type, status from task_queue")
        assert [tuple(row) for row in own] == [("toy.set", "pending")]
        for statement in (
            "select id from websurfing_task_queue",
            "update websurfing_task_queue set status = 'completed'",
            "delete from websurfing_task_queue",
            "insert into websurfing_task_queue (task_type, payload, status) values ('toy.set', '{}', 'completed')",
            "select * from websurfing_cell",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await session.execute(statement)
    finally:
        await session.close()


async def test_sheets_are_written_and_their_history_is_read_by_the_old_names(db: Connection) -> None:
    sheet = await make_sheet(db, "A")
    await sheet.derive("Up", ["A"])
    cell = "insert into websurfing_cell (spreadsheet_id, column_id, row_number, content) values ($1, $2, 1, 'a')"
    await db.execute(cell, sheet.id, sheet.columns["A"])
    await db.execute("update websurfing_cell set content = 'b' where column_id = $1", sheet.columns["A"])
    await db.execute("update websurfing_column set title = 'First' where id = $1", sheet.columns["A"])
    await db.execute("update websurfing_spreadsheet set name = 'Old' where id = $1", sheet.id)
    events = "select user_id, old_content, new_content, edit_type from websurfing_cell_edit_event order by id"
    assert [tuple(row) for row in await db.fetch(events)] == [
        ("postgres", None, "a", "sql"),
        ("postgres", "a", "b", "sql"),
    ]
    assert await db.fetchval("select count(*) from task_queue") == 2  # what depends on the cell, both times
    with pytest.raises(asyncpg.PostgresError):
        await db.execute("delete from websurfing_cell_edit_event")


async def test_every_view_runs_with_the_callers_rights_and_stands_in_the_contract(db: Connection) -> None:
    views = await db.fetch(
        "select relname, reloptions from pg_class where relkind = 'v' and relname ~ '^websurfing_' order by 1"
    )
    assert len(views) == 6
    for row in views:
        assert row["reloptions"] == ["security_invoker=true"], row["relname"]
        assert re.search(rf"^\| `{row['relname']}` \| ", CONTRACT, re.MULTILINE), row["relname"]
