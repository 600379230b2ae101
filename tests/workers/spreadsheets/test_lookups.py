"""Columns that look values up in another sheet: as a set, and again whenever one side changes."""

from __future__ import annotations

import asyncio
import json
import random
from uuid import UUID, uuid4

import asyncpg
import pytest

from core.db import catalogs
from core.db.connect import Connection
from tests.running import Database, Workers, all_ended
from tests.workers.spreadsheets.serving import Client
from tests.workers.spreadsheets.sheets import TRANSFORM, UPPER, Sheet, make_sheet, operate, problem, write_rows

LOOKUP = "spreadsheets.lookup"


@pytest.fixture
async def prices(db: Connection) -> Sheet:
    """Another sheet: article and price."""
    other = await make_sheet(db, "Article", "Price")
    await write_rows(other, "Article", ["Bolt", "Nut", "bolt"])
    await write_rows(other, "Price", ["1.20", "0.40", "9.99"])
    return other


def config(other: Sheet, match: str = "Article", value: str = "Price", **more: object) -> dict[str, object]:
    return {"spreadsheet_id": other.id, "match": other.columns[match], "value": other.columns[value], **more}


async def test_a_column_looks_up_and_says_what_is_not_there(sheet: Sheet, prices: Sheet, workers: Workers) -> None:
    await write_rows(sheet, "A", [" NUT ", "Screw", None, "bolt"])
    await operate(sheet, "Found", LOOKUP, config(prices), ["A"])
    assert await sheet.db.fetchval("select count(distinct concurrency_key) from task_queue") == 1
    await workers.start(LOOKUP)
    await all_ended(sheet.db)
    assert [await sheet.content("Found", row) for row in (1, 2, 3, 4)] == ["0.40", None, None, "1.20"]
    assert await problem(sheet, "Found", 2) == "This is not in the column that is looked up."
    note = json.loads((await sheet.cell("Found", 4))["formatted_content"])
    assert note == {"note": "2 rows have this; the first one counts"}
    assert (await sheet.history("Found", 1)) == [(None, "0.40", "robot")]


async def test_either_side_may_change_and_the_cascade_goes_on(sheet: Sheet, prices: Sheet, workers: Workers) -> None:
    await operate(sheet, "Found", LOOKUP, config(prices, missing="?"), ["A"])
    await sheet.derive("Loud", ["Found"], UPPER)
    await workers.start(LOOKUP, TRANSFORM)
    await write_rows(sheet, "A", ["nut", "screw"])
    await all_ended(sheet.db)
    assert await sheet.contents("Loud") == ["0.40", "?"]
    await prices.edit("Price", 2, "half a cent")
    await all_ended(sheet.db)
    assert await sheet.contents("Loud") == ["HALF A CENT", "?"]
    await prices.edit("Article", 1, "Screw")
    await all_ended(sheet.db)
    assert await sheet.contents("Found") == ["half a cent", "1.20"]
    await sheet.edit("A", 1, None)
    await all_ended(sheet.db)
    assert await sheet.contents("Found") == [None, "1.20"]


async def test_after_a_storm_on_both_sheets_every_cell_is_right(
    sheet: Sheet, prices: Sheet, database: Database, workers: Workers
) -> None:
    await write_rows(prices, "Article", [f"k{at}" for at in range(40)], 4)
    await write_rows(prices, "Price", [f"v{at}" for at in range(40)], 4)
    await operate(sheet, "Found", LOOKUP, config(prices, missing="none"), ["A"])
    await write_rows(sheet, "A", ["k1"] * 60)
    for _ in range(2):
        await workers.start(LOOKUP)

    async def storm(of: Sheet, title: str, rows: int, first: int, seed: int) -> None:
        db, dice = await database.connect(), random.Random(seed)
        for _ in range(60):
            await of.edit(title, dice.randint(first, first + rows - 1), f"k{dice.randint(0, 60)}", db)

    await asyncio.gather(
        storm(sheet, "A", 60, 1, 1),
        storm(sheet, "A", 60, 1, 2),
        storm(prices, "Article", 40, 4, 3),
        storm(prices, "Price", 40, 4, 4),
    )
    await all_ended(sheet.db, 60)
    keys = await sheet.db.fetch(
        "select a.content as key, p.content as value from cells a join cells p using (spreadsheet_id, row_number) "
        "where a.column_id = $1 and p.column_id = $2 order by a.row_number desc",
        prices.columns["Article"],
        prices.columns["Price"],
    )
    table = {row["key"].lower(): row["value"] for row in keys}
    asked = await sheet.contents("A")
    assert await sheet.contents("Found") == [table.get(str(key), "none") for key in asked]


