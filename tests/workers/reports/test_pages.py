"""Pages for a browser: every link of a report leads to a page, and nothing that strangers wrote runs there."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.running import all_ended, enqueue
from tests.serving import Client, Site
from tests.workers.reports.shelf import Shelf
from tests.workers.reports.test_http import FILES, client, sent, shelf
from workers.reports.rules.writing import LONGEST_SHOWN, index_page, placed, source_page

__all__ = ["client", "shelf"]  # fixtures
LINKS = re.compile(r'href="(/api/reports/[^"]+)"')


async def page(client: Client, address: str) -> str:
    reply = await client.get(address)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8"), (address, reply.body)
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")
    return reply.body.decode()


async def test_every_link_of_every_report_leads_to_a_page_that_shows_its_source(client: Client, shelf: Shelf) -> None:
    """From the list of reports to a digest, from there to a row of each kind, and to its JSON."""
    await sent(client, *FILES)
    await all_ended(shelf.db)
    asked = {"project_id": str(shelf.team), "first_day": "2026-01-12", "last_day": "2026-01-18"}
    for kind in ("weekly-digest", "dashboard", "1on1"):
        await enqueue(shelf.db, "reports.generate", {"report_type": kind, **asked})
    await all_ended(shelf.db)
    reports = [link for link in LINKS.findall(await page(client, "/api/reports/page")) if "generated" in link]
    assert len(reports) == 3
    sources = {link for report in reports for link in LINKS.findall(await page(client, report)) if "/page" in link}
    texts = {link.split("/")[3]: await page(client, link) for link in sources}
    assert sorted(texts) == ["daily", "jira", "page", "slack", "transcripts"]
    for kind, words in (("daily", "did a"), ("transcripts", "Ann: hi"), ("jira", "ROCK-1"), ("slack", "[secret]")):
        assert words in texts[kind], kind
        [as_json] = [link for link in LINKS.findall(texts[kind]) if not link.endswith("/page")]
        assert words in (await client.get(as_json)).ok()["content"]
    assert "hunter22" not in "".join(texts.values())


async def test_a_browser_without_a_login_is_asked_for_one(site: Site, shelf: Shelf) -> None:
    reply = await site.stranger().get("/api/reports/page", headers={"Accept": "text/html"})
    assert (reply.status, b"<form" in reply.body) == (401, True)


async def test_a_list_without_reports_says_how_to_ask_for_one(client: Client) -> None:
    assert "No report yet" in await page(client, "/api/reports/page")


EVIL = "<script>alert(1)</script> [x](javascript:alert(2)) ![i](http://evil/i.png) <b onclick=x>b</b>"


@pytest.mark.parametrize("make", [
    lambda evil: source_page(evil, (evil,), evil, "/api/reports/daily/1"),
    lambda evil: index_page([{"title": evil, "id": UUID(int=1), "updated_at": datetime(2026, 1, 1, tzinfo=UTC)}]),
])  # fmt: skip
def test_nothing_that_strangers_wrote_runs(make: Any) -> None:
    html = make(EVIL)
    for bad in ("<script", 'href="javascript:', "<img", "<b onclick"):
        assert bad not in html


def test_a_long_text_is_cut_on_its_page_and_says_where_the_rest_is() -> None:
    html = source_page("t", (), "word " * LONGEST_SHOWN, "/api/reports/daily/1")
    assert len(html) < LONGEST_SHOWN * 1.2
    assert f"All {5 * LONGEST_SHOWN:,} characters" in html
    assert "The page ends here" not in source_page("t", (), "word", "/api/reports/daily/1")


def test_a_page_that_is_kept_as_a_file_links_to_the_server_and_rewrites_nobodys_words(tmp_path: Path) -> None:
    words = 'he wrote href="/api/reports/x" and ](/api/reports/y)'
    html = placed(source_page(words, (), words, "/api/reports/daily/1"), "https://reports.example/")
    assert 'href="https://reports.example/api/reports/daily/1"' in html
    assert "https://reports.example/api/reports/x" not in html
    assert "https://reports.example/api/reports/y" not in html
