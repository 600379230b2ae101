"""Edits cascade to the right values, robots are audited, and a person sees where a cell stands."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from core.db.connect import Connection
from tests.running import Database, Workers, all_ended, enqueue
from tests.workers.spreadsheets.holding import Hold
from tests.workers.spreadsheets.sheets import JOIN, TRANSFORM, Sheet, make_sheet


async def chain(sheet: Sheet) -> None:
    """A -> Up -> First -> Greeting, and All of A, Up and Greeting."""
    await sheet.derive("Up", ["A"])
    await sheet.derive("First", ["Up"], [{"op": "split", "index": 0}])
    await sheet.derive("Greeting", ["First"], [{"op": "replace", "find": "A", "replacement": "Hello A"}])
    await sheet.derive("All", ["A", "Up", "Greeting"], JOIN)


# --- cascades --------------------------------------------------------------------------------------------------------


async def test_an_edit_cascades_over_three_levels_to_the_right_values(sheet: Sheet, workers: Workers) -> None:
    await chain(sheet)
    await workers.start(TRANSFORM)
    await sheet.write("A", 1, "ann smith")
    await all_ended(sheet.db)
    assert [await sheet.content(title, 1) for title in ("Up", "First", "Greeting", "All")] == [
        *("ANN SMITH", "ANN", "Hello ANN"),
        "ann smith ANN SMITH Hello ANN",
    ]
    await sheet.edit("A", 1, "amy")
    await all_ended(sheet.db)
    assert await sheet.content("All", 1) == "amy AMY Hello AMY"


async def test_a_blank_input_makes_everything_behind_it_blank(sheet: Sheet, workers: Workers) -> None:
    await chain(sheet)
    await workers.start(TRANSFORM)
    await sheet.write("A", 1, "ann")
    await all_ended(sheet.db)
    await sheet.delete("A", 1)
    await all_ended(sheet.db)
    states = [((cell := await sheet.cell(title, 1))["content"], cell["state"]) for title in ("Up", "First", "Greeting")]
    assert states == [(None, "blank")] * 3


async def test_two_inputs_that_change_together_end_in_one_value_of_both(
    sheet: Sheet, database: Database, workers: Workers
) -> None:
    await sheet.derive("Both", ["A", "B"], JOIN)
    await workers.start(TRANSFORM)
    one, other = await database.connect(), await database.connect()
    async with one.transaction():
        await sheet.write("A", 1, "a", one)
        async with other.transaction():
            await sheet.write("B", 2, "b", other)
    await sheet.write("B", 1, "b", one)
    await sheet.write("A", 2, "a", other)
    await all_ended(sheet.db)
    assert await sheet.contents("Both") == ["a b", "a b"]


async def test_tasks_of_one_cell_that_wait_together_are_computed_once(sheet: Sheet, workers: Workers) -> None:
    await sheet.derive("Up", ["A"])
    await sheet.write("A", 1, "v0")
    for number in range(1, 10):
        await sheet.edit("A", 1, f"v{number}")
    await workers.start(TRANSFORM)
    await all_ended(sheet.db)
    assert await sheet.history("Up", 1) == [(None, "V9", "robot")]
    assert await sheet.db.fetchval("select count(*) from robot_input_events") == 1


async def test_a_robots_write_is_audited_with_its_task_and_run(sheet: Sheet, workers: Workers) -> None:
    await sheet.derive("Up", ["A"])
    await sheet.write("A", 1, "one")
    await workers.start(TRANSFORM)
    await all_ended(sheet.db)
    (event,) = await sheet.edits("Up", 1)
    task = await sheet.one("select id, run_no from task_queue")
    run = await sheet.one("select task_id, run_no, cell_id, success from robot_input_events")
    assert (event["task_id"], event["run_no"]) == (task["id"], task["run_no"]) == (run["task_id"], run["run_no"])
    assert (event["user_id"], event["sql_user"], event["edit_type"]) == (None, None, "robot")
    assert (run["cell_id"], run["success"]) == (event["cell_id"], True)


async def test_a_result_that_stays_the_same_writes_enqueues_and_audits_nothing(sheet: Sheet, workers: Workers) -> None:
    await chain(sheet)
    await workers.start(TRANSFORM)
    await sheet.write("A", 1, "ann")
    await all_ended(sheet.db)
    before = await sheet.cell("Up", 1)
    await sheet.forget_tasks()
    await sheet.edit("A", 1, "ANN")
    await all_ended(sheet.db)
    after = await sheet.cell("Up", 1)
    assert (after["version"], after["updated_at"]) == (before["version"], before["updated_at"])
    assert len(await sheet.edits("Up", 1)) == 1
    assert await sheet.db.fetchval("select count(*) from task_queue") == 2  # Up and All, which read A; not First


async def test_another_error_in_a_cell_is_shown_without_a_new_version(sheet: Sheet, workers: Workers) -> None:
    """The content stays nothing: whoever reads the cell has no reason to decide anew, and nobody would wake him."""
    await sheet.derive("Number", ["A"], [{"op": "number"}])
    await workers.start(TRANSFORM)
    await sheet.write("A", 1, "twelve")
    await all_ended(sheet.db)
    before = await sheet.cell("Number", 1)
    await sheet.edit("A", 1, "thirteen")
    await all_ended(sheet.db)
    after = await sheet.cell("Number", 1)
    assert [json.loads(cell["formatted_content"])["input"] for cell in (before, after)] == ["twelve", "thirteen"]
    assert after["version"] == before["version"]


@pytest.mark.parametrize("cell_id", [str(UUID(int=1)), "not an id"])
async def test_a_task_for_a_cell_that_is_not_there_ends_at_once(sheet: Sheet, workers: Workers, cell_id: str) -> None:
    await workers.start(TRANSFORM)
    await enqueue(sheet.db, TRANSFORM, {"cell_id": cell_id}, concurrency_key=f"cell:{cell_id}")
    await all_ended(sheet.db)
    task = await sheet.one("select status, attempts, error_message from task_queue")
    assert task["status"] == ("failed" if cell_id == "not an id" else "cancelled")
    assert task["attempts"] == 1
    assert task["error_message"]


# --- what a person sees ----------------------------------------------------------------------------------------------


async def test_the_view_shows_stale_while_a_task_of_the_cell_lives_and_then_its_end(
    sheet: Sheet, workers: Workers, hold: Hold
) -> None:
    await sheet.derive("Number", ["A"], [{"op": "number"}])
    for row, content in enumerate(("12", "twelve", " "), start=1):
        await sheet.write("A", row, content)
    states = [(await sheet.cell("Number", row))["state"] for row in (1, 2, 3)]
    assert states == ["stale"] * 3
    await workers.start(TRANSFORM)
    await hold.reached()
    assert (await sheet.cell("Number", 1))["state"] == "stale"
    hold.release()
    await all_ended(sheet.db)
    cells = [await sheet.cell("Number", row) for row in (1, 2, 3)]
    assert [cell["state"] for cell in cells] == ["ok", "error", "blank"]
    assert "twelve" in json.loads(cells[1]["formatted_content"])["input"]
    assert [(await sheet.cell("A", row))["state"] for row in (1, 2, 3)] == ["ok"] * 3


async def test_a_plain_cell_is_never_stale(sheet: Sheet) -> None:
    cell_id = await sheet.write("A", 1, None)
    await enqueue(sheet.db, TRANSFORM, {"cell_id": str(cell_id)}, concurrency_key=f"cell:{cell_id}")
    assert (await sheet.cell("A", 1))["state"] == "blank"


async def test_two_sheets_keep_their_rows_to_themselves(db: Connection, workers: Workers) -> None:
    sheets = [await make_sheet(db, "A") for _ in range(2)]
    for sheet in sheets:
        await sheet.derive("Up", ["A"])
    await workers.start(TRANSFORM)
    ids: set[UUID] = set()
    for number, sheet in enumerate(sheets):
        ids.add(await sheet.write("A", 1, f"sheet {number}"))
    await all_ended(db)
    assert [await sheet.contents("Up") for sheet in sheets] == [["SHEET 0"], ["SHEET 1"]]
    assert len(ids) == 2
