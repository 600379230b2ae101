"""What is fetched, what becomes of a row, and what is found on a page, however it is written."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Cancel, Done, Fail, Retry, Row
from workers.spreadsheets.asides.pages import MAX_TEXT, extracted
from workers.spreadsheets.model import Page, SetCell
from workers.spreadsheets.rules import pages

CELL, TITLE, LINKS = UUID(int=1), UUID(int=2), UUID(int=3)
TITLE_CELL, LINKS_CELL = UUID(int=12), UUID(int=13)
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def seen(body: bytes | str, charset: str | None = None, kind: str = "text/html", most: int = 5) -> dict[str, Any]:
    about = {"url": "http://site.example/a/b", "charset": charset, "content_type": kind, "max_links": most}
    raw = body.encode() if isinstance(body, str) else body
    found: dict[str, Any] = orjson.loads(extracted(orjson.dumps(about) + b"\n" + raw))
    return found


def test_a_page_has_title_description_text_and_links() -> None:
    words = "<p>A paragraph that is long enough to be taken for the page's own words, and so it is.</p>"
    found = seen(
        f"""<html><head><title> The\n Order </title><meta name=description content="All &amp; all"></head>
        <body><script>alert(1)</script><article>{words}</article><a href="/x#y">x</a><a href="c?d=e">c</a>
        <a href="/x">again</a><a href="javascript:a()">no</a><a href="mailto:a@b.example">no</a>
        <a href="http://u:p@h.example/">no</a><a href="http://[::1">no</a></body></html>"""
    )
    assert (found["title"], found["description"]) == ("The Order", "All & all")
    assert found["links"] == ["http://site.example/x", "http://site.example/a/c?d=e"]
    assert "long enough" in found["text"]
    assert "alert" not in found["text"]


@pytest.mark.parametrize(
    ("body", "charset", "title"),
    [
        ("<title>Märchen</title>".encode("latin-1"), "iso-8859-1", "Märchen"),
        ("<meta charset='windows-1252'><title>Größe</title>".encode("cp1252"), None, "Größe"),
        ("\ufeff<title>Größe</title>".encode("utf-16"), "utf-8", "Größe"),
        ("<title>Größe</title>".encode(), "no-such-charset", "Größe"),
        ("<title>Größe</title>".encode(), "zip", "Größe"),
        (b"<title>\xff\xfe\x00</title>", "utf-8", "\ufffd\ufffd"),
    ],
)
def test_the_charset_is_that_of_the_mark_the_answer_or_the_page(body: bytes, charset: str | None, title: str) -> None:
    assert seen(body, charset)["title"] == title


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00",
        b"<",
        b"<html",
        b"<title>" + b"x" * 1_000_000,
        b"<div>" * 50_000 + b"deep",
        b"<a href='" + b"x" * 100_000 + b"'>",
        b"<!DOCTYPE html [<!ENTITY a 'x'><!ENTITY b '&a;&a;&a;&a;'>]>" + b"<p>&b;</p>" * 1000,
        b"<p>" + b"word " * 200_000,
        b"<table>" * 3000,
        b"&#0;&#55296;&#x110000;" * 1000,
        b"<base href='http://['><a href='x'>",
    ],
)
def test_a_hostile_page_gives_small_results_in_bounded_time(body: bytes) -> None:
    began = time.monotonic()
    found = seen(body)
    assert all(len(part or "") <= MAX_TEXT for part in (found["title"], found["description"], found["text"]))
    assert sum(map(len, found["links"])) <= 5 * 2048
    assert time.monotonic() - began < 20


@settings(deadline=None)  # the first page loads tables of charsets
@given(st.binary(max_size=300))
def test_any_bytes_are_a_page(body: bytes) -> None:
    assert set(seen(body)) == {"title", "description", "text", "links"}


def test_plain_text_is_its_own_text() -> None:
    assert seen("<b>kept</b> as it is", kind="text/plain")["text"] == "<b>kept</b> as it is"


def test_links_are_as_many_as_asked_for() -> None:
    assert len(seen("".join(f"<a href='/{at}'>x</a>" for at in range(20)), most=7)["links"]) == 7


# --- decisions -------------------------------------------------------------------------------------------------------


def plan(address: str | None = "http://h/", config: Mapping[str, Any] | None = None, **operators: str) -> Any:
    outputs = {"outputs": {"title": str(TITLE), "links": str(LINKS)}}
    columns = [{"title": "Page", "operator": pages.FETCH_PAGE, "config": json.dumps(config or outputs)}]
    cells: list[Row] = [{"ordinal": 0, "content": None}, {"ordinal": 1, "content": address}]
    row: list[Row] = [
        {"column_id": TITLE, "operator": operators.get("title"), "cell_id": TITLE_CELL},
        {"column_id": LINKS, "operator": None, "cell_id": LINKS_CELL},
    ]
    return pages.planned(CELL, columns, cells, row)


def test_a_page_fills_the_row_in() -> None:
    outcome = pages.received(plan(), Page("T", None, None, ("http://a/", "http://b/")), {"status": 200})
    assert outcome == Done(
        [
            SetCell(CELL, "fetched", {"status": 200}, "text"),
            SetCell(TITLE_CELL, "T", None, "text"),
            SetCell(LINKS_CELL, "http://a/\nhttp://b/", None, "text"),
        ]
    )


def test_a_blank_address_clears_the_row() -> None:
    blank = [SetCell(each, None, None, "blank") for each in (CELL, TITLE_CELL, LINKS_CELL)]
    assert plan(None) == plan("  ") == Done(blank)


def test_a_refusal_stands_in_the_cell_and_clears_the_row() -> None:
    error, *rest = pages.refused(plan(), "the server answers 404", {"status": 404})
    assert error == SetCell(
        CELL, None, {"error": "The server answers 404.", "input": "http://h/", "status": 404}, "error"
    )
    assert [each.cell_id for each in rest] == [TITLE_CELL, LINKS_CELL]


@pytest.mark.parametrize(
    ("config", "operators", "words"),
    [
        ({"outputs": {}}, {}, "does not fit"),
        ({"outputs": {"colour": str(TITLE)}}, {}, "does not fit"),
        ({"outputs": {"title": "x"}}, {}, "does not fit"),
        ({"outputs": {"title": str(UUID(int=99))}}, {}, "not in this sheet"),
        ({"outputs": {"title": str(TITLE), "text": str(TITLE)}}, {}, "column of its own"),
        (None, {"title": "spreadsheets.transform"}, "is filled in by spreadsheets.transform"),
    ],
)
def test_a_configuration_that_does_not_fit_is_told_in_the_cell(
    config: dict[str, Any] | None, operators: dict[str, str], words: str
) -> None:
    outcome = plan(config=config, **operators)
    assert isinstance(outcome, Done)
    (error,) = outcome.effects
    assert isinstance(error, SetCell)
    assert words in (error.shown or {})["error"]


def test_a_cell_or_column_that_is_gone_cancels() -> None:
    assert isinstance(pages.planned(CELL, [], [], []), Cancel)


@pytest.mark.parametrize(
    ("status", "passes", "pause_s"),
    [(200, False, None), (404, False, None), (410, False, None), (429, True, 30), (500, True, None), (503, True, None)],
)
def test_which_statuses_may_pass(status: int, passes: bool, pause_s: float | None) -> None:
    assert (pages.may_pass(status), pages.asks_for_mercy(status, None)) == (passes, pause_s)
    assert (pages.answered(status) is None) == (status == 200)


def test_a_busy_server_is_left_alone_as_long_as_it_asks() -> None:
    assert (pages.asks_for_mercy(503, 90), pages.asks_for_mercy(429, 0), pages.asks_for_mercy(500, 9)) == (90, 1, None)


def test_the_last_attempt_fails() -> None:
    assert pages.given_up("slow", 2, 3, None) == Retry("slow", None)
    assert pages.given_up("slow", 3, 3, None) == Fail("slow")
