"""Files in and out: every usual encoding, chunks in order, sentences for what cannot be read, whole files or none."""

from __future__ import annotations

import csv
import re
import threading
import tracemalloc
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import chain, repeat
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from xlsxwriter import Workbook  # type: ignore[import-untyped]

from core import RowmillError
from tests.workers.spreadsheets.slow_file import SlowFile
from workers.spreadsheets.adapter import (
    FileUnreadable,
    PathRefused,
    TooLargeForXlsx,
    open_table,
    resolve,
    write_csv,
    write_xlsx,
)
from workers.spreadsheets.adapter.csv_files import MAX_FIELD
from workers.spreadsheets.model import CellType, Value


def table_of(path: Path, content: bytes) -> tuple[tuple[str, ...], list[tuple[str | None, ...]]]:
    path.write_bytes(content)
    with open_table(path) as table:
        return table.header, table.rows(0, table.row_count + 1)


def cell(content: str | None, cell_type: CellType = "text") -> Value:
    return Value(content, None, cell_type)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


# --- closing ---------------------------------------------------------------------------------------------------------


def test_a_table_may_be_closed_while_a_thread_reads_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread reads on to the end of its chunk, and the file is closed with it."""
    slow = SlowFile(monkeypatch)
    path.write_text("a\n1\n2\n", encoding="utf-8")
    found: list[object] = []
    with open_table(path) as table:
        reading = threading.Thread(target=lambda: found.extend(table.rows(0, 2)))
        reading.start()
        assert slow.reading.wait(10)
    slow.go.set()
    reading.join(10)
    assert found == [("1",), ("2",)]
    assert slow.closed.wait(10)


def test_a_closed_table_has_closed_its_file_and_can_be_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = SlowFile(monkeypatch)
    slow.go.set()
    path.write_text("a\n1\n2\n", encoding="utf-8")
    table = open_table(path)
    assert table.rows(0, 1) == [("1",)]
    assert not slow.closed.is_set()
    table.close()
    assert slow.closed.is_set()
    assert table.rows(1, 1) == [("2",)]


# --- CSV in ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_german_text_is_read_in_every_usual_encoding(path: Path, encoding: str) -> None:
    content = "Name;Ort\nJürgen Groß;Köln\nZoë;5 €\n".encode(encoding)
    assert table_of(path, content) == (("Name", "Ort"), [("Jürgen Groß", "Köln"), ("Zoë", "5 €")])


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Имя,Город\nИванов Сергей,Москва\nПетрова Анна,Санкт-Петербург\n"),
        ("cp1253", "Όνομα,Πόλη\nΓιώργος Παπαδόπουλος,Αθήνα\nΜαρία,Θεσσαλονίκη\n"),
        ("shift_jis", "名前,市\n山田太郎,東京都\n佐藤花子,大阪府\n"),
        ("gb18030", "姓名,城市\n王小明,北京市\n李雷,上海市\n"),
        ("euc_kr", "이름,도시\n김철수,서울\n"),
    ],
)
def test_other_scripts_are_read_in_their_old_encodings(path: Path, encoding: str, text: str) -> None:
    header, rows = table_of(path, text.encode(encoding))
    assert [header, *rows] == [tuple(line.split(",")) for line in text.splitlines()]


def test_one_late_foreign_byte_is_enough_to_leave_utf8(path: Path) -> None:
    content = b"Name,Ort\n" + b"Anna,Berlin\n" * 200_000 + "Jürgen,Köln\n".encode("cp1252")
    assert table_of(path, content)[1][-1] == ("Jürgen", "Köln")


@pytest.mark.parametrize(
    ("content", "header", "rows"),
    [
        (b'a,b\n"line one\nline two","x ""y"""\n', ("a", "b"), [("line one\nline two", 'x "y"')]),
        (b"a;b\r1;2\r3;4\r", ("a", "b"), [("1", "2"), ("3", "4")]),
        (b"sep=;\r\na;b\r\n1;2", ("a", "b"), [("1", "2")]),
        (b"a,b\n1\n1,2,3\n\n,,\n", ("a", "b", "Column 3"), [("1", None, None), ("1", "2", "3"), (None, None, None)]),
        (b"a,a,,a\n", ("a", "a 2", "Column 3", "a 3"), []),
        (b"\n\na\n1\n", ("a",), [("1",)]),
        (b"a\x00b,c\n\x001,2\n", ("ab", "c"), [("1", "2")]),
        (b'a,b\n"never closed,2\n3,4', ("a", "b"), [("never closed,2\n3,4", None)]),
    ],
)
def test_a_table_is_read_as_it_was_meant(
    path: Path, content: bytes, header: tuple[str, ...], rows: list[tuple[str | None, ...]]
) -> None:
    assert table_of(path, content) == (header, rows)