async def test_a_source_that_is_deleted_is_told(sheet: Sheet, prices: Sheet, workers: Workers) -> None:
    await operate(sheet, "Found", LOOKUP, config(prices), ["A"])
    await workers.start(LOOKUP)
    await write_rows(sheet, "A", ["nut"])
    await all_ended(sheet.db)
    await sheet.db.execute("update sheet_columns set deleted_at = now() where id = $1", prices.columns["Price"])
    await all_ended(sheet.db)
    assert await problem(sheet, "Found", 1) == "The column that is looked up is gone; choose another."


async def test_lookups_of_two_sheets_cannot_go_round_in_a_circle(sheet: Sheet, prices: Sheet) -> None:
    await operate(sheet, "Found", LOOKUP, config(prices), ["A"])
    back = {"spreadsheet_id": sheet.id, "match": sheet.columns["A"], "value": sheet.columns["Found"]}
    with pytest.raises(asyncpg.CheckViolationError, match="would depend on itself"):
        await prices.db.execute(
            "update sheet_columns set operator = $2, config = $3 where id = $1",
            prices.columns["Price"],
            LOOKUP,
            json.dumps(back, default=str),
        )


async def test_ten_thousand_rows_are_one_task(sheet: Sheet, prices: Sheet, workers: Workers) -> None:
    await write_rows(sheet, "A", ["nut", "bolt", "screw", "x"] * 2500)
    await operate(sheet, "Found", LOOKUP, config(prices, missing="-"), ["A"])
    await workers.start(LOOKUP)
    await all_ended(sheet.db)
    assert await sheet.contents("Found") == ["0.40", "1.20", "-", "-"] * 2500
    assert await sheet.db.fetchval("select count(*) from robot_input_events where operator_type = $1", LOOKUP) <= 2


async def test_a_lookup_costs_the_same_beside_a_large_sheet(sheet: Sheet, prices: Sheet) -> None:
    """As few pages beside 100,000 cells of others that nobody has analyzed as alone; a scan takes thousands."""
    other = await make_sheet(sheet.db, "Large")
    await sheet.db.execute("alter table cells disable trigger user")
    await write_rows(other, "Large", [f"other {row}" for row in range(100_000)])
    await sheet.db.execute("alter table cells enable trigger user")
    await write_rows(sheet, "A", ["nut"])
    await operate(sheet, "Found", LOOKUP, config(prices), ["A"])
    statement = catalogs.of_package("workers.spreadsheets")["lookup_differences"]
    asked = {"column_id": sheet.columns["Found"], "match": prices.columns["Article"], "value": prices.columns["Price"]}
    values = {**asked, "after_row": 0, "missing": None, "problem": None, "most": 2000}
    bound = statement.bind({name: [value] for name, value in values.items()})
    await sheet.db.execute("set plan_cache_mode = force_generic_plan")
    (found,) = await sheet.db.fetch(statement.sql, *bound)
    assert found["content"] == "0.40"
    plan = json.loads(await sheet.db.fetchval(f"explain (analyze, buffers, format json) {statement.sql}", *bound))
    top = plan[0]["Plan"]
    assert top["Shared Hit Blocks"] + top["Shared Read Blocks"] < 200


async def test_a_lookup_is_checked_when_it_is_configured(client: Client, sheet: Sheet, prices: Sheet) -> None:
    path = f"/api/spreadsheets/{sheet.id}/columns"

    async def refused(changed: dict[str, object], inputs: list[UUID]) -> str:
        body = {"title": "F", "operator": LOOKUP, "config": {**config(prices), **changed}, "inputs": inputs}
        answer = await client.post(path, body)
        assert answer.status in {404, 422}
        return str(answer.error.get("field"))

    inputs = [sheet.columns["A"]]
    await sheet.db.execute("update spreadsheets set is_public = true where id = $1", prices.id)
    assert await refused({"match": uuid4()}, inputs) == "config.match"
    assert await refused({"value": "x"}, inputs) == "config.value"
    assert await refused({}, [sheet.columns["A"], sheet.columns["B"]]) == "inputs"
    assert await refused({"spreadsheet_id": uuid4()}, inputs) == "None"
    made = await client.post(path, {"title": "F", "operator": LOOKUP, "config": config(prices), "inputs": inputs})
    assert made.status == 201
