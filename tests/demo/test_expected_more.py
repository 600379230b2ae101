"""The demo's expected pages and formulas are programs of their own: they must agree with what reads and computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from demo.expected_pages import PARTS, expected_pages
from demo.proof import TITLES, Verdict, expected_sheet, prove_pages
from demo.sheet import COMPUTED, CONTACTS, DERIVED, FIGURES, GROSS, SOURCE_TITLES
from demo.site import LIMIT_BYTES, Page, addresses, pages
from workers.spreadsheets.asides.formulas import calculated
from workers.spreadsheets.asides.pages import extracted

BASE = "http://127.0.0.1:9"
ROWS = expected_sheet(CONTACTS, Path("no edits"))


def read(page: Page) -> dict[str, Any]:
    """What the reader of pages finds."""
    about = {"url": BASE + page.path, "charset": page.charset, "content_type": "text/html", "max_links": 50}
    found: dict[str, Any] = orjson.loads(extracted(orjson.dumps(about) + b"\n" + page.html()))
    return found


def test_every_page_is_read_as_its_author_meant_it() -> None:
    for page in pages().values():
        found = read(page)
        assert (found["title"], found["description"]) == (page.title, page.description)
        assert found["text"] == "\n".join(page.paragraphs)
        assert found["links"] == [BASE + link for link in page.links]


def test_the_site_is_the_same_every_time_and_has_what_goes_wrong() -> None:
    assert pages() == pages()
    rows = expected_pages(BASE)
    assert len(rows) == len(addresses(BASE)) == len(set(addresses(BASE)))
    errors = [row for row in rows if row["Page"].is_error]
    assert len(errors) == 8
    assert {row[part].content for row in errors for part in PARTS} == {None}
    assert all(len(page.html()) < LIMIT_BYTES for page in pages().values())
    assert {page.charset for page in pages().values()} == {"utf-8", "latin-1"}


def column(title: str, kind: str) -> dict[str, Any]:
    held = [(row, cells[title].content) for row, cells in enumerate(ROWS, start=1) if cells[title].content]
    rows, contents = zip(*held, strict=True)
    return {"column": TITLES.index(title) + 1, "rows": rows, "contents": contents, "types": [kind] * len(rows)}


def test_every_formula_shows_what_plain_code_computes() -> None:
    texts = [GROSS.replace("{row}", str(row)) for row in range(1, len(ROWS) + 1)]
    asked = {
        "inputs": [column("Value", "number"), column("Telephone", "phone")],
        "formulas": [
            {"column": TITLES.index("Gross") + 1, "rows": list(range(1, len(ROWS) + 1)), "texts": texts},
            {"column": TITLES.index("Figures") + 1, "rows": [1, 2, 3, 4, 5], "texts": FIGURES},
        ],
    }
    gross, shown = orjson.loads(calculated(orjson.dumps(asked)))
    assert [value for value, _ in gross] == [row["Gross"].content for row in ROWS]
    assert [value for value, _ in shown] == [row["Figures"].content for row in ROWS[: len(FIGURES)]]
    assert len({row["Gross"].content for row in ROWS}) > 1000


def test_the_gross_value_stands_where_the_figures_look_for_it() -> None:
    assert TITLES[22] == "Gross"  # W
    assert [*SOURCE_TITLES, *(each.title for each in (*DERIVED, *COMPUTED))] == list(TITLES)


def test_a_page_that_differs_and_an_error_that_is_missing_are_noticed() -> None:
    cells = [
        {"id": f"{number} {title}", "row_number": number, "title": title, "content": cell.content, "cell_type": kind}
        for number, row in enumerate(expected_pages(BASE), start=1)
        for title, cell in row.items()
        for kind in ["error" if cell.is_error else "text"]
    ]
    events = [
        {"cell_id": each["id"], "task_id": "t", "old_content": None, "new_content": each["content"]}
        for each in cells
        if each["content"] is not None
    ]
    verdict = Verdict()
    prove_pages(verdict, BASE, cells, events)
    assert (verdict.holds, verdict.pages) == (True, len(expected_pages(BASE)))
    next(each for each in cells if each["cell_type"] == "error")["cell_type"] = "text"
    cells[1]["content"] = events[1]["new_content"] = "another title"
    noticed = Verdict()
    prove_pages(noticed, BASE, cells, events)
    assert (noticed.holds, noticed.lost) == (False, 2)