def test_a_cell_of_a_megabyte_is_read(path: Path) -> None:
    assert table_of(path, b'a,b\n"' + b"x\n" * 500_000 + b'",2\n')[1] == [("x\n" * 500_000, "2")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n \r\n"[:1], "is empty"),
        (b"%PDF-1.7\n" + bytes(range(256)) * 20, "neither text nor a workbook"),
        (b"PK\x03\x04 and nothing more", "not a sound workbook"),
        (b"\xd0\xcf\x11\xe0 and nothing more", "an old or a locked workbook"),
        (b'a,b\n"' + b"x\n" * MAX_FIELD, "look for a quote without an end"),
        (b"a,b\n" + b"x" * (MAX_FIELD * 2 + 1), "a line of more than"),
        (b"a," * 20_000 + b"b\n", "20,001 columns"),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(path: Path, content: bytes, words: str) -> None:
    with pytest.raises(FileUnreadable, match=words) as refused:
        table_of(path, content)
    assert isinstance(refused.value, RowmillError)


def test_a_missing_file_and_a_folder_are_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="does not exist"):
        open_table(tmp_path / "none.csv")
    with pytest.raises(FileUnreadable, match="cannot be read"):
        open_table(tmp_path)


def test_a_file_that_vanishes_while_it_is_open_is_refused_with_a_sentence(path: Path) -> None:
    path.write_text("a\n1\n")
    with open_table(path) as table:
        path.unlink()
        with pytest.raises(FileUnreadable, match="does not exist"):
            table.rows(0, 1)


# --- chunks ----------------------------------------------------------------------------------------------------------


def numbered(path: Path, count: int) -> Path:
    path.write_text("n,square\n" + "".join(f"{n},{n * n}\n" for n in range(count)))
    return path


@pytest.mark.parametrize("size", [1, 3, 7, 10, 11])
def test_chunks_put_together_are_the_table(path: Path, size: int) -> None:
    with open_table(numbered(path, 10)) as table:
        chunks = [table.rows(start, size) for start in range(0, 10, size)]
    assert [row[0] for row in chain.from_iterable(chunks)] == [str(n) for n in range(10)]


def test_a_resumed_table_goes_on_at_any_row(path: Path) -> None:
    with open_table(numbered(path, 10)) as table:
        assert [table.rows(start, 1) for start in (7, 2, 2, 9, 0)] == [[(str(n), str(n * n))] for n in (7, 2, 2, 9, 0)]


def test_past_the_end_there_are_no_rows(path: Path) -> None:
    with open_table(numbered(path, 3)) as table:
        assert (table.rows(2, 5), table.rows(3, 5), table.rows(99, 5), table.rows(0, 1)) == (
            [("2", "4")],
            [],
            [],
            [("0", "0")],
        )


def test_reading_in_order_opens_the_file_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_table(numbered(path, 100)) as table:
        opened: list[Path] = []
        original = Path.open

        def counted(self: Path, *args: object, **options: object) -> object:
            opened.append(self)
            return original(self, *args, **options)  # type: ignore[call-overload]

        monkeypatch.setattr(Path, "open", counted)
        for start in range(0, 100, 10):
            table.rows(start, 10)
    assert opened == [path]


