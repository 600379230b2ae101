"""Sheets, columns and rows over HTTP: made once, audited with their author, computed anew where they must be."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from tests.running import Workers, all_ended
from tests.workers.spreadsheets.serving import Api, Client
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet

UPPER = {"steps": [{"op": "case", "to": "upper"}]}


async def structure(sheet: Sheet) -> list[tuple[str, bool]]:
    """(action, by a person) of each change of the structure since the sheet was made."""
    rows = await sheet.db.fetch(
        "select action, user_id is not null as by_person from sheet_edit_events "
        "where spreadsheet_id = $1 and command_id is not null order by created_at",
        sheet.id,
    )
    return [(row["action"], row["by_person"]) for row in rows]


async def read(client: Client, sheet: Any) -> dict[str, Any]:
    answer = await client.get(f"/api/spreadsheets/{sheet}")
    assert answer.status == 200, answer.body
    body: dict[str, Any] = answer.body
    return body


async def test_a_sheet_is_made_once_however_often_it_is_asked_for(client: Client, sheet: Sheet) -> None:
    key, body = uuid4(), {"name": "  Budget ", "columns": ["Month", "Sum"], "rows": 12}
    first, again = [await client.post("/api/spreadsheets", body, key) for _ in range(2)]
    assert (first.status, first.body) == (201, again.body)
    made = await read(client, first.body["id"])
    assert (made["name"], made["rows"], made["may_edit"]) == ("Budget", 12, True)
    assert [each["title"] for each in made["columns"]] == ["Month", "Sum"]
    assert await sheet.db.fetchval("select count(*) from spreadsheets where name = 'Budget'") == 1


async def test_sheets_are_listed_by_name_in_pages_and_only_those_one_may_see(
    api: Api, client: Client, sheet: Sheet
) -> None:
    for name in ("C", "A", "B"):
        await client.post("/api/spreadsheets", {"name": name})
    page = (await client.get("/api/spreadsheets", limit=2)).body
    assert ([each["name"] for each in page["sheets"]], page["more"]) == (["A", "B"], True)
    rest = (await client.get("/api/spreadsheets", after=page["sheets"][-1]["id"])).body
    assert ([each["name"] for each in rest["sheets"]], rest["more"]) == (["C", "Sheet"], False)
    stranger = await api.client(sheet.db, "stranger@rowmill.invalid")
    assert (await stranger.get("/api/spreadsheets")).body == {"sheets": [], "more": False}


async def test_a_renamed_sheet_has_its_new_name_and_a_deleted_one_is_gone(client: Client, sheet: Sheet) -> None:
    path = f"/api/spreadsheets/{sheet.id}"
    assert (await client.post(path, {"name": "New"})).status == 200
    assert (await read(client, sheet.id))["name"] == "New"
    assert (await client.post(path, {})).status == 422
    assert (await client.post(f"{path}/delete")).status == 200
    assert (await client.get(path)).status == 404
    assert (await client.post(path, {"name": "Back"})).status == 404
    assert await structure(sheet) == [("sheet_changed", True), ("sheet_deleted", True)]


async def test_a_column_with_an_operator_fills_itself_in(client: Client, sheet: Sheet, workers: Workers) -> None:
    await sheet.write("A", 1, "one")
    await workers.start(TRANSFORM)
    body = {"title": "Up", "operator": TRANSFORM, "config": UPPER, "inputs": [sheet.columns["A"]]}
    answer = await client.post(f"/api/spreadsheets/{sheet.id}/columns", body)
    assert answer.status == 201, answer.body
    await all_ended(sheet.db)
    sheet.columns["Up"] = answer.body["id"]
    assert await sheet.content("Up", 1) == "ONE"
    path = f"/api/spreadsheets/{sheet.id}/columns/{answer.body['id']}"
    lower = {"steps": [{"op": "case", "to": "lower"}]}
    assert (await client.post(path, {"title": "Low", "config": lower})).status == 200
    await all_ended(sheet.db)
    assert await sheet.content("Up", 1) == "one"
    shown = (await read(client, sheet.id))["columns"][-1]
    assert (shown["title"], shown["operator"], shown["config"]) == ("Low", TRANSFORM, lower)
    assert shown["inputs"] == [str(sheet.columns["A"])]
    assert await structure(sheet) == [("column_added", True), ("column_changed", True)]


async def test_other_inputs_compute_a_column_anew(client: Client, sheet: Sheet, workers: Workers) -> None:
    await sheet.derive("Up", ["A", "B"])
    await sheet.write("A", 1, "a")
    await sheet.write("B", 1, "b")
    await sheet.forget_tasks()
    path = f"/api/spreadsheets/{sheet.id}/columns/{sheet.columns['Up']}"
    assert (await client.post(path, {"inputs": [sheet.columns["B"]]})).status == 200
    assert set(await sheet.enqueued()) == {("Up", 1)}
    inputs = await sheet.db.fetch("select ordinal, input_column_id from column_inputs")
    assert [tuple(row) for row in inputs] == [(1, sheet.columns["B"])]


async def test_a_new_title_computes_nothing_anew(client: Client, sheet: Sheet) -> None:
    await sheet.derive("Up", ["A"])
    await sheet.write("A", 1, "a")
    await sheet.forget_tasks()
    path = f"/api/spreadsheets/{sheet.id}/columns/{sheet.columns['Up']}"
    assert (await client.post(path, {"title": "Top", "width": 300, "is_visible": False})).status == 200
    assert await sheet.enqueued() == []


async def test_columns_that_cannot_be_are_refused_by_their_field(client: Client, sheet: Sheet) -> None:
    await sheet.derive("Up", ["A"])
    up, path = sheet.columns["Up"], f"/api/spreadsheets/{sheet.id}/columns"
    before = await sheet.db.fetch("select id, title, version from sheet_columns order by id")
    good = {"title": "New", "operator": TRANSFORM, "config": UPPER, "inputs": [sheet.columns["A"]]}
    for where, body, status, field in (
        (path, {**good, "title": " "}, 400, "title"),
        (path, {**good, "operator": "spreadsheets.guess"}, 422, "operator"),
        (path, {**good, "config": {"steps": [{"op": "shout"}]}}, 422, "config.steps.0"),
        (path, {**good, "inputs": [uuid4()]}, 422, "inputs.0"),
        (path, {**good, "inputs": [sheet.columns["A"]] * 2}, 422, "inputs"),
        (path, {"title": "Plain", "config": UPPER}, 422, "config"),
        (f"{path}/{up}", {"inputs": [up]}, 422, None),
        (f"{path}/{sheet.columns['A']}", {"inputs": [up]}, 422, None),
        (f"{path}/{up}", {"title": "Old", "version": 1}, 409, None),
        (f"{path}/{uuid4()}", {"title": "Lost"}, 404, None),
        (f"{path}/{sheet.columns['A']}/delete", None, 409, None),
    ):
        answer = await client.post(where, body)
        assert (answer.status, answer.error.get("field")) == (status, field), answer.body
    assert await sheet.db.fetch("select id, title, version from sheet_columns order by id") == before


async def test_a_deleted_column_is_out_of_sight_and_frees_its_inputs(client: Client, sheet: Sheet) -> None:
    await sheet.derive("Up", ["A"])
    path = f"/api/spreadsheets/{sheet.id}/columns"
    assert (await client.post(f"{path}/{sheet.columns['Up']}/delete")).status == 200
    assert (await client.post(f"{path}/{sheet.columns['A']}/delete")).status == 200
    assert [each["title"] for each in (await read(client, sheet.id))["columns"]] == ["B"]
    assert (await client.get(f"/api/spreadsheets/{sheet.id}/cells", column=[sheet.columns["A"]])).status == 422


async def test_columns_added_at_once_get_a_place_each(client: Client, sheet: Sheet) -> None:
    path = f"/api/spreadsheets/{sheet.id}/columns"
    answers = await asyncio.gather(*(client.post(path, {"title": str(n)}) for n in range(6)))
    assert [each.status for each in answers] == [201] * 6
    assert [each["position"] for each in (await read(client, sheet.id))["columns"]] == list(range(1, 9))


async def test_rows_are_added_below_the_last_one_and_say_where(client: Client, sheet: Sheet) -> None:
    await sheet.write("B", 3, "last")
    path = f"/api/spreadsheets/{sheet.id}/rows"
    columns = [sheet.columns["A"], sheet.columns["B"]]
    answer = await client.post(path, {"columns": columns, "rows": [["a", None], [None, "b"]]})
    assert (answer.status, answer.body) == (201, {"first_row": 4, "last_row": 5})
    assert (await client.post(path, {"count": 2})).body == {"first_row": 6, "last_row": 7}
    assert await sheet.history("A", 4) == [(None, "a", "manual")]
    assert (await sheet.edits("B", 5))[0]["user_id"] == sheet.owner_id
    assert (await client.post(path, {"columns": columns, "rows": [["a"]]})).error["field"] == "rows.0"
    assert (await client.post(path, {"columns": [uuid4()], "rows": [["a"]]})).error["field"] == "columns.0"
    assert (await client.post(path, {"count": 501})).error["field"] == "count"


async def test_nobody_makes_a_sheet_in_a_workspace_of_others(client: Client, sheet: Sheet) -> None:
    other = await sheet.db.fetchval("insert into workspaces (name) values ('Other') returning id")
    assert (await client.post("/api/spreadsheets", {"name": "X", "workspace_id": other})).status == 404
    assert await sheet.db.fetchval("select count(*) from spreadsheets") == 1
