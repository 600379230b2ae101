"""Cells over HTTP: windows come from one range of an index, edits are written once, on the versions that were read."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.running import Workers, all_ended
from tests.workers.spreadsheets.serving import Api, Client
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet


async def cells_of(client: Client, sheet: Sheet, **window: Any) -> list[dict[str, Any]]:
    answer = await client.get(f"/api/spreadsheets/{sheet.id}/cells", **window)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.body["cells"]
    return found


def at(sheet: Sheet, title: str, row: int, content: str | None, version: int = 0) -> dict[str, Any]:
    return {"row": row, "column_id": sheet.columns[title], "content": content, "version": version}


async def written(sheet: Sheet) -> list[tuple[str, int, str | None]]:
    rows = await sheet.db.fetch(
        "select k.title, c.row_number, c.content from cells c join sheet_columns k on k.id = c.column_id "
        "where c.spreadsheet_id = $1 order by 1, 2",
        sheet.id,
    )
    return [tuple(row) for row in rows]


# --- windows ---------------------------------------------------------------------------------------------------------


async def test_a_window_is_ordered_by_row_and_column(client: Client, sheet: Sheet) -> None:
    for title, row in (("B", 2), ("A", 2), ("B", 1), ("A", 3), ("A", 1)):
        await sheet.write(title, row, f"{title}{row}")
    assert [each["content"] for each in await cells_of(client, sheet, first=1, last=2)] == ["A1", "B1", "A2", "B2"]
    only_b = await cells_of(client, sheet, column=[sheet.columns["B"]])
    assert [each["content"] for each in only_b] == ["B1", "B2"]
    assert await cells_of(client, sheet, first=50, last=60) == []


async def test_a_cell_shows_what_a_robot_made_of_it_and_whether_it_is_at_it(
    client: Client, sheet: Sheet, workers: Workers
) -> None:
    await sheet.derive("Up", ["A"])
    await sheet.derive("Number", ["A"], [{"op": "number"}])
    await sheet.write("A", 1, "ten")
    states = {each["column_id"]: each["state"] for each in await cells_of(client, sheet)}
    assert states == {
        str(sheet.columns["A"]): "ok",
        str(sheet.columns["Up"]): "stale",
        str(sheet.columns["Number"]): "stale",
    }
    await workers.start(TRANSFORM)
    await all_ended(sheet.db)
    shown = {each["column_id"]: each for each in await cells_of(client, sheet)}
    assert (shown[str(sheet.columns["Up"])]["content"], shown[str(sheet.columns["Up"])]["state"]) == ("TEN", "ok")
    failed = shown[str(sheet.columns["Number"])]
    assert (failed["content"], failed["state"], failed["input"]) == (None, "error", "ten")
    assert "number" in failed["error"]


@pytest.mark.parametrize(
    ("window", "status", "field"),
    [
        ({"first": 0}, 400, "first"),
        ({"first": "x"}, 400, "first"),
        ({"first": 5, "last": 4}, 422, "last"),
        ({"first": 1, "last": 1001}, 422, "last"),
        ({"column": [UUID(int=1)]}, 422, "column.0"),
        ({"colour": "red"}, 400, "colour"),
    ],
)
async def test_a_window_that_cannot_be_is_refused_by_its_field(
    client: Client, sheet: Sheet, window: dict[str, Any], status: int, field: str
) -> None:
    answer = await client.get(f"/api/spreadsheets/{sheet.id}/cells", **window)
    assert (answer.status, answer.error["field"]) == (status, field)


async def test_a_window_costs_the_same_beside_a_large_sheet(client: Client, sheet: Sheet) -> None:
    """As few pages beside 200,000 cells that nobody has analyzed as the window itself has; a scan takes thousands."""
    await sheet.db.execute("alter table cells disable trigger user")
    await sheet.db.execute(
        "insert into cells (spreadsheet_id, column_id, row_number, content) "
        "select $1, c, n, n::text from generate_series(1, 100000) n cross join unnest($2::uuid[]) c",
        sheet.id,
        [sheet.columns["A"], sheet.columns["B"]],
    )
    cells = await cells_of(client, sheet, first=70_001, last=70_100)
    assert [each["row"] for each in cells[::2]] == list(range(70_001, 70_101))
    assert await pages_of_a_window(sheet) < 700


async def pages_of_a_window(sheet: Sheet) -> int:
    from core.db import catalogs

    statement = catalogs.of_package("workers.spreadsheets")["http_window"]
    values = {"column_id": list(sheet.columns.values()), "first_row": 70_001, "last_row": 70_100}
    await sheet.db.execute("set plan_cache_mode = force_generic_plan")
    plan = await sheet.db.fetchval(f"explain (analyze, buffers, format json) {statement.sql}", *statement.bind(values))
    import json

    top = json.loads(plan)[0]["Plan"]
    return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])


# --- edits -----------------------------------------------------------------------------------------------------------


async def test_a_batch_edits_and_makes_cells_and_says_their_versions(client: Client, sheet: Sheet) -> None:
    await sheet.write("A", 1, "old")
    (cell,) = await cells_of(client, sheet)
    by_id = {"cell_id": cell["id"], "content": "new", "version": cell["version"]}
    answer = await client.edit(sheet.id, by_id, at(sheet, "B", 7, "made"))
    assert answer.status == 200, answer.body
    assert [(each["row"], each["content"]) for each in answer.body["cells"]] == [(1, "new"), (7, "made")]
    now = {each["id"]: each["version"] for each in await cells_of(client, sheet)}
    assert {each["cell_id"]: each["version"] for each in answer.body["cells"]} == now
    assert await sheet.history("A", 1) == [(None, "old", "sql"), ("old", "new", "manual")]
    assert await sheet.history("B", 7) == [(None, "made", "manual")]
    events = await sheet.db.fetch("select distinct user_id from cell_edit_events where edit_type = 'manual'")
    assert [event["user_id"] for event in events] == [sheet.owner_id]


async def test_an_edit_enqueues_what_depends_on_the_cell(client: Client, sheet: Sheet) -> None:
    await sheet.derive("Up", ["A"])
    assert (await client.edit(sheet.id, at(sheet, "A", 1, "one"))).status == 200
    assert await sheet.enqueued() == [("Up", 1)]


async def test_cells_that_have_changed_refuse_the_batch_and_are_named(client: Client, sheet: Sheet) -> None:
    await sheet.write("A", 1, "one")
    await sheet.write("A", 2, "two")
    cells = await cells_of(client, sheet)
    await sheet.edit("A", 2, "theirs")
    edits = [{"cell_id": each["id"], "content": "mine", "version": each["version"]} for each in cells]
    answer = await client.edit(sheet.id, *edits, at(sheet, "B", 1, "new"))
    assert (answer.status, answer.error["code"], answer.error["field"]) == (409, "stale", "edits.1")
    (named,) = answer.error["details"]["cells"]
    now = await sheet.cell("A", 2)
    assert (named["edit"], named["row"], named["content"], named["version"]) == (1, 2, "theirs", now["version"])
    assert await written(sheet) == [("A", 1, "one"), ("A", 2, "theirs")]


async def test_a_cell_made_meanwhile_is_a_conflict_and_not_overwritten(client: Client, sheet: Sheet) -> None:
    await sheet.write("A", 1, "theirs")
    answer = await client.edit(sheet.id, at(sheet, "A", 1, "mine"))
    assert (answer.status, answer.error["details"]["cells"][0]["content"]) == (409, "theirs")


async def test_of_two_edits_of_one_cell_at_once_one_wins_and_the_other_is_told(client: Client, sheet: Sheet) -> None:
    answers = await asyncio.gather(*(client.edit(sheet.id, at(sheet, "A", 1, str(n))) for n in range(6)))
    assert sorted(each.status for each in answers) == [200, 409, 409, 409, 409, 409]
    won = next(each.body["cells"][0]["content"] for each in answers if each.status == 200)
    assert await written(sheet) == [("A", 1, won)]
    assert {each.error["details"]["cells"][0]["content"] for each in answers if each.status == 409} == {won}


async def test_the_same_request_again_hears_the_same_and_writes_once(client: Client, sheet: Sheet) -> None:
    key = uuid4()
    first = await client.edit(sheet.id, at(sheet, "A", 1, "one"), key=key)
    await sheet.edit("A", 1, "later")
    assert await client.edit(sheet.id, at(sheet, "A", 1, "one"), key=key) == first
    assert (await client.edit(sheet.id, at(sheet, "A", 1, "two"), key=key)).status == 409
    assert await written(sheet) == [("A", 1, "later")]


async def test_an_empty_text_clears_a_cell(client: Client, sheet: Sheet) -> None:
    await sheet.write("A", 1, "one")
    (cell,) = await cells_of(client, sheet)
    await client.edit(sheet.id, {"cell_id": cell["id"], "content": "", "version": cell["version"]})
    assert await written(sheet) == [("A", 1, None)]


async def test_bad_edits_are_refused_by_their_field_and_nothing_is_written(client: Client, sheet: Sheet) -> None:
    good, column = at(sheet, "A", 1, "good"), sheet.columns["A"]
    other = {"row": 1, "column_id": uuid4(), "content": "x", "version": 0}
    for bad, status, field in (
        ([], 400, "edits"),
        ([good, {**good, "row": 0}], 400, "edits.1.row"),
        ([good, {**good, "content": "x" * 50_001}], 400, "edits.1.content"),
        ([good, {**good, "version": -1}], 400, "edits.1.version"),
        ([good, {"row": 2, "column_id": column, "content": "x"}], 400, "edits.1.version"),
        ([good, {**good, "colour": 1}], 400, "edits.1.colour"),
        ([good] * 501, 400, "edits"),
        ([good, {"content": "x", "version": 0}], 422, "edits.1"),
        ([good, {"row": 2, "content": "x", "version": 0}], 422, "edits.1"),
        ([good, {**good, "cell_id": uuid4()}], 422, "edits.1"),
        ([good, other], 422, "edits.1.column_id"),
        ([good, {"cell_id": uuid4(), "content": "x", "version": 1}], 422, "edits.1.cell_id"),
        ([good, good], 422, "edits.1"),
    ):
        answer = await client.edit(sheet.id, *bad)
        assert (answer.status, answer.error.get("field")) == (status, field), answer.body
        assert answer.error["message"]
    assert await written(sheet) == []


# --- history ---------------------------------------------------------------------------------------------------------


async def test_the_history_of_a_cell_names_person_run_and_login(client: Client, sheet: Sheet, workers: Workers) -> None:
    await sheet.derive("Up", ["A"])
    await client.edit(sheet.id, at(sheet, "A", 1, "one"))
    await workers.start(TRANSFORM)
    await all_ended(sheet.db)
    await sheet.edit("Up", 1, "by hand")
    cell = (await sheet.cell("Up", 1))["id"]
    answer = await client.get(f"/api/spreadsheets/{sheet.id}/cells/{cell}/history")
    changes = answer.body["changes"]
    assert [(each["old"], each["new"], each["edit"]) for each in changes] == [
        ("ONE", "by hand", "sql"),
        (None, "ONE", "robot"),
    ]
    assert changes[0]["by"]["sql_user"] == await sheet.db.fetchval("select session_user")
    assert (changes[1]["by"]["operator"], changes[1]["by"]["run"]) == (TRANSFORM, 1)
    person = (await client.get(f"/api/spreadsheets/{sheet.id}/cells/{(await sheet.cell('A', 1))['id']}/history")).body
    assert person["changes"][0]["by"]["user"] == str(sheet.owner_id)
    assert "@" in person["changes"][0]["by"]["email"]


async def test_a_history_is_paged_without_gap_or_overlap(client: Client, sheet: Sheet) -> None:
    cell = await sheet.write("A", 1, "0")
    for n in range(1, 8):
        await sheet.edit("A", 1, str(n))
        await sheet.db.execute("select pg_sleep(0.002)")  # ids are in order by millisecond
    path, seen, before = f"/api/spreadsheets/{sheet.id}/cells/{cell}/history", [], None
    more = True
    while more:
        page = (await client.get(path, limit=3, before=before)).body
        seen += [each["new"] for each in page["changes"]]
        before, more = page["changes"][-1]["id"], page["more"]
    assert seen == list("76543210")
    assert (await client.get(f"/api/spreadsheets/{sheet.id}/cells/{uuid4()}/history")).body == {
        "changes": [],
        "more": False,
    }


# --- permission ------------------------------------------------------------------------------------------------------


async def test_a_sheet_of_others_does_not_exist_and_a_public_one_cannot_be_edited(
    api: Api, client: Client, sheet: Sheet
) -> None:
    stranger = await api.client(sheet.db, "stranger@rowmill.invalid")
    for path in ("", "/cells", f"/cells/{uuid4()}/history"):
        assert (await stranger.get(f"/api/spreadsheets/{sheet.id}{path}")).status == 404
    assert (await stranger.edit(sheet.id, at(sheet, "A", 1, "x"))).status == 404
    await sheet.db.execute("update spreadsheets set is_public = true where id = $1", sheet.id)
    assert (await stranger.get(f"/api/spreadsheets/{sheet.id}/cells")).status == 200
    assert (await stranger.edit(sheet.id, at(sheet, "A", 1, "x"))).status == 403
    reader = await api.client(sheet.db, "reader@rowmill.invalid", "read")
    assert (await reader.edit(sheet.id, at(sheet, "A", 1, "x"))).status == 403
    assert await written(sheet) == []


async def test_members_of_the_workspace_may_edit(api: Api, sheet: Sheet) -> None:
    workspace = await sheet.db.fetchval("select workspace_id from spreadsheets where id = $1", sheet.id)
    member = await api.client(sheet.db, "member@rowmill.invalid", workspaces=[workspace])
    assert (await member.edit(sheet.id, at(sheet, "A", 1, "x"))).status == 200