def test_a_hundred_thousand_rows_need_little_memory(path: Path) -> None:
    with path.open("w", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerows(repeat([f"cell {n} äöü" for n in range(8)], 100_001))
    tracemalloc.start()
    try:
        with open_table(path) as table:
            count = sum(len(table.rows(start, 5_000)) for start in range(0, 100_000, 5_000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert peak < 30_000_000


# --- workbooks in ----------------------------------------------------------------------------------------------------


def test_a_workbooks_cells_become_plain_texts(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with Workbook(str(path)) as book:
        book.add_worksheet("hidden").hide()
        sheet = book.add_worksheet("seen")
        sheet.activate()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(2, 1, ["Name", "Joined", "Value", "Paid"])
        sheet.write_row(3, 1, ["=Anna", None, 12.50, True])
        sheet.write_datetime(3, 2, date(2024, 2, 29), day)
        sheet.write_string(3, 1, "=Anna")
        sheet.write_number(5, 3, 1234567)
    with open_table(path) as table:
        assert (table.header, table.row_count) == (("Name", "Joined", "Value", "Paid"), 3)
        assert table.rows(0, 9) == [
            ("=Anna", "2024-02-29", "12.5", "TRUE"),
            (None, None, None, None),
            (None, None, "1234567", None),
        ]


NAMES = "urn:oasis:names:tc:opendocument:xmlns"
ODS = f"""<?xml version="1.0"?>
<office:document-content
  xmlns:office="{NAMES}:office:1.0" xmlns:table="{NAMES}:table:1.0" xmlns:text="{NAMES}:text:1.0">
<office:body><office:spreadsheet><table:table table:name="S">
<table:table-row>
  <table:table-cell office:value-type="string"><text:p>Name</text:p></table:table-cell>
  <table:table-cell office:value-type="string"><text:p>Joined</text:p></table:table-cell>
</table:table-row>
<table:table-row>
  <table:table-cell office:value-type="string"><text:p>Anna</text:p></table:table-cell>
  <table:table-cell office:value-type="date" office:date-value="2024-02-29"/>
</table:table-row>
<table:table-row table:number-rows-repeated="1048570">
  <table:table-cell table:number-columns-repeated="16384"/>
</table:table-row>
</table:table></office:spreadsheet></office:body></office:document-content>"""


def test_an_ods_sheet_is_read_without_its_endless_empty_rows(tmp_path: Path) -> None:
    path = tmp_path / "book.ods"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{NAMES}:manifest:1.0"/>')
        archive.writestr("content.xml", re.sub(r">\s+<", "><", ODS))  # calamine wants no space between
    with open_table(path) as table:
        assert (table.header, table.rows(0, 9)) == (("Name", "Joined"), [("Anna", "2024-02-29")])


def test_an_empty_workbook_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with Workbook(str(path)) as book:
        book.add_worksheet()
    with pytest.raises(FileUnreadable, match="is empty"):
        open_table(path)


def test_two_cells_far_apart_are_refused_before_they_eat_the_memory(tmp_path: Path) -> None:
    """Reading it, calamine would ask for 550 GB here and abort the process."""
    path = tmp_path / "book.xlsx"
    with Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write_string(0, 0, "a")
        sheet.write_string(1_048_575, 16_383, "b")
    with pytest.raises(FileUnreadable, match="1,048,576 x 16,384 cells"):
        open_table(path)


@pytest.mark.parametrize(
    "place",
    [' r="B999999999992"', ' r="XFD9999"', " r = 'xfd9999'", f' {" " * 2_000_000}r="XFD9999"', ' s="1" r="ABCDEFGH1"'],
)
def test_no_notation_hides_a_cell_far_out(tmp_path: Path, place: str) -> None:
    path = tmp_path / "book.xlsx"
    write_xlsx(path, ["a"], [[cell("x")]])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content.replace(b' r="A2"', place.encode()))
    with pytest.raises(FileUnreadable, match="delete stray cells"):
        open_table(path)


def test_a_zip_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(FileUnreadable, match="neither XLSX nor ODS"):
        open_table(path)


def test_a_workbook_that_unpacks_to_a_gigabyte_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "book.xlsx"
    write_xlsx(path, ["a"], [])
    monkeypatch.setattr("workers.spreadsheets.adapter.workbooks.MAX_UNPACKED", 100)
    with pytest.raises(FileUnreadable, match="unpacks to more than"):
        open_table(path)


# --- out -------------------------------------------------------------------------------------------------------------

ROWS: Sequence[Sequence[Value | None]] = [
    [cell("=cmd|' /C calc'!A0"), cell("-12.5", "number"), cell("2024-02-29", "date"), cell("+49301234567", "phone")],
    [cell(None, "blank"), cell("12345678901234567890", "number"), cell("1899-12-31", "date"), None],
    [
        Value(None, {"error": "No number.", "input": "x"}, "error"),
        cell("0.10", "number"),
        cell("soon", "date"),
        cell("ä"),
    ],
]


def test_xlsx_holds_texts_numbers_and_dates_and_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "out" / "deep" / "book.xlsx"
    assert write_xlsx(path, ["=a", "b", "c", "d"], ROWS) == 3
    assert CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python() == [
        ["=a", "b", "c", "d"],
        ["=cmd|' /C calc'!A0", -12.5, date(2024, 2, 29), "+49301234567"],
        ["", "12345678901234567890", "1899-12-31", ""],
        ["#ERROR: No number.", 0.1, "soon", "ä"],
    ]
    assert b"<f>" not in zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml")


def test_csv_holds_guarded_texts(tmp_path: Path) -> None:
    path = tmp_path / "out" / "table.csv"
    assert write_csv(path, ["=a", "b", "c", "d"], ROWS) == 3
    assert path.read_bytes().decode("utf-8-sig").split("\r\n") == [
        "'=a,b,c,d",
        "'=cmd|' /C calc'!A0,-12.5,2024-02-29,+49301234567",
        ",12345678901234567890,1899-12-31,",
        "#ERROR: No number.,0.10,soon,ä",
        "",
    ]


@pytest.mark.parametrize("name", ["table.csv", "book.xlsx"])
def test_what_was_written_is_read_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    texts = [["Jürgen", "line one\nline two"], ["  ", 'a;b,"c"\t|'], ["👍🏽", "x" * 32_767]]
    write = write_csv if name.endswith("csv") else write_xlsx
    write(path, ["Name", "Note"], [[cell(text) for text in row] for row in texts])
    with open_table(path) as table:
        assert (table.header, table.rows(0, 9)) == (("Name", "Note"), [tuple(row) for row in texts])


def broken_rows() -> Iterator[list[Value]]:
    yield [cell("new")]
    raise ConnectionError("the database went away")


@pytest.mark.parametrize("name", ["table.csv", "book.xlsx"])
def test_a_broken_export_leaves_the_previous_file_and_nothing_else(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("the previous file")
    write = write_csv if name.endswith("csv") else write_xlsx
    with pytest.raises(ConnectionError):
        write(path, ["a"], broken_rows())
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert path.read_text() == "the previous file"


@pytest.mark.parametrize(
    ("header", "rows", "words"),
    [
        (["a"] * 16_385, [], "16,385 columns do not fit"),
        (["a"], [[cell("x" * 32_768)]], "row 1, column 1 is longer than 32,767"),
        (["a"], [[cell("👍" * 16_384)]], "is longer than 32,767"),
        (["a"], [[cell("x")] * 16_385], "row 1 has more than 16,384 cells"),
    ],
)
def test_what_xlsx_cannot_hold_is_refused_and_nothing_is_written(
    tmp_path: Path, header: list[str], rows: list[list[Value]], words: str
) -> None:
    with pytest.raises(TooLargeForXlsx, match=words):
        write_xlsx(tmp_path / "book.xlsx", header, rows)
    assert list(tmp_path.iterdir()) == []


def test_a_row_too_many_for_xlsx_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.spreadsheets.adapter.writing.XLSX_ROWS", 3)
    write_xlsx(tmp_path / "book.xlsx", ["a"], [[cell("1")]] * 2)
    with pytest.raises(TooLargeForXlsx, match="more than 2 rows do not fit"):
        write_xlsx(tmp_path / "second.xlsx", ["a"], [[cell("1")]] * 3)


# --- paths -----------------------------------------------------------------------------------------------------------


def test_names_below_the_root_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert resolve(tmp_path, "a.csv") == tmp_path.resolve() / "a.csv"
    assert resolve(tmp_path, "deep/er/a.csv") == tmp_path.resolve() / "deep" / "er" / "a.csv"
    assert resolve(tmp_path, "link/a.csv") == tmp_path.resolve() / "real" / "a.csv"


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        ".",
        "/etc/passwd",
        "..",
        "../a.csv",
        "a/../../b.csv",
        "a/../b.csv",
        "a\x00.csv",
        "out/a.csv",
        "loop/a.csv",
    ],
)
def test_names_that_leave_the_root_are_refused_with_a_sentence(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path)
    (root / "loop").symlink_to("loop")
    with pytest.raises(PathRefused, match=r"folder|plain name"):
        resolve(root, name)
