"""Formulas give what a real spreadsheet program has stored beside them: LibreOffice writes the workbook, headless."""

from __future__ import annotations

import asyncio
import shutil
import zipfile
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from lxml import etree  # type: ignore[import-untyped]
from xlsxwriter import Workbook  # type: ignore[import-untyped]

from workers.spreadsheets.adapter import calculate

PROGRAM = shutil.which("soffice") or shutil.which("libreoffice")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs the Debian package libreoffice-calc")

NAMES: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
DAY_0: Final = date(1899, 12, 30)
VALUES: Final[tuple[tuple[object, ...], ...]] = (
    (3, 4.5, "apple", "2026-01-31"),
    (7, -2, "pear", "2026-02-28"),
    (10, 0.1, "Apple pie", "2024-02-29"),
    (0, 0.2, "", "1999-12-31"),
    (-5, 1000000, "plum", "2026-07-01"),
)
FORMULAS: Final = (
    "=SUM(A1:A5)", "=AVERAGE(A1:A5)", "=MIN(B1:B5)", "=MAX(B1:B5)", "=COUNT(A1:C5)", "=COUNTA(C1:C5)", "=A1/A4",
    "=ROUND(A1/A2,3)", "=ROUNDUP(2.341,2)", "=ROUNDDOWN(-2.349,2)", "=INT(-1.5)", "=MOD(-7,3)", "=ABS(A5)", "=A1^B1",
    "=SQRT(A3)", '=IF(A1>A2,"more","less")', "=IF(AND(A1>0,A2>0),1,0)", "=OR(A4,A5)", "=NOT(TRUE)",
    '=IFERROR(A1/A4,"none")', '=SUMIF(A1:A5,">3")', '=COUNTIF(C1:C5,"*apple*")', '=SUMIF(A1:A5,">0",B1:B5)',
    '=SUMIFS(B1:B5,A1:A5,">0",A1:A5,"<10")', '=COUNTIFS(A1:A5,">0",B1:B5,">0")', '=AVERAGEIF(A1:A5,">0")',
    "=VLOOKUP(7,A1:C5,3,FALSE)", "=INDEX(C1:C5,2)", "=MATCH(10,A1:A5,0)", "=LEN(C3)", "=LEFT(C3,5)", "=RIGHT(C3,3)",
    "=MID(C3,2,3)", "=UPPER(C1)", "=LOWER(C3)", '=TRIM("  a  b ")', '=CONCATENATE(C1,"-",C2)', '=C1&" "&A1',
    '=FIND("p",C1)', '=SEARCH("PIE",C3)', '=SUBSTITUTE(C1,"p","b")', '=REPT("ab",3)', '=EXACT(C1,"Apple")',
    '=VALUE("12.5")', "=YEAR(D1)", "=MONTH(D2)", "=DAY(D3)", "=DATE(2026,2,29)", "=D1-D2", "=EDATE(D1,1)",
    "=EOMONTH(D3,0)", "=WEEKDAY(D1)", "=B3+B4", "=1-0.9", "=A1=3", '=C1="APPLE"', "=PI()", "=EXP(1)", "=LN(10)",
    "=LOG10(1000)", "=POWER(2,10)", "=SIGN(A5)", "=MEDIAN(A1:A5)", "=STDEV(A1:A5)", "=LARGE(A1:A5,2)",
    "=SMALL(A1:A5,2)", "=RANK(A1,A1:A5)", "=PRODUCT(A1:A3)", "=SUMPRODUCT(A1:A5,B1:B5)", '=CHOOSE(2,"a","b")',
    "=ISBLANK(C4)", "=ISNUMBER(A1)", "=ISTEXT(C1)", "=ISERROR(A1/A4)", "=NA()", "=UNKNOWNFUNCTION(1)",
    "=-A1^2", "=A1&B1", "=50%", "=(1+2)*3", '="5"+1', "=TRUE+1",
)  # fmt: skip


def workbook(path: Path) -> None:
    book = Workbook(str(path))
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for at, row in enumerate(VALUES):
        for column, value in enumerate(row[:3]):
            sheet.write(at, column, value)
        sheet.write_datetime(at, 3, datetime.fromisoformat(str(row[3])), day)
    for at, formula in enumerate(FORMULAS):
        sheet.write_formula(at, 5, formula, value="")
    book.close()


async def recalculated(folder: Path) -> list[tuple[str, str]]:
    """Column F as LibreOffice computed and stored it."""
    workbook(folder / "asked.xlsx")
    (folder / "out").mkdir()
    process = await asyncio.create_subprocess_exec(
        str(PROGRAM), f"-env:UserInstallation=file://{folder / 'profile'}", "--headless", "--convert-to", "xlsx",
        "--outdir", str(folder / "out"), str(folder / "asked.xlsx"),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    async with asyncio.timeout(100):
        assert await process.wait() == 0
    return cached(folder / "out" / "asked.xlsx")


def cached(path: Path) -> list[tuple[str, str]]:
    """(type, value) that the workbook keeps beside each formula."""
    with zipfile.ZipFile(path) as archive:
        tree = etree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
    found = {cell.get("r"): (cell.get("t", "n"), cell.findtext(f"{NAMES}v") or "") for cell in tree.iter(f"{NAMES}c")}
    return [found[f"F{row}"] for row in range(1, len(FORMULAS) + 1)]


def same(ours: tuple[str, str], theirs: tuple[str, str]) -> bool:
    text, kind = ours
    match theirs:
        case ("e", value):
            return kind == "error" and text == value
        case ("b", value):
            return text == ("TRUE" if value == "1" else "FALSE")
        case ("n", value) if kind == "date":
            return date.fromisoformat(text) == DAY_0 + timedelta(days=float(value))
        case ("n", value):
            return kind == "number" and float(text) == pytest.approx(float(value), rel=1e-12, abs=1e-12)
    return text == theirs[1]


async def test_formulas_give_what_libreoffice_stores(tmp_path: Path) -> None:
    theirs = await recalculated(tmp_path)
    inputs = [
        {
            "column": column + 1,
            "rows": [at for at, row in enumerate(VALUES, 1) if row[column] != ""],
            "contents": [str(row[column]) for row in VALUES if row[column] != ""],
            "types": ["date" if column == 3 else "text"] * len([row for row in VALUES if row[column] != ""]),
        }
        for column in range(4)
    ]
    asked = [{"column": 6, "rows": list(range(1, len(FORMULAS) + 1)), "texts": list(FORMULAS)}]
    (ours,) = await calculate(inputs, asked)
    different = [
        (formula, mine, other)
        for formula, mine, other in zip(FORMULAS, ours, theirs, strict=True)
        if not same((mine[0], mine[1]), other)
    ]
    print(f"\n{len(FORMULAS) - len(different)} of {len(FORMULAS)} formulas agree with LibreOffice")
    assert different == []
