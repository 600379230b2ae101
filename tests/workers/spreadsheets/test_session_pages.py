"""Enrich from the web, on a real site: pages come in, the doubtful ones are asked about, the answer is done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web as aiohttp_web

from core.outside import web
from tests.core.outside.sites import FAULTS, Site, site_running
from tests.running import Workers
from tests.workers.spreadsheets.serving import Client
from tests.workers.spreadsheets.sessions import answer, comes_to, fill, form_of, found_in, start
from tests.workers.spreadsheets.sheets import Sheet, make_sheet

STEPS = ("spreadsheets.fetch_pages", "spreadsheets.review_pages", "spreadsheets.apply_review")


def page_of(title: str) -> Any:
    head = f"<title>{title}</title><meta name='description' content='About {title}.'>"
    return lambda: aiohttp_web.Response(text=f"<html><head>{head}</head><body></body></html>", content_type="text/html")


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    monkeypatch.setitem(FAULTS, "/engines", page_of("Engines of Ada"))
    monkeypatch.setitem(FAULTS, "/parked", page_of("Buy this domain"))
    async with site_running() as running:
        monkeypatch.setenv("ROWMILL_FETCH_ALLOW", f"127.0.0.1:{running.port}")
        monkeypatch.setenv("ROWMILL_FETCH_PER_S", "200")
        monkeypatch.setenv("ROWMILL_FETCH_BURST", "50")
        web.cache_clear()
        yield running
    web.cache_clear()


@pytest.fixture
async def firms(db: Any, site: Site) -> Sheet:
    sheet = await make_sheet(db)
    rows = [("Engines", site.url("/engines")), ("Mills", site.url("/parked")), ("Gone", site.url("/gone"))]
    await fill(sheet, rows, ("Company", "Website"))
    return sheet


@pytest.fixture
async def client(api: Any, firms: Sheet) -> Client:
    email = await firms.db.fetchval("select email from users where id = $1", firms.owner_id)
    made: Client = await api.client(firms.db, email)
    return made


async def column(sheet: Sheet, title: str) -> dict[int, str]:
    rows = await sheet.db.fetch(
        "select c.row_number, c.content from cells c join sheet_columns k on k.id = c.column_id "
        "where k.spreadsheet_id = $1 and k.title = $2 and c.content is not null",
        sheet.id,
        title,
    )
    return {row["row_number"]: row["content"] for row in rows}


async def test_pages_are_fetched_and_the_doubtful_ones_reviewed(firms: Sheet, workers: Workers, client: Client) -> None:
    await workers.start(*STEPS, "spreadsheets.fetch_page")
    session = await start(firms, "enrich_from_web", name="Company")
    form = await form_of(firms.db, session)
    assert [(each["key"], each["default"]) for each in form] == [("2", "keep"), ("3", "clear")]
    assert "fits the name 'Mills'" in form[0]["label"]
    assert (await answer(client, session, {"2": "clear"})).status == 200
    row = await comes_to(firms.db, session, "completed")
    assert await column(firms, "Page title") == {1: "Engines of Ada"}
    assert await column(firms, "Page description") == {1: "About Engines of Ada."}
    assert await column(firms, "Review") == {2: "cleared", 3: "cleared"}
    found = found_in(row, 3)
    assert (found["rows"], found["doubtful"], found["cleared"], found["left_out"]) == (3, 2, 2, 0)


async def test_rows_that_move_or_change_while_a_review_waits_keep_what_was_not_asked_about(
    firms: Sheet, workers: Workers, client: Client
) -> None:
    await workers.start(*STEPS, "spreadsheets.fetch_page")
    session = await start(firms, "enrich_from_web", name="Company")
    await form_of(firms.db, session)
    await client.post(f"/api/spreadsheets/{firms.id}/rows/insert", {"before": 1})
    await firms.db.execute("update cells set content = 'Mine' where content = 'About Buy this domain.'")
    await firms.edit("Website", 4, None)
    await answer(client, session, {"2": "clear"})
    row = await comes_to(firms.db, session, "completed")
    assert await column(firms, "Page title") == {2: "Engines of Ada"}
    assert await column(firms, "Page description") == {2: "About Engines of Ada.", 3: "Mine"}
    assert await column(firms, "Review") == {3: "cleared"}
    found = found_in(row, 3)
    assert (found["doubtful"], found["cleared"], found["left_out"]) == (2, 1, 1)


async def test_a_sheet_without_addresses_says_what_is_needed(db: Any, workers: Workers) -> None:
    sheet = await make_sheet(db, "A")
    await workers.start(*STEPS)
    session = await start(sheet, "enrich_from_web")
    row = await comes_to(db, session, "failed")
    assert "start a new session that says which one, as `address`" in row["problem"]


async def test_where_nothing_is_doubtful_nobody_is_asked(firms: Sheet, workers: Workers) -> None:
    await firms.db.execute("delete from cells where row_number > 1")
    await workers.start(*STEPS, "spreadsheets.fetch_page")
    session = await start(firms, "enrich_from_web", name="Company")
    row = await comes_to(firms.db, session, "completed")
    assert found_in(row, 3)["doubtful"] == 0
    assert await column(firms, "Page title") == {1: "Engines of Ada"}
