"""Formulas in a living sheet: edits recompute them, only changes are written, dependants follow, storms converge."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from core.db.connect import Connection
from tests.running import Database, Workers, all_ended, until
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet

FORMULA = "spreadsheets.formula"


async def formula_column(sheet: Sheet, title: str, config: dict[str, Any] | None = None) -> None:
    await sheet.add(title)
    await sheet.db.execute(
        "update sheet_columns set operator = $2, config = $3 where id = $1",
        sheet.columns[title],
        FORMULA,
        json.dumps(config or {}),
    )


async def shown(sheet: Sheet, title: str, row: int) -> str | None:
    found: str | None = await sheet.db.fetchval(
        "select formatted_content ->> 'value' from cells where column_id = $1 and row_number = $2",
        sheet.columns[title],
        row,
    )
    return found


async def live(sheet: Sheet) -> int:
    count: int = await sheet.db.fetchval(
        "select count(*) from task_queue where task_type = $1 and status in ('pending', 'processing')", FORMULA
    )
    return count


@pytest.fixture
async def sums(sheet: Sheet) -> Sheet:
    """A and B are values, F holds formulas over them."""
    await formula_column(sheet, "F")
    await sheet.write("A", 1, "2")
    await sheet.write("B", 1, "3")
    await sheet.write("F", 1, "=A1*B1")
    await sheet.write("F", 2, "=SUM(C1:C1)+1")
    return sheet


async def test_a_formula_shows_its_value_and_keeps_what_was_entered(sums: Sheet, workers: Workers) -> None:
    await workers.start(FORMULA)
    await all_ended(sums.db)
    cell = await sums.cell("F", 1)
    assert (cell["content"], json.loads(cell["formatted_content"]), cell["cell_type"]) == (
        "=A1*B1",
        {"value": "6"},
        "number",
    )
    assert (cell["is_formula"], cell["state"]) == (True, "ok")
    assert await shown(sums, "F", 2) == "7"


async def test_an_edit_recomputes_and_the_audit_tells_shown_values(sums: Sheet, workers: Workers) -> None:
    await workers.start(FORMULA)
    await all_ended(sums.db)
    await sums.edit("A", 1, "5")
    await until(lambda: is_shown(sums, "F", 2, "16"))
    assert await sums.history("F", 1) == [(None, "=A1*B1", "sql"), (None, "6", "robot"), ("6", "15", "robot")]
    await sums.edit("F", 1, "=1/0")
    await until(lambda: is_shown(sums, "F", 1, "#DIV/0!"))
    cell = await sums.cell("F", 1)
    told = json.loads(cell["formatted_content"])["error"]
    assert (cell["cell_type"], told) == ("error", "The formula divides by zero.")


async def is_shown(sheet: Sheet, title: str, row: int, value: str | None) -> bool:
    return await shown(sheet, title, row) == value


async def test_what_formulas_show_enqueues_no_formulas(sums: Sheet, workers: Workers) -> None:
    await workers.start(FORMULA)
    await all_ended(sums.db)
    before = await sums.db.fetchval("select count(*) from task_queue")
    await sums.edit("A", 1, "9")
    await until(lambda: is_shown(sums, "F", 1, "27"))
    await all_ended(sums.db)
    assert await sums.db.fetchval("select count(*) from task_queue") == before + 1


async def test_a_value_that_stays_is_not_written_again(sums: Sheet, workers: Workers) -> None:
    await workers.start(FORMULA)
    await all_ended(sums.db)
    before = await sums.cell("F", 1)
    await sums.write("A", 2, "not read by it")
    await all_ended(sums.db)
    assert await sums.cell("F", 1) == before
    assert len(await sums.history("F", 1)) == 2


async def test_transforms_read_what_a_formula_shows(sums: Sheet, workers: Workers) -> None:
    await sums.derive("T", ["F"], [{"op": "replace", "find": "6", "replacement": "six"}])
    await workers.start(FORMULA, TRANSFORM)
    await until(lambda: is_content(sums, "T", 1, "six"))
    await sums.edit("A", 1, "4")
    await until(lambda: is_content(sums, "T", 1, "12"))
    await sums.edit("F", 1, "=1/0")
    await until(lambda: is_content(sums, "T", 1, None))
    await sums.edit("F", 1, "plain")
    await until(lambda: is_content(sums, "T", 1, "plain"))
    await all_ended(sums.db)
    assert (await sums.cell("F", 1))["is_formula"] is False


async def is_content(sheet: Sheet, title: str, row: int, content: str | None) -> bool:
    return await sheet.content(title, row) == content


async def test_formulas_over_filled_columns_come_to_rest(sums: Sheet, workers: Workers) -> None:
    """F -> T (transform) -> G (formulas) -> U (transform)."""
    await sums.derive("T", ["F"], [{"op": "number"}])
    await formula_column(sums, "G", {"formula": "=D{row}*10"})
    await sums.derive("U", ["G"], [{"op": "number", "decimals": 0}])
    await workers.start(FORMULA, TRANSFORM)
    await until(lambda: is_content(sums, "U", 2, "70"))
    await sums.edit("A", 1, "1")
    await until(lambda: is_content(sums, "U", 2, "40"))
    await all_ended(sums.db)
    assert (await sums.contents("T"), await sums.contents("U")) == (["3", "4"], ["30", "40"])


async def test_a_columns_formula_shows_in_every_row_and_what_is_entered_goes_before(
    sheet: Sheet, workers: Workers
) -> None:
    await formula_column(sheet, "F", {"formula": '=IF(A{row}="", "none", A{row} & "!")'})
    await sheet.write("B", 3, "the last row")
    await sheet.write("A", 1, "one")
    await sheet.write("F", 2, "entered")
    await workers.start(FORMULA)
    await until(lambda: is_shown(sheet, "F", 3, "none"))
    await all_ended(sheet.db)
    assert [await shown(sheet, "F", row) for row in (1, 2, 3)] == ["one!", None, "none"]
    await sheet.edit("F", 2, None)
    await sheet.write("A", 4, "four")
    await until(lambda: is_shown(sheet, "F", 4, "four!"))
    await all_ended(sheet.db)
    assert (await shown(sheet, "F", 2), await sheet.contents("F")) == ("none", [None, None, None, None])


async def test_a_formula_that_feeds_itself_over_a_column_is_refused_and_ends(sums: Sheet, workers: Workers) -> None:
    await sums.derive("T", ["F"], [{"op": "number"}])
    await sums.edit("F", 1, "=D1+1")
    await workers.start(FORMULA, TRANSFORM)
    await until(lambda: is_shown(sums, "F", 1, "#CIRC!"))
    await all_ended(sums.db)
    assert "remove the circle" in (await sums.cell("F", 1))["formatted_content"]


async def test_a_text_that_begins_like_a_formula_is_a_text_elsewhere(sheet: Sheet, workers: Workers) -> None:
    await sheet.write("A", 1, "=1+1")
    assert (await sheet.cell("A", 1))["is_formula"] is False
    await formula_column(sheet, "F")
    await sheet.write("F", 1, "=A1")
    await workers.start(FORMULA)
    await until(lambda: is_shown(sheet, "F", 1, "=1+1"))


async def test_a_column_becomes_one_of_formulas_and_a_plain_one_again(sheet: Sheet, workers: Workers) -> None:
    await sheet.write("A", 1, "=1+1")
    await sheet.derive("T", ["A"], [{"op": "trim"}])
    await workers.start(FORMULA, TRANSFORM)
    await until(lambda: is_content(sheet, "T", 1, "=1+1"))
    await sheet.db.execute("update sheet_columns set operator = $2 where id = $1", sheet.columns["A"], FORMULA)
    await until(lambda: is_content(sheet, "T", 1, "2"))
    await sheet.db.execute("update sheet_columns set operator = null where id = $1", sheet.columns["A"])
    await until(lambda: is_content(sheet, "T", 1, "=1+1"))
    assert await shown(sheet, "A", 1) is None


async def test_other_positions_and_deleted_columns_are_other_values(sums: Sheet, workers: Workers) -> None:
    await workers.start(FORMULA)
    await until(lambda: is_shown(sums, "F", 1, "6"))
    await sums.db.execute("update sheet_columns set position = 9 where id = $1", sums.columns["A"])
    await until(lambda: is_shown(sums, "F", 1, "0"))
    await sums.db.execute("update sheet_columns set position = 1 where id = $1", sums.columns["A"])
    await until(lambda: is_shown(sums, "F", 1, "6"))
    await sums.db.execute("update sheet_columns set deleted_at = now() where id = $1", sums.columns["B"])
    await until(lambda: is_shown(sums, "F", 1, "0"))


async def test_a_result_for_another_formula_or_an_older_revision_is_not_written(
    sums: Sheet, database: Database, workers: Workers
) -> None:
    """The writer itself compares: the formula it was computed from, the revision it stands on."""
    await sums.db.execute(
        "update cells set based_on = 9223372036854775807 where column_id = $1 and row_number = 1", sums.columns["F"]
    )
    await workers.start(FORMULA)
    await until(lambda: is_shown(sums, "F", 2, "7"))
    await all_ended(sums.db)
    assert await shown(sums, "F", 1) is None
    assert [new for _, new, _ in await sums.history("F", 1)] == ["=A1*B1"]


async def test_edits_faster_than_the_computation_converge(sums: Sheet, database: Database, workers: Workers) -> None:
    """An editor every 10 ms (hazard 2.5): values are shown meanwhile, and the last one in the end."""
    await sums.db.executemany(
        "insert into cells (spreadsheet_id, column_id, row_number, content) values ($1, $2, $3, $4)",
        [(sums.id, sums.columns["F"], row, f"=SUM(A$1:A${row})") for row in range(3, 1500)],
    )
    await workers.start(FORMULA)
    await until(lambda: is_shown(sums, "F", 1000, "2"))
    editor = await database.connect()
    seen: set[str | None] = set()
    for number in range(100, 300):
        await sums.edit("A", 1, str(number), editor)
        seen.add(await shown(sums, "F", 1000))
        await asyncio.sleep(0.01)
    await until(lambda: is_shown(sums, "F", 1000, "299"))
    await all_ended(sums.db)
    assert len(seen) > 3
    assert {await shown(sums, "F", row) for row in range(3, 1500, 100)} == {"299"}
    runs = await sums.db.fetchval("select count(*) from robot_input_events where operator_type = $1", FORMULA)
    assert runs < 200


@pytest.mark.parametrize("worker_dies", [False, True])
async def test_ten_thousand_rows_are_written_in_chunks(
    sheet: Sheet, db: Connection, workers: Workers, worker_dies: bool
) -> None:
    await formula_column(sheet, "F", {"formula": "=A{row}*2"})
    await sheet.add("Total")
    await db.execute("update sheet_columns set operator = $2 where id = $1", sheet.columns["Total"], FORMULA)
    await db.execute(
        "insert into cells (spreadsheet_id, column_id, row_number, content) "
        "select $1, $2, n, n::text from generate_series(1, 10000) n",
        sheet.id,
        sheet.columns["A"],
    )
    await sheet.write("Total", 1, "=SUM(C1:C10000)")
    began = time.monotonic()
    if worker_dies:
        first = await workers.spawn(domains="workers.spreadsheets", lease_s="3")
        await until(lambda: db.fetchval("select exists (select from cells where based_on is not null)"))
        first.process.kill()
        await db.execute("update rowmill.workers set lease_until = now()")
    await workers.start(FORMULA, lease_s=3)
    await until(lambda: is_shown(sheet, "Total", 1, "100010000"))
    await all_ended(db)
    print(f"10,000 rows: {time.monotonic() - began:.2f} s")
    assert (
        await db.fetchval("select count(*) from cells where formatted_content ->> 'value' = (row_number * 2)::text")
        == 10000
    )
    doubled = "select count(*) from cell_edit_events where edit_type = 'robot' group by cell_id having count(*) > 1"
    assert await db.fetch(doubled) == []


async def test_a_formula_that_kills_its_process_shows_it_and_the_worker_lives(
    sums: Sheet, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the refusal out of the way, IronCalc dies of this one (a stack that overflows)."""
    monkeypatch.setattr("workers.spreadsheets.rules.formulas.refusal", lambda _: None)
    await sums.edit("F", 2, "=" + "-" * 200_000 + "1")
    await workers.start(FORMULA)
    await until(lambda: is_shown(sums, "F", 1, "#ERROR!"))
    await all_ended(sums.db)
    failed = "select error_message from task_queue where task_type = $1 and status = 'failed' limit 1"
    assert "its process died" in (await sums.one(failed, FORMULA))["error_message"]
    await sums.edit("F", 2, "=A1")
    await until(lambda: is_shown(sums, "F", 1, "6"))


async def test_a_task_without_the_sheets_key_hands_over(sums: Sheet, workers: Workers) -> None:
    await sums.forget_tasks()
    await sums.db.execute(
        "insert into task_queue (task_type, payload) values ($1, jsonb_build_object('spreadsheet_id', $2::uuid))",
        FORMULA,
        sums.id,
    )
    await workers.start(FORMULA)
    await until(lambda: is_shown(sums, "F", 1, "6"))


async def test_a_sheet_without_formulas_enqueues_none(sheet: Sheet) -> None:
    await sheet.write("A", 1, "1")
    assert await live(sheet) == 0
    await formula_column(sheet, "F")
    await sheet.write("F", 1, "=A1")
    await sheet.forget_tasks()
    await sheet.delete("A", 1)
    assert await live(sheet) == 1
    assert (await sheet.cell("F", 1))["state"] == "stale"
