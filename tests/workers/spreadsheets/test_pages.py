"""Pages in a living sheet: an address fetches its page, the row fills itself in, errors stand in the cell."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from core.outside import web
from tests.core.outside.sites import Site, site_running
from tests.running import Database, Workers, all_ended, until
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet

FETCH = "spreadsheets.fetch_page"
OUTPUTS = ("Title", "Text", "Links")


@pytest.fixture
async def site(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    async with site_running() as running:
        monkeypatch.setenv("ROWMILL_FETCH_ALLOW", f"127.0.0.1:{running.port}")
        monkeypatch.setenv("ROWMILL_FETCH_PER_S", "200")
        monkeypatch.setenv("ROWMILL_FETCH_BURST", "50")
        monkeypatch.setenv("ROWMILL_FETCH_LIMIT_S", "1")
        monkeypatch.setenv("ROWMILL_FETCH_MAX_BYTES", "100000")
        web.cache_clear()
        yield running
    web.cache_clear()


@pytest.fixture
async def crawl(sheet: Sheet) -> Sheet:
    """A holds addresses, Page fetches them."""
    await sheet.add(*OUTPUTS, "Page")
    outputs = {name.lower(): str(sheet.columns[name]) for name in OUTPUTS}
    await sheet.db.execute(
        "update sheet_columns set operator = $2, config = $3 where id = $1",
        sheet.columns["Page"],
        FETCH,
        json.dumps({"outputs": outputs}),
    )
    await sheet.feed("Page", "A")
    return sheet


async def page_cell(sheet: Sheet, row: int = 1) -> dict[str, Any]:
    cell = await sheet.cell("Page", row)
    return {**json.loads(cell["formatted_content"] or "{}"), "content": cell["content"], "state": cell["state"]}


def has(sheet: Sheet, title: str, content: str | None, row: int = 1) -> Callable[[], Any]:
    async def look() -> bool:
        return await sheet.content(title, row) == content

    return look


async def test_an_address_fetches_its_page_and_the_cascade_goes_on(crawl: Sheet, site: Site, workers: Workers) -> None:
    await crawl.derive("Loud", ["Title"])
    await workers.start(FETCH, TRANSFORM)
    await crawl.write("A", 1, site.url("/hop"))
    await until(has(crawl, "Loud", "MÄRCHEN"))
    cell = await page_cell(crawl)
    assert (cell["content"], cell["status"], cell["url"], cell["redirects"]) == ("fetched", 200, site.url("/page"), 2)
    assert (await crawl.content("Text", 1), await crawl.content("Links", 1)) == ("Es war einmal.", None)
    [(old, new, kind)] = await crawl.history("Title", 1)
    assert (old, new, kind) == (None, "Märchen", "robot")


async def test_an_edit_of_the_address_fetches_again(crawl: Sheet, site: Site, workers: Workers) -> None:
    await workers.start(FETCH)
    await crawl.write("A", 1, site.url("/page"))
    await until(has(crawl, "Title", "Märchen"))
    await crawl.edit("A", 1, site.url("/nothing"))
    await until(has(crawl, "Title", None))
    cell = await page_cell(crawl)
    assert (cell["state"], cell["status"]) == ("error", 404)
    assert cell["error"] == "The server answers 404: the page does not exist."
    await crawl.edit("A", 1, None)
    await all_ended(crawl.db)
    assert await page_cell(crawl) == {"content": None, "state": "blank"}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/pdf", "application/pdf"),
        ("/bomb", "larger than 100,000 bytes|unpacks to more"),
        ("/loop", "redirects more than 5 times"),
        ("/to/?http://169.254.169.254/latest/meta-data", "not on the public internet"),
    ],
)
async def test_what_is_refused_is_told_in_the_cell_and_tried_once(
    crawl: Sheet, site: Site, workers: Workers, path: str, words: str
) -> None:
    await workers.start(FETCH)
    await crawl.write("A", 1, site.url(path))
    await all_ended(crawl.db)
    cell = await page_cell(crawl)
    assert cell["state"] == "error"
    assert any(each in cell["error"] for each in words.split("|"))
    assert await crawl.db.fetchval("select max(attempts) from task_queue") == 1


@pytest.mark.parametrize("address", ["http://127.0.0.1:5432/", "http://localhost/", "file:///etc/passwd", "no address"])
async def test_inside_addresses_are_refused_without_a_request(
    crawl: Sheet, site: Site, workers: Workers, address: str
) -> None:
    await workers.start(FETCH)
    await crawl.write("A", 1, address)
    await all_ended(crawl.db)
    assert (await page_cell(crawl))["state"] == "error"
    assert site.asked == []


async def test_a_slow_server_is_tried_again_and_given_up_in_sight(crawl: Sheet, site: Site, workers: Workers) -> None:
    await workers.start(FETCH)
    await crawl.write("A", 1, site.url("/hang"))
    for attempt in (1, 2):
        await hurry(crawl, attempt)
    await all_ended(crawl.db)
    task = await crawl.one("select status, error_message from task_queue")
    assert tuple(task) == ("failed", "no whole answer came within 1 s")
    assert (await page_cell(crawl))["error"] == "No whole answer came within 1 s."


async def hurry(sheet: Sheet, attempt: int) -> None:
    """The next attempt is due now."""
    query = "select id from task_queue where status = 'pending' and attempts = $1 and scheduled_for > now()"
    waiting = await until(lambda: sheet.db.fetchval(query, attempt))
    await sheet.db.execute("update task_queue set scheduled_for = now() where id = $1", waiting)


async def test_no_transaction_is_open_while_a_page_is_fetched(crawl: Sheet, site: Site, workers: Workers) -> None:
    await workers.start(FETCH)
    await crawl.write("A", 1, site.url("/hang"))
    await until(lambda: crawl.db.fetchval("select exists (select from cells where formatted_content ? 'fetching')"))
    assert any(path == "/hang" for path, _ in site.asked) or await until(lambda: asked(site))
    open_ones = """select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
                   and state like 'idle in transaction%'"""
    assert await crawl.db.fetchval(open_ones) == 0
    await crawl.edit("A", 1, None)
    await all_ended(crawl.db)
    assert await page_cell(crawl) == {"content": None, "state": "blank"}


async def asked(site: Site) -> bool:
    return any(path == "/hang" for path, _ in site.asked)


async def test_a_busy_host_is_paused_for_everybody(crawl: Sheet, site: Site, workers: Workers) -> None:
    await workers.start(FETCH)
    await crawl.write("A", 1, site.url("/busy"))
    paused = "select paused_reason from monitoring.limits where paused_until > now() + interval '4 s'"
    assert "429" in await until(lambda: crawl.db.fetchval(paused))
    before = len(site.asked)
    await crawl.write("A", 2, site.url("/page"))
    later = """select attempts from task_queue t join cells c on c.id = (t.payload ->> 'cell_id')::uuid
               where c.row_number = 2 and t.scheduled_for > now() + interval '2 s'"""
    assert await until(lambda: crawl.db.fetchval(f"select ({later}) = 0"))
    assert len(site.asked) == before
    await crawl.db.execute("select cancel_task(id) from task_queue where status = 'pending'")


async def test_robots_txt_is_respected(crawl: Sheet, site: Site, workers: Workers) -> None:
    site.robots = "User-agent: *\nDisallow: /page"
    await workers.start(FETCH)
    await crawl.write("A", 1, site.url("/page"))
    await all_ended(crawl.db)
    assert "robots.txt" in (await page_cell(crawl))["error"]


async def test_a_task_without_the_cells_key_hands_over(crawl: Sheet, site: Site, workers: Workers) -> None:
    await crawl.write("A", 1, site.url("/page"))
    await crawl.forget_tasks()
    await crawl.db.execute(
        "insert into task_queue (task_type, payload) select $1, jsonb_build_object('cell_id', id) from cells "
        "where column_id = $2",
        FETCH,
        crawl.columns["Page"],
    )
    await workers.start(FETCH)
    await until(has(crawl, "Title", "Märchen"))


async def test_pages_that_feed_their_own_addresses_are_refused(crawl: Sheet, database: Database) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="would depend on itself"):
        await crawl.db.execute(
            "update sheet_columns set config = jsonb_build_object('outputs', jsonb_build_object('links', $2::text)) "
            "where id = $1",
            crawl.columns["Page"],
            str(crawl.columns["A"]),
        )
    await crawl.derive("Next", ["Links"])
    with pytest.raises(asyncpg.CheckViolationError, match="would depend on itself"):
        await crawl.feed("Page", "Next", 2)


async def test_a_worker_that_dies_fetching_leaves_the_page_to_the_next(
    crawl: Sheet, site: Site, workers: Workers
) -> None:
    environment = {"fetch_allow": f"127.0.0.1:{site.port}", "fetch_per_s": "200", "lease_s": "3"}
    first = await workers.spawn(domains="workers.spreadsheets", fetch_limit_s="60", **environment)
    await crawl.write("A", 1, site.url("/hang"))
    await until(lambda: asked(site))
    first.process.kill()
    await crawl.edit("A", 1, site.url("/page"))
    await crawl.db.execute("update rowmill.workers set lease_until = now()")
    await workers.start(FETCH, lease_s=3)
    await until(has(crawl, "Title", "Märchen"))
    await all_ended(crawl.db)
    assert (await page_cell(crawl))["status"] == 200
