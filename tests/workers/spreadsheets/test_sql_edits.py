"""Plain SQL on `cells` behaves like an edit: audited with its author, and what depends on it is enqueued."""

from __future__ import annotations

import json
import time
from itertools import pairwise

import pytest

from core.db.connect import Connection
from core.db.workspace import DEFAULT_WORKSPACE
from tests.running import Database
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet


@pytest.fixture
async def derived(sheet: Sheet) -> Sheet:
    """`Up` is made of A, which has one cell; nothing is waiting, nothing is audited."""
    await sheet.derive("Up", ["A"])
    await sheet.write("A", 1, "one")
    await sheet.forget_tasks()
    await sheet.db.execute("begin; set local rowmill.retaining = 'on'; delete from cell_edit_events; commit")
    return sheet


# --- audit -----------------------------------------------------------------------------------------------------------


async def test_a_plain_update_is_audited_with_the_session_user(derived: Sheet, database: Database) -> None:
    clerk = await database.connect()
    await derived.db.execute("grant usage on schema rowmill to pg_write_all_data")
    await derived.db.execute("grant usage on sequence rowmill.version to pg_write_all_data")
    await derived.db.execute("grant select on cells, spreadsheets to pg_write_all_data")
    await clerk.execute("set session authorization pg_write_all_data")
    await clerk.execute(f"set app.workspace_id = '{DEFAULT_WORKSPACE}'")
    await derived.edit("A", 1, "two", clerk)
    (event,) = await derived.edits("A", 1)
    assert (event["old_content"], event["new_content"], event["edit_type"]) == ("one", "two", "sql")
    assert event["sql_user"] == "pg_write_all_data"
    assert (event["user_id"], event["task_id"], event["command_id"]) == (None, None, None)
    assert (event["spreadsheet_id"], event["column_id"]) == (derived.id, derived.columns["A"])


async def test_inserts_and_deletes_are_audited_as_edits_from_and_to_nothing(derived: Sheet) -> None:
    await derived.write("B", 3, "new")
    await derived.delete("B", 3)
    assert await derived.history("B", 3) == [(None, "new", "sql"), ("new", None, "sql")]


async def test_empty_cells_come_and_go_without_an_audit_row(derived: Sheet) -> None:
    await derived.write("B", 3, None)
    await derived.delete("B", 3)
    assert await derived.history("B", 3) == []


async def test_one_statement_on_many_rows_is_audited_row_by_row(derived: Sheet) -> None:
    for row in (2, 3):
        await derived.write("A", row, "one")
    await derived.forget_tasks()
    await derived.db.execute("update cells set content = 'all' where column_id = $1", derived.columns["A"])
    assert [(await derived.history("A", row))[-1] for row in (1, 2, 3)] == [("one", "all", "sql")] * 3
    assert await derived.enqueued() == [("Up", 1), ("Up", 2), ("Up", 3)]


async def test_many_rows_cost_the_same_behind_an_edit_of_one_as_in_a_new_session(
    derived: Sheet, database: Database
) -> None:
    """A plan that a statement of one row has left would compare each of the many with each."""
    await derived.write("B", 1, "one")
    await derived.db.execute(
        "insert into cells (spreadsheet_id, column_id, row_number, content) select $1, $2, n, 'x' "
        "from generate_series(2, 6000) n",
        derived.id,
        derived.columns["B"],
    )
    took_s = {}
    for session in ("behind an edit", "new"):
        connection = await database.connect()
        if session == "behind an edit":
            await derived.edit("B", 1, "two", connection)
        begun = time.perf_counter()
        await connection.execute("update cells set content = $2 where column_id = $1", derived.columns["B"], session)
        took_s[session] = time.perf_counter() - begun
    assert took_s["behind an edit"] < 4 * took_s["new"]
    assert len(await derived.edits("B", 6000)) == 3


async def test_an_update_of_other_columns_is_no_edit(derived: Sheet) -> None:
    before = await derived.cell("A", 1)
    await derived.db.execute("update cells set cell_type = 'number', updated_at = now()")
    await derived.edit("A", 1, "one")
    assert (await derived.cell("A", 1))["version"] == before["version"]
    assert await derived.edits("A", 1) == []
    assert await derived.enqueued() == []


async def test_a_transaction_that_is_rolled_back_leaves_nothing(derived: Sheet) -> None:
    before = await derived.cell("A", 1)
    transaction = derived.db.transaction()
    await transaction.start()
    await derived.edit("A", 1, "two")
    await derived.write("A", 2, "two")
    await derived.delete("A", 1)
    assert await derived.enqueued() == [("Up", 1), ("Up", 1), ("Up", 2)]
    await transaction.rollback()
    assert await derived.cell("A", 1) == before
    assert await derived.db.fetchval("select count(*) from cell_edit_events") == 0
    assert await derived.db.fetchval("select count(*) from task_queue") == 0
    assert await derived.contents("A") == ["one"]


# --- versions and what is shown --------------------------------------------------------------------------------------


