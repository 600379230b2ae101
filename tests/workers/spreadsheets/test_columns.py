"""Columns that fill themselves in: inputs of one sheet, never in a circle; a changed column is computed anew."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from tests.running import Database, Workers, all_ended, until
from tests.workers.spreadsheets.sheets import JOIN, TRANSFORM, UPPER, Sheet, make_sheet

CYCLE = r'^column "\w+" would depend on itself; remove one of its inputs$'


# --- refusals --------------------------------------------------------------------------------------------------------


async def test_a_column_is_no_input_of_itself(sheet: Sheet) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await sheet.feed("A", "A")


async def test_two_columns_are_not_inputs_of_each_other(sheet: Sheet) -> None:
    await sheet.feed("A", "B")
    with pytest.raises(asyncpg.CheckViolationError, match=CYCLE):
        await sheet.feed("B", "A")


async def test_a_long_circle_is_refused_whichever_of_its_links_comes_last(sheet: Sheet) -> None:
    await sheet.add("C", "D")
    links = [("B", "A"), ("C", "B"), ("D", "C"), ("A", "D")]
    for last in links:
        for title, name in links:
            if (title, name) != last:
                await sheet.feed(title, name)
        with pytest.raises(asyncpg.CheckViolationError, match=CYCLE):
            await sheet.feed(*last)
        await sheet.db.execute("delete from column_inputs")


async def test_an_update_of_inputs_is_checked_as_an_insert_is(sheet: Sheet) -> None:
    await sheet.add("C")
    await sheet.feed("B", "A")
    await sheet.feed("C", "B")
    with pytest.raises(asyncpg.CheckViolationError, match=CYCLE):
        await sheet.db.execute(
            "update column_inputs set input_column_id = $1 where column_id = $2",
            sheet.columns["C"],
            sheet.columns["B"],
        )


async def test_columns_that_share_an_input_are_no_circle(sheet: Sheet) -> None:
    await sheet.add("C", "D")
    for title, name, ordinal in [("B", "A", 1), ("C", "A", 1), ("D", "B", 1), ("D", "C", 2), ("D", "A", 3)]:
        await sheet.feed(title, name, ordinal)


async def test_two_sessions_cannot_close_a_circle_together(sheet: Sheet, database: Database) -> None:
    """Each alone is right; the second waits for the first and then sees it."""
    one, other = await database.connect(), await database.connect()
    async with one.transaction():
        await sheet.feed("A", "B", db=one)
        closing = asyncio.create_task(sheet.feed("B", "A", db=other))
        waits = "select true from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'"
        await until(lambda: sheet.db.fetchval(waits, other.get_server_pid()), what="the second session's wait")
    with pytest.raises(asyncpg.CheckViolationError, match=CYCLE):
        await closing
    assert await sheet.db.fetchval("select count(*) from column_inputs") == 1


async def test_an_input_of_another_sheet_is_refused(sheet: Sheet) -> None:
    elsewhere = await make_sheet(sheet.db, "X")
    sheet.columns["X"] = elsewhere.columns["X"]
    refusal = r'^column "A" has an input in another spreadsheet; choose inputs of the same sheet$'
    with pytest.raises(asyncpg.CheckViolationError, match=refusal):
        await sheet.feed("A", "X")


# --- computed anew ---------------------------------------------------------------------------------------------------


async def computed(sheet: Sheet, workers: Workers) -> None:
    """`Up` of A in two rows, done."""
    await sheet.derive("Up", ["A"])
    for row, content in enumerate(("one", "two"), start=1):
        await sheet.write("A", row, content)
        await sheet.write("B", row, f"b{row}")
    await workers.start(TRANSFORM)
    await all_ended(sheet.db)


async def test_a_changed_configuration_computes_the_whole_column_anew(sheet: Sheet, workers: Workers) -> None:
    await computed(sheet, workers)
    await sheet.configure("Up", {"steps": [{"op": "replace", "find": "o", "replacement": "0"}]})
    await all_ended(sheet.db)
    assert await sheet.contents("Up") == ["0ne", "tw0"]
    assert await sheet.history("Up", 1) == [(None, "ONE", "robot"), ("ONE", "0ne", "robot")]


async def test_added_changed_and_removed_inputs_compute_the_whole_column_anew(sheet: Sheet, workers: Workers) -> None:
    await computed(sheet, workers)
    await sheet.configure("Up", {"steps": list(JOIN)})
    await sheet.feed("Up", "B", 2)
    await all_ended(sheet.db)
    assert await sheet.contents("Up") == ["one b1", "two b2"]
    await sheet.db.execute("update column_inputs set ordinal = 3 where ordinal = 1")
    await all_ended(sheet.db)
    assert await sheet.contents("Up") == ["b1 one", "b2 two"]
    await sheet.db.execute("delete from column_inputs where ordinal = 2")
    await all_ended(sheet.db)
    assert await sheet.contents("Up") == ["one", "two"]


async def test_the_width_or_title_of_a_column_is_no_reason_to_compute_it(sheet: Sheet) -> None:
    await sheet.derive("Up", ["A"])
    await sheet.write("A", 1, "one")
    await sheet.forget_tasks()
    before = await sheet.db.fetchval("select version from sheet_columns where title = 'Up'")
    await sheet.db.execute("update sheet_columns set title = 'Upper', width = 90, position = 9 where title = 'Up'")
    await sheet.db.execute("update sheet_columns set config = config, operator = operator")
    assert await sheet.enqueued() == []
    assert await sheet.db.fetchval("select version from sheet_columns where title = 'Upper'") == before


async def test_a_column_without_its_operator_keeps_its_values(sheet: Sheet, workers: Workers) -> None:
    await computed(sheet, workers)
    await sheet.db.execute("update sheet_columns set operator = null where title = 'Up'")
    await sheet.edit("A", 1, "three")
    await all_ended(sheet.db)
    assert await sheet.contents("Up") == ["ONE", "TWO"]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"steps": [{"op": "vanish"}]}, "The column's configuration does not fit: steps.0: "),
        ({}, "The column's configuration does not fit: steps: Field required; correct it."),
        ({"steps": [{"op": "extract", "pattern": "("}]}, "the pattern is not valid"),
    ],
)
async def test_a_configuration_that_does_not_fit_is_an_error_in_each_cell(
    sheet: Sheet, workers: Workers, config: dict[str, object], told: str
) -> None:
    await sheet.derive("Up", ["A"], UPPER)
    await sheet.configure("Up", config)
    await sheet.write("A", 1, "one")
    await workers.start(TRANSFORM)
    await all_ended(sheet.db)
    cell = await sheet.cell("Up", 1)
    assert (cell["state"], cell["content"]) == ("error", None)
    assert told in cell["formatted_content"]
    await sheet.configure("Up", {"steps": list(UPPER)})
    await all_ended(sheet.db)
    assert await sheet.content("Up", 1) == "ONE"
    assert (await sheet.cell("Up", 1))["formatted_content"] is None


# --- an edit and a column that change at once ------------------------------------------------------------------------


async def test_an_edit_that_commits_after_its_column_got_an_input_is_not_forgotten(
    sheet: Sheet, database: Database, workers: Workers
) -> None:
    """Neither session sees the other's row; one of them must wait, else the derived cell stays old for ever."""
    await sheet.write("A", 1, "old")
    await sheet.add("Up")
    await sheet.configure("Up", {"steps": list(UPPER)})
    await workers.start(TRANSFORM)
    editor, architect = await database.connect(), await database.connect()
    transaction = editor.transaction()
    await transaction.start()
    await sheet.edit("A", 1, "new", editor)
    feeding = asyncio.create_task(sheet.feed("Up", "A", db=architect))
    await settled(sheet, architect, feeding)
    await all_ended(sheet.db)
    await transaction.commit()
    await feeding
    await all_ended(sheet.db)
    assert await sheet.content("Up", 1) == "NEW"


async def test_an_edit_that_commits_after_its_column_got_an_operator_is_not_forgotten(
    sheet: Sheet, database: Database, workers: Workers
) -> None:
    await sheet.add("Up")
    await sheet.feed("Up", "A")
    await workers.start(TRANSFORM)
    editor, architect = await database.connect(), await database.connect()
    transaction = editor.transaction()
    await transaction.start()
    await sheet.write("A", 1, "new", editor)
    configuring = asyncio.create_task(sheet.configure("Up", {"steps": list(UPPER)}, architect))
    await settled(sheet, architect, configuring)
    await transaction.commit()
    await configuring
    await all_ended(sheet.db)
    assert await sheet.content("Up", 1) == "NEW"


async def settled(sheet: Sheet, session: asyncpg.Connection[asyncpg.Record], work: asyncio.Task[None]) -> None:
    """Until the session's statement has ended or waits for a lock."""
    waits = "select true from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'"

    async def look() -> bool:
        return work.done() or bool(await sheet.db.fetchval(waits, session.get_server_pid()))

    await until(look, what="the end of a statement, or its wait")
