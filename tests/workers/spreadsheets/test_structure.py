"""The shape of a sheet: moved, inserted, hidden, deleted and brought back, with its history kept and one audit row
each."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import pytest

from core.db.connect import Connection
from tests.running import Workers, all_ended
from tests.workers.spreadsheets.serving import Api, Client
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet, operate, write_rows

FORMULA = "spreadsheets.formula"


@pytest.fixture
async def rows(sheet: Sheet) -> Sheet:
    """Ten rows in A and B."""
    await write_rows(sheet, "A", [f"a{row}" for row in range(1, 11)])
    await write_rows(sheet, "B", [f"b{row}" for row in range(1, 11)])
    return sheet


async def order(sheet: Sheet, title: str = "A") -> list[tuple[int, str]]:
    found = await sheet.db.fetch(
        "select row_number, content from cells where column_id = $1 and content is not null order by row_number",
        sheet.columns[title],
    )
    return [(row["row_number"], row["content"]) for row in found]


async def audit(sheet: Sheet) -> list[str]:
    rows = await sheet.db.fetch(
        "select action from sheet_edit_events where spreadsheet_id = $1 and user_id is not null order by created_at",
        sheet.id,
    )
    return [row["action"] for row in rows]


async def moved(client: Client, sheet: Sheet, first: int, last: int, before: int) -> dict[str, int]:
    body = {"first": first, "last": last, "before": before}
    answer = await client.post(f"/api/spreadsheets/{sheet.id}/rows/move", body)
    assert answer.status == 200, answer.body
    found: dict[str, int] = answer.body
    return found


@pytest.mark.parametrize(
    ("first", "last", "before", "expected", "lands"),
    [
        (2, 3, 7, [1, 4, 5, 6, 2, 3, 7, 8, 9, 10], (5, 6)),
        (6, 8, 2, [1, 6, 7, 8, 2, 3, 4, 5, 9, 10], (2, 4)),
        (1, 1, 11, [2, 3, 4, 5, 6, 7, 8, 9, 10, 1], (10, 10)),
        (4, 5, 5, list(range(1, 11)), (4, 5)),
    ],
)
async def test_rows_move_with_everything_in_them_as_one_audit_row(
    rows: Sheet, client: Client, first: int, last: int, before: int, expected: list[int], lands: tuple[int, int]
) -> None:
    ids = {row["content"]: row["id"] for row in await rows.db.fetch("select id, content from cells")}
    edits = await rows.db.fetchval("select count(*) from cell_edit_events")
    assert await moved(client, rows, first, last, before) == {"first": lands[0], "last": lands[1]}
    for title in ("A", "B"):
        assert await order(rows, title) == [(at, f"{title.lower()}{row}") for at, row in enumerate(expected, 1)]
    assert ids == {row["content"]: row["id"] for row in await rows.db.fetch("select id, content from cells")}
    assert await rows.db.fetchval("select count(*) from cell_edit_events") == edits
    assert await audit(rows) == ([] if expected == list(range(1, 11)) else ["rows_moved"])


async def test_rows_are_inserted_deleted_and_brought_back_with_their_history(rows: Sheet, client: Client) -> None:
    path = f"/api/spreadsheets/{rows.id}/rows"
    cell_id = await rows.db.fetchval("select id from cells where content = 'a5'")
    assert (await client.post(f"{path}/insert", {"before": 3, "count": 2})).body == {"first": 3, "last": 4}
    assert await order(rows) == [(row if row < 3 else row + 2, f"a{row}") for row in range(1, 11)]
    gone = await client.post(f"{path}/delete", {"first": 6, "last": 8})
    assert await order(rows) == [(1, "a1"), (2, "a2"), (5, "a3"), *((row - 1, f"a{row}") for row in range(7, 11))]
    history = (await client.get(f"/api/spreadsheets/{rows.id}/cells/{cell_id}/history")).body["changes"]
    assert [change["new"] for change in history] == ["a5"]
    listed = (await client.get(f"/api/spreadsheets/{rows.id}/deleted")).body["deleted"]
    assert [(each["kind"], each["id"], each["first_row"]) for each in listed] == [("rows", gone.body["id"], 6)]
    back = await client.post(f"{path}/restore/{gone.body['id']}")
    assert back.body == {"first": 6, "last": 8}
    assert await order(rows) == [(row if row < 3 else row + 2, f"a{row}") for row in range(1, 11)]
    assert await rows.db.fetchval("select id from cells where content = 'a5'") == cell_id
    assert (await client.post(f"{path}/restore/{gone.body['id']}")).status == 404
    assert await audit(rows) == ["rows_inserted", "rows_deleted", "rows_restored"]


async def test_rows_deleted_with_the_gap_kept_leave_it(rows: Sheet, client: Client) -> None:
    await client.post(f"/api/spreadsheets/{rows.id}/rows/delete", {"first": 2, "last": 9, "keep_gap": True})
    assert await order(rows) == [(1, "a1"), (10, "a10")]


async def test_what_is_computed_goes_with_its_row_and_formulas_are_computed_anew(
    rows: Sheet, client: Client, workers: Workers
) -> None:
    await rows.derive("Up", ["A"])
    await operate(rows, "F", FORMULA, {"formula": '=A{row} & "!"'})
    await workers.start(TRANSFORM, FORMULA)
    await all_ended(rows.db)
    await moved(client, rows, 1, 1, 4)
    await all_ended(rows.db)
    assert (await order(rows, "Up"))[:4] == [(1, "A2"), (2, "A3"), (3, "A1"), (4, "A4")]
    assert json.loads((await rows.cell("F", 3))["formatted_content"])["value"] == "a1!"
    await rows.edit("A", 3, "new")
    await all_ended(rows.db)
    assert (await order(rows, "Up"))[2] == (3, "NEW")


async def test_more_cells_than_may_move_are_refused_and_nothing_happens(sheet: Sheet, client: Client) -> None:
    await sheet.db.execute(
        "insert into cells (spreadsheet_id, column_id, row_number, content) "
        "select $1, $2, n, 'x' from generate_series(1, 200100) n",
        sheet.id,
        sheet.columns["A"],
    )
    path = f"/api/spreadsheets/{sheet.id}/rows"
    answer = await client.post(f"{path}/move", {"first": 1, "last": 1, "before": 200101})
    assert (answer.status, answer.error["code"]) == (422, "too_large")
    assert "more than 200,000 cells would move" in answer.error["message"]
    with pytest.raises(Exception, match="more than 200,000 cells would move"):
        await sheet.db.execute("select spreadsheets_renumber_rows($1, array[1], array[200100], array[1])", sheet.id)
    assert await sheet.db.fetchval("select max(row_number) from cells") == 200100
    assert await audit(sheet) == []


async def test_columns_move_are_deleted_and_brought_back(rows: Sheet, client: Client) -> None:
    await rows.add("C", "D")
    path = f"/api/spreadsheets/{rows.id}"

    async def titles() -> list[str]:
        return [column["title"] for column in (await client.get(path)).body["columns"]]

    async def moves(title: str, before: str | None) -> list[str]:
        body = {"before": None if before is None else rows.columns[before]}
        assert (await client.post(f"{path}/columns/{rows.columns[title]}/move", body)).status == 200
        return await titles()

    assert await moves("D", "A") == ["D", "A", "B", "C"]
    assert await moves("A", None) == ["D", "B", "C", "A"]
    assert await moves("B", "A") == ["D", "C", "B", "A"]
    positions = "select array_agg(position order by position) from sheet_columns where spreadsheet_id = $1"
    assert await rows.db.fetchval(positions, rows.id) == [1, 2, 3, 4]
    await client.post(f"{path}/columns/{rows.columns['B']}/delete")
    assert await titles() == ["D", "C", "A"]
    assert (await client.post(f"{path}/columns/{rows.columns['B']}/restore")).status == 200
    assert await titles() == ["D", "C", "A", "B"]
    assert (await order(rows, "B"))[0] == (1, "b1")
    assert await audit(rows) == ["column_moved"] * 3 + ["column_deleted", "column_restored"]


async def test_rows_are_hidden_and_resized_and_their_shape_moves_with_them(rows: Sheet, client: Client) -> None:
    path = f"/api/spreadsheets/{rows.id}/rows"
    await client.post(f"{path}/shape", {"first": 2, "last": 3, "is_visible": False})
    await client.post(f"{path}/shape", {"first": 3, "last": 3, "height": 60})
    shaped = [{"row": 2, "height": None, "is_visible": False}, {"row": 3, "height": 60, "is_visible": False}]
    assert (await client.get(path)).body["rows"] == shaped
    await moved(client, rows, 2, 2, 6)
    shaped = [{"row": 2, "height": 60, "is_visible": False}, {"row": 5, "height": None, "is_visible": False}]
    assert (await client.get(path)).body["rows"] == shaped
    await client.post(f"{path}/shape", {"first": 1, "last": 10, "is_visible": True})
    assert (await client.get(path)).body["rows"] == [{"row": 2, "height": 60, "is_visible": True}]


async def test_an_edit_by_place_meets_the_row_that_stands_there_now(rows: Sheet, client: Client) -> None:
    """Who has not seen the move edits what is not there any more, and is told."""
    version = await rows.db.fetchval("select version from cells where content = 'a1'")
    await moved(client, rows, 1, 1, 3)
    edit = {"row": 1, "column_id": rows.columns["A"], "content": "mine", "version": version}
    answer = await client.edit(rows.id, edit)
    assert (answer.status, answer.error["details"]["cells"][0]["content"]) == (409, "a2")


async def test_a_move_is_told_in_the_feed(rows: Sheet, client: Client) -> None:
    async with client.feed(rows.id) as feed:
        await feed.message()
        await moved(client, rows, 1, 2, 9)
        (change,) = await feed.until(1)
    assert (change["kind"], change["action"], change["details"]) == ("sheet", "rows_moved", {"before_row": 9})


async def test_the_owner_opens_a_sheet_to_read_and_gives_it_away(
    api: Api, db: Connection, rows: Sheet, client: Client
) -> None:
    path = f"/api/spreadsheets/{rows.id}"
    email = f"{uuid4()}@rowmill.invalid"
    other = await api.client(db, email)
    assert (await other.get(path)).status == 404
    assert (await client.post(f"{path}/share", {"is_public": True})).status == 200
    assert (await other.get(path)).body["may_edit"] is False
    assert (await other.post(f"{path}/share", {"is_public": False})).status == 403
    assert (await other.post(f"{path}/rows/delete", {"first": 1, "last": 1})).status == 403
    assert (await client.post(f"{path}/share", {"owner": "nobody@rowmill.invalid"})).status == 422
    assert (await client.post(f"{path}/share", {"is_public": False, "owner": email})).status == 200
    assert (await other.get(path)).body["may_edit"] is True
    assert (await client.get(path)).status == 404
    assert await audit(rows) == ["sheet_shared", "sheet_shared"]


# --- undo -------------------------------------------------------------------------------------------------------------


async def events(sheet: Sheet, title: str, row: int) -> list[UUID]:
    return [event["id"] for event in await sheet.edits(title, row)]


async def test_an_edit_is_undone_by_an_edit_that_can_be_undone(rows: Sheet, client: Client) -> None:
    path = f"/api/spreadsheets/{rows.id}/undo"
    await rows.edit("A", 1, "wrong")
    answer = await client.post(path, {"edits": [(await events(rows, "A", 1))[-1]]})
    assert (answer.status, answer.body["cells"][0]["content"]) == (200, "a1")
    assert (await rows.history("A", 1))[-1] == ("wrong", "a1", "undo")
    answer = await client.post(path, {"edits": [(await events(rows, "A", 1))[-1]]})
    assert await rows.content("A", 1) == "wrong"
    assert (await rows.edits("A", 1))[-1]["user_id"] == rows.owner_id


async def test_an_undo_of_what_has_changed_since_is_refused_with_what_is_there(rows: Sheet, client: Client) -> None:
    path = f"/api/spreadsheets/{rows.id}/undo"
    await rows.edit("A", 1, "wrong")
    await rows.edit("A", 1, "right")
    edit = (await events(rows, "A", 1))[1]
    answer = await client.post(path, {"edits": [edit]})
    assert (answer.status, answer.error["details"]["cells"][0]["content"]) == (409, "right")
    assert await rows.content("A", 1) == "right"
    assert (await client.post(path, {"edits": [edit], "anyway": True})).status == 200
    assert await rows.content("A", 1) == "a1"


async def test_an_undo_of_edits_around_another_one_is_refused(rows: Sheet, client: Client) -> None:
    path = f"/api/spreadsheets/{rows.id}/undo"
    for text in ("first", "theirs", "third"):
        await rows.edit("A", 1, text)
    first, theirs, third = (await events(rows, "A", 1))[1:]
    answer = await client.post(path, {"edits": [first, third]})
    assert (answer.status, answer.error["details"]["cells"][0]["content"]) == (409, "third")
    assert await rows.content("A", 1) == "third"
    answer = await client.post(path, {"edits": [first, theirs, third]})
    assert (answer.status, await rows.content("A", 1)) == (200, "a1")


async def test_a_robots_edits_and_a_whole_command_are_undone(rows: Sheet, client: Client, workers: Workers) -> None:
    await rows.derive("Up", ["A"])
    await workers.start(TRANSFORM)
    await all_ended(rows.db)
    path, key = f"/api/spreadsheets/{rows.id}", uuid4()
    versions = {
        row["row_number"]: row["version"]
        for row in await rows.db.fetch("select row_number, version from cells where column_id = $1", rows.columns["A"])
    }
    edits = [
        {"row": row, "column_id": rows.columns["A"], "content": "pasted", "version": versions[row]} for row in (1, 2)
    ]
    assert (await client.edit(rows.id, *edits, key=key)).status == 200
    await all_ended(rows.db)
    command = (await rows.edits("A", 1))[-1]["command_id"]
    assert (await client.post(f"{path}/undo", {"command": command})).status == 200
    assert [await rows.content("A", row) for row in (1, 2, 3)] == ["a1", "a2", "a3"]
    await all_ended(rows.db)
    assert await rows.content("Up", 1) == "A1"
    robot = (await rows.edits("Up", 3))[-1]
    assert (await client.post(f"{path}/undo", {"task": robot["task_id"]})).status == 200
    assert await rows.content("Up", 3) is None
    assert (await rows.history("Up", 3))[-1] == ("A3", None, "undo")


async def test_what_cannot_be_undone_says_why(rows: Sheet, client: Client) -> None:
    path = f"/api/spreadsheets/{rows.id}"
    assert (await client.post(f"{path}/undo", {})).status == 422
    assert (await client.post(f"{path}/undo", {"edits": [uuid4()]})).status == 404
    (edit,) = await events(rows, "A", 1)
    await client.post(f"{path}/rows/delete", {"first": 1, "last": 1})
    answer = await client.post(f"{path}/undo", {"edits": [edit]})
    assert (answer.status, answer.error["code"]) == (409, "gone")


async def test_a_column_runs_again_on_selected_rows(rows: Sheet, client: Client, workers: Workers) -> None:
    await rows.derive("Up", ["A"])
    await workers.start(TRANSFORM)
    await all_ended(rows.db)
    for row in (1, 2, 3):
        await rows.edit("Up", row, "mine")
    path = f"/api/spreadsheets/{rows.id}/columns/{rows.columns['Up']}/run"
    assert (await client.post(path, {"rows": [[2, 3]]})).status == 200
    await all_ended(rows.db)
    assert [await rows.content("Up", row) for row in (1, 2, 3)] == ["mine", "A2", "A3"]
    assert (await client.post(f"/api/spreadsheets/{rows.id}/columns/{rows.columns['A']}/run", {})).status == 409
    assert (await client.post(path, {"rows": [[3, 2]]})).status == 422
