"""Many cells of a column are filled in together: as right as each alone, whatever is edited meanwhile."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.running import Database, Workers, all_ended, until
from tests.workers.spreadsheets.holding import Hold
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet, write_rows
from workers.spreadsheets.rules import decisions

FILL = "spreadsheets.fill_cells"
ROWS = 1200


async def tasks(sheet: Sheet) -> dict[str, int]:
    rows = await sheet.db.fetch("select task_type, count(*)::int as tasks from task_queue group by 1")
    return {row["task_type"]: row["tasks"] for row in rows}


async def test_a_new_column_of_many_rows_is_filled_in_by_few_tasks_with_an_audit_row_for_each_cell(
    sheet: Sheet, workers: Workers
) -> None:
    await write_rows(sheet, "A", [f"word {row}" for row in range(1, ROWS + 1)])
    await sheet.derive("Up", ["A"])
    assert await tasks(sheet) == {FILL: 3}
    assert (await sheet.cell("Up", ROWS))["state"] == "stale"
    await workers.start(TRANSFORM, FILL)
    await all_ended(sheet.db)
    assert await sheet.contents("Up") == [f"WORD {row}" for row in range(1, ROWS + 1)]
    assert (await sheet.cell("Up", ROWS))["state"] == "ok"
    audited = await sheet.one(
        "select count(*)::int as rows, count(distinct cell_id)::int as cells, count(distinct task_id)::int as tasks "
        "from cell_edit_events where column_id = $1 and edit_type = 'robot' and old_content is null",
        sheet.columns["Up"],
    )
    assert tuple(audited) == (ROWS, ROWS, 3)
    runs = await sheet.db.fetchval("select count(*) from robot_input_events where operator_type = $1", FILL)
    assert runs == 3


async def test_few_cells_have_a_task_each(sheet: Sheet) -> None:
    await sheet.derive("Up", ["A"])
    await write_rows(sheet, "A", ["x"] * 199)
    assert await tasks(sheet) == {TRANSFORM: 199}


async def test_a_cell_whose_fill_is_under_way_waits_for_it_and_is_right(
    sheet: Sheet, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = Hold(FILL, monkeypatch)
    await write_rows(sheet, "A", ["old"] * 300)
    await sheet.derive("Up", ["A"])
    await workers.start(TRANSFORM, FILL)
    await hold.reached()
    await sheet.edit("A", 7, "new")
    waiting = "select true from task_queue where task_type = $1 and status = 'pending' and run_no > 0"
    await until(lambda: sheet.db.fetchval(waiting, TRANSFORM), what="the cell's own task to come back later")
    hold.release()
    await all_ended(sheet.db)
    assert await sheet.contents("Up") == ["NEW" if row == 7 else "OLD" for row in range(1, 301)]


async def test_after_edits_and_new_configurations_in_the_middle_of_fills_every_cell_is_right(
    sheet: Sheet, database: Database, workers: Workers
) -> None:
    await write_rows(sheet, "A", [f"w{row}" for row in range(1, ROWS + 1)])
    await sheet.derive("Up", ["A"])
    for _ in range(2):
        await workers.start(TRANSFORM, FILL)

    async def edits(seed: int) -> None:
        db, dice = await database.connect(), random.Random(seed)
        for _ in range(120):
            row = dice.randint(1, ROWS)
            await sheet.edit("A", row, f"e{dice.randint(0, 999)}", db)

    async def pastes() -> None:
        db = await database.connect()
        for paste in range(3):
            await db.execute(
                "update cells set content = 'p' || $2 || row_number where column_id = $1 and row_number <= 400",
                sheet.columns["A"],
                str(paste),
            )

    async def configures() -> None:
        db = await database.connect()
        for case in ("lower", "upper", "title"):
            await sheet.configure("Up", {"steps": [{"op": "case", "to": case}]}, db)

    async with asyncio.TaskGroup() as storm:
        for seed in range(3):
            storm.create_task(edits(seed))
        storm.create_task(pastes())
        storm.create_task(configures())
    await all_ended(sheet.db, 90)
    wrong = await sheet.db.fetchval(
        "select count(*) from cells a join cells u on u.row_number = a.row_number and u.column_id = $2 "
        "where a.column_id = $1 and initcap(a.content) is distinct from u.content",
        sheet.columns["A"],
        sheet.columns["Up"],
    )
    assert wrong == 0
    assert await sheet.db.fetchval("select count(*) from cells where column_id = $1", sheet.columns["Up"]) == ROWS


async def test_a_fill_that_an_edit_disturbs_goes_on_in_parts(
    sheet: Sheet, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = Hold(FILL, monkeypatch)
    await write_rows(sheet, "A", ["old"] * 300)
    await sheet.derive("Up", ["A"])
    await workers.start(TRANSFORM, FILL)
    await hold.reached()
    await sheet.edit("A", 7, "new")
    hold.release()
    await all_ended(sheet.db)
    assert await sheet.contents("Up") == ["NEW" if row == 7 else "OLD" for row in range(1, 301)]
    assert (await tasks(sheet))[FILL] == 1 + decisions.PARTS
