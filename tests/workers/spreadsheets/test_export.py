"""An export shows what the sheet shows, is safe to open, appears whole, and comes out the same each time."""

from __future__ import annotations

import csv
import json
import zipfile
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from python_calamine import CalamineWorkbook

from tests.running import Workers, all_ended, ended, enqueue
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet

EXPORT = "spreadsheets.export_file"


async def export(sheet: Sheet, file: str, **payload: Any) -> dict[str, Any]:
    """The ended task."""
    task_id = await enqueue(sheet.db, EXPORT, {"spreadsheet_id": str(sheet.id), "file": file, **payload})
    return await ended(sheet.db, task_id)


def read_csv(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


def read_xlsx(path: Path) -> list[list[Any]]:
    return CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python(skip_empty_area=False)


async def show(sheet: Sheet, title: str, row: int, content: str | None, shown: dict[str, str], kind: str) -> None:
    """A cell as an operator leaves it."""
    cell_id: UUID = await sheet.write(title, row, content)
    await sheet.db.execute(
        "update cells set formatted_content = $2, cell_type = $3 where id = $1", cell_id, json.dumps(shown), kind
    )


async def test_csv_and_xlsx_read_back_as_the_sheet_shows_itself(sheet: Sheet, files: Path, workers: Workers) -> None:
    await sheet.write("A", 1, "Jürgen, Köln")
    await sheet.write("B", 1, "two\nlines")
    await sheet.write("B", 3, "third row")
    await workers.start(EXPORT)
    tasks = [await export(sheet, name) for name in ("out.csv", "out.xlsx")]
    assert [json.loads(task["output"]) for task in tasks] == [
        {"file": str(files / name), "rows": 3, "columns": 2} for name in ("out.csv", "out.xlsx")
    ]
    expected = [["A", "B"], ["Jürgen, Köln", "two\nlines"], ["", ""], ["", "third row"]]
    assert read_csv(files / "out.csv") == expected
    assert read_xlsx(files / "out.xlsx") == expected


async def test_shown_values_kinds_and_errors_are_what_is_exported(sheet: Sheet, files: Path, workers: Workers) -> None:
    await show(sheet, "A", 1, "1234.5", {"value": "1,234.50"}, "text")
    await show(sheet, "A", 2, "2024-02-29", {}, "date")
    await show(sheet, "B", 1, "12.25", {}, "number")
    await show(sheet, "B", 2, None, {"error": "This is no number.", "input": "x"}, "error")
    await workers.start(EXPORT)
    for name in ("out.csv", "out.xlsx"):
        assert (await export(sheet, name))["status"] == "completed"
    assert read_csv(files / "out.csv")[1:] == [["1,234.50", "12.25"], ["2024-02-29", "#ERROR: This is no number."]]
    assert read_xlsx(files / "out.xlsx")[1:] == [["1,234.50", 12.25], [date(2024, 2, 29), "#ERROR: This is no number."]]
    with zipfile.ZipFile(files / "out.xlsx") as book:  # formats without a cell are not written
        assert b'rgb="FFB00000"' in book.read("xl/styles.xml")


async def test_the_result_of_a_cascade_is_exported(sheet: Sheet, files: Path, workers: Workers) -> None:
    await sheet.derive("Number", ["A"], [{"op": "number"}])
    for row, content in enumerate(("12", "twelve"), start=1):
        await sheet.write("A", row, content)
    await workers.start(EXPORT, TRANSFORM)
    await all_ended(sheet.db)
    await export(sheet, "out.csv")
    header, good, bad = read_csv(files / "out.csv")
    assert (header, good) == (["A", "B", "Number"], ["12", "", "12"])
    assert bad[:2] == ["twelve", ""]
    assert bad[2].startswith("#ERROR: ")


async def test_no_text_becomes_a_formula(sheet: Sheet, files: Path, workers: Workers) -> None:
    texts = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", " =1", "-5", "+49.5"]
    await sheet.add("=TITLE()")
    for row, text in enumerate(texts, start=1):
        await sheet.write("A", row, text)
    await workers.start(EXPORT)
    for name in ("out.csv", "out.xlsx"):
        await export(sheet, name)
    assert [row[0] for row in read_csv(files / "out.csv")[1:]] == [*(f"'{text}" for text in texts[:6]), "-5", "+49.5"]
    assert read_csv(files / "out.csv")[0][2] == "'=TITLE()"
    assert [row[0] for row in read_xlsx(files / "out.xlsx")[1:]] == texts
    with zipfile.ZipFile(files / "out.xlsx") as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")


async def test_hidden_and_deleted_columns_are_left_out_and_the_order_is_by_position(
    sheet: Sheet, files: Path, workers: Workers
) -> None:
    await sheet.add("Hidden", visible=False)
    await sheet.add("Gone", "Last")
    for title in ("A", "B", "Hidden", "Gone", "Last"):
        await sheet.write(title, 1, title.lower())
    await sheet.db.execute("update sheet_columns set deleted_at = now() where title = 'Gone'")
    await sheet.db.execute("update sheet_columns set position = 0 where title = 'Last'")
    await workers.start(EXPORT)
    await export(sheet, "out.csv")
    assert read_csv(files / "out.csv") == [["Last", "A", "B"], ["last", "a", "b"]]


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
async def test_a_repeated_export_is_the_same_file(sheet: Sheet, files: Path, workers: Workers, name: str) -> None:
    await sheet.write("A", 1, "one")
    await workers.start(EXPORT)
    await export(sheet, name)
    first = (files / name).read_bytes()
    await export(sheet, name)
    assert (files / name).read_bytes() == first
    assert [each.name for each in files.iterdir()] == [name]
    if name == "out.xlsx":
        with zipfile.ZipFile(files / name) as book:  # a second export may fall into the same second
            assert str(date.today().year).encode() not in book.read("docProps/core.xml")  # noqa: DTZ011


async def test_more_rows_than_a_page_are_exported_in_order(sheet: Sheet, files: Path, workers: Workers) -> None:
    await sheet.db.execute(
        "insert into cells (spreadsheet_id, column_id, row_number, content) "
        "select $1, $2, r, 'r' || r from generate_series(1, 1201) r",
        sheet.id,
        sheet.columns["A"],
    )
    await workers.start(EXPORT)
    await export(sheet, "out.csv")
    assert [row[0] for row in read_csv(files / "out.csv")[1:]] == [f"r{row}" for row in range(1, 1202)]


async def test_the_format_may_be_said_and_folders_are_made(sheet: Sheet, files: Path, workers: Workers) -> None:
    await sheet.write("A", 1, "one")
    await workers.start(EXPORT)
    await export(sheet, "deep/down/out.txt", format="csv")
    assert read_csv(files / "deep" / "down" / "out.txt") == [["A", "B"], ["one", ""]]


async def test_an_empty_sheet_is_a_header(sheet: Sheet, files: Path, workers: Workers) -> None:
    await workers.start(EXPORT)
    assert json.loads((await export(sheet, "out.csv"))["output"])["rows"] == 0
    assert read_csv(files / "out.csv") == [["A", "B"]]


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"file": "../out.csv"}, "is not a name inside the folder"),
    ({"file": "/tmp/out.csv"}, "is not a name inside the folder"),
    *(({"file": f"{name}/1.csv"}, "keeps for itself") for name in ("blobs", "Mail", "work-orders", "workspaces")),
    ({"file": "out.csv", "format": "pdf"}, "payload.format: Input should be 'xlsx' or 'csv'"),
    ({"file": "out.csv", "spreadsheet_id": str(UUID(int=1))}, "there is no spreadsheet"),
]


async def test_an_export_that_cannot_be_made_fails_at_once_with_a_sentence(
    sheet: Sheet, files: Path, workers: Workers
) -> None:
    await workers.start(EXPORT)
    for payload, told in REFUSED:
        task = await export(sheet, **payload)
        assert (task["status"], task["attempts"]) == ("failed", 1)
        assert told in task["error_message"]
    assert list(files.iterdir()) == []