async def test_a_version_changes_exactly_when_the_content_does(derived: Sheet) -> None:
    versions = [(await derived.cell("A", 1))["version"]]
    for content in ("two", "two", None, None, "one"):
        await derived.edit("A", 1, content)
        versions.append((await derived.cell("A", 1))["version"])
    assert [later > earlier for earlier, later in pairwise(versions)] == [
        *(True, False),  # two, two
        *(True, False),  # nothing, nothing
        True,
    ]


async def test_an_edit_drops_what_was_shown_for_the_old_content(derived: Sheet) -> None:
    await derived.db.execute("""update cells set formatted_content = '{"error": "x"}', cell_type = 'error'""")
    assert (await derived.cell("A", 1))["state"] == "error"
    await derived.edit("A", 1, "two")
    cell = await derived.cell("A", 1)
    assert (cell["formatted_content"], cell["cell_type"], cell["state"]) == (None, "text", "ok")


async def test_an_edit_that_brings_what_is_shown_keeps_it(derived: Sheet) -> None:
    await derived.db.execute(
        """update cells set content = '2', formatted_content = '{"value": "2.00"}', cell_type = 'number' """
        "where column_id = $1",
        derived.columns["A"],
    )
    cell = await derived.cell("A", 1)
    assert (json.loads(cell["formatted_content"]), cell["cell_type"]) == ({"value": "2.00"}, "number")


# --- what depends on a cell ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["update", "insert", "delete"])
async def test_what_depends_on_a_cell_is_enqueued_in_the_same_transaction(
    derived: Sheet, db: Connection, database: Database, change: str
) -> None:
    other = await database.connect()
    seen_outside = "select count(*) from task_queue"
    async with db.transaction():
        if change == "update":
            await derived.edit("A", 1, "two")
        elif change == "insert":
            await derived.write("A", 2, "two")
        else:
            await derived.delete("A", 1)
        assert await other.fetchval(seen_outside) == 0
    assert await other.fetchval(seen_outside) == 1
    assert await derived.enqueued() == [("Up", 2 if change == "insert" else 1)]


async def test_a_task_of_a_cell_names_it_and_carries_its_key_and_workspace(derived: Sheet) -> None:
    await derived.edit("A", 1, "two")
    task = await derived.one("select * from task_queue")
    cell = await derived.cell("Up", 1)
    assert task["task_type"] == TRANSFORM
    assert json.loads(task["payload"]) == {"cell_id": str(cell["id"])}
    assert task["concurrency_key"] == f"cell:{cell['id']}"
    assert task["workspace_id"] == await derived.db.fetchval("select workspace_id from spreadsheets")
    assert task["enqueued_by"] == await derived.db.fetchval("select session_user")


async def test_a_dependent_cell_of_two_changed_inputs_is_enqueued_once_per_statement(sheet: Sheet) -> None:
    await sheet.derive("Both", ["A", "B"])
    await sheet.db.execute(
        "insert into cells (spreadsheet_id, column_id, row_number, content) "
        "select $1, c, r, 'x' from unnest($2::uuid[]) c, generate_series(1, 2) r",
        sheet.id,
        [sheet.columns["A"], sheet.columns["B"]],
    )
    assert await sheet.enqueued() == [("Both", 1), ("Both", 2)]


async def test_a_deleted_column_or_sheet_enqueues_nothing(derived: Sheet) -> None:
    await derived.db.execute("update spreadsheets set deleted_at = now()")
    await derived.edit("A", 1, "two")
    await derived.db.execute("update spreadsheets set deleted_at = null")
    await derived.db.execute("update sheet_columns set deleted_at = now() where title = 'Up'")
    await derived.edit("A", 1, "three")
    assert await derived.enqueued() == []
    assert await derived.history("A", 1) == [("one", "two", "sql"), ("two", "three", "sql")]


async def test_a_sheet_that_is_deleted_for_good_leaves_its_audit(derived: Sheet) -> None:
    await derived.db.execute("delete from spreadsheets")
    assert await derived.db.fetchval("select count(*) from cells") == 0
    assert await derived.history("A", 1) == [("one", None, "sql")]
    assert await derived.enqueued() == []


async def test_a_column_that_is_deleted_for_good_has_its_dependants_computed_anew(derived: Sheet) -> None:
    await derived.db.execute("delete from sheet_columns where title = 'A'")
    assert await derived.db.fetchval("select count(*) from cells where column_id = $1", derived.columns["A"]) == 0
    assert await derived.history("A", 1) == [("one", None, "sql")]


async def test_the_audit_refuses_a_row_without_one_author(derived: Sheet) -> None:
    insert = """insert into cell_edit_events (cell_id, spreadsheet_id, column_id, row_number, user_id, sql_user)
        select id, spreadsheet_id, column_id, row_number, {} from cells limit 1"""
    for authors in ("null, null", "gen_random_uuid(), 'me'"):
        with pytest.raises(Exception, match="cell_edit_events_one_author"):
            await derived.db.execute(insert.format(authors))
