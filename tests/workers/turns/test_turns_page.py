"""The page of turns in a real browser: PGlite in IndexedDB, offline edits, a start without a server, conflicts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from core.settings import PROJECT
from tests.running import Database, until
from tests.serving import Site, running_site
from tests.workers.turns.estate import Estate
from tests.workers.turns.noding import needs_node
from workers.turns.adapter import install

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    needs_node,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs the Debian package chromium"),
    pytest.mark.timeout(240),
]
LIMIT_MS = 60_000


@pytest.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    await asyncio.to_thread(install, PROJECT / ".rowmill")
    async with running_site(database, domains=("workers.turns",), shape_poll_s=3.0) as running:
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield running
        await running.close()


async def logged_in(context: BrowserContext, url: str, token: str) -> Page:
    """A person who has logged in. An error on the page fails the test."""
    page = await context.new_page()
    page.set_default_timeout(LIMIT_MS)
    expect.set_options(timeout=LIMIT_MS)
    page.on("console", lambda told: print("console:", told.type, told.text))
    page.on("pageerror", lambda error: print("pageerror:", error))
    await page.goto(f"{url}/turns/")
    await page.click("summary")
    await page.fill("#token", token)
    await page.click("#log-in-by-token")
    return page


async def token_of(site: Site, estate: Estate) -> str:
    email = await estate.db.fetchval("select email from users where id = $1", estate.people["PROPERTY_MANAGER"])
    client = await site.client("operate", email=email, create_user=False)
    assert client.token is not None
    return client.token.secret


def line(page: Page, turn: Any) -> Any:
    return page.locator(f'tr[data-id="{turn}"]')


async def kept(page: Page) -> None:
    """Until the page is kept for offline starts."""
    await page.wait_for_function("navigator.serviceWorker.ready.then(r => !!r.active)", timeout=LIMIT_MS)


async def number_is(estate: Estate, turn: Any, number: str) -> bool:
    return bool((await estate.row(turn))["wo_number"] == number)


async def test_a_person_edits_offline_reloads_without_a_server_and_is_asked_about_a_conflict(
    database: Database, estate: Estate, browser: Browser, site: Site
) -> None:
    turn = await estate.turn(turn_id="T-1", wo_number="base")
    async with AsyncExitStack() as stack:
        context = await browser.new_context()
        stack.push_async_callback(context.close)
        page = await logged_in(context, site.served.url, await token_of(site, estate))
        await expect(line(page, turn).locator(".number")).to_have_value("base")
        await expect(line(page, turn).locator(".property")).to_have_text("Elm 1")
        await estate.set(turn, wo_number="live")
        await expect(line(page, turn).locator(".number")).to_have_value("live")

        await kept(page)
        await context.set_offline(True)
        await line(page, turn).locator(".number").fill("mine")
        await page.keyboard.press("Tab")
        await expect(line(page, turn).locator(".sync")).to_have_text("pending")
        await page.reload()  # the server cannot be reached: page and data come from the browser
        await expect(line(page, turn).locator(".number")).to_have_value("mine")
        await expect(line(page, turn).locator(".sync")).to_have_text("pending")
        await expect(page.locator("#state")).to_have_text("Offline, 1 not sent")

        await estate.set(turn, wo_number="theirs")
        await context.set_offline(False)
        await expect(line(page, turn).locator(".sync")).to_have_text("conflict")
        await line(page, turn).locator(".decide").click()
        await expect(page.locator("#clash")).to_have_text("wo_numbermine: mine; theirs: theirs")
        await page.click("text=Keep mine")
        await until(lambda: number_is(estate, turn, "mine"), 60, "the decided value on the server")
        await expect(line(page, turn).locator(".sync")).to_have_text("synced")


async def test_the_button_takes_the_page_offline_and_back(
    database: Database, estate: Estate, browser: Browser, site: Site
) -> None:
    turn = await estate.turn(turn_id="T-1")
    async with AsyncExitStack() as stack:
        context = await browser.new_context()
        stack.push_async_callback(context.close)
        page = await logged_in(context, site.served.url, await token_of(site, estate))
        await expect(line(page, turn)).to_have_count(1)
        await page.click("#network")
        await line(page, turn).locator(".amount").fill("12.5")
        await page.keyboard.press("Tab")
        await expect(page.locator("#state")).to_have_text("Offline, 1 not sent")
        assert (await estate.row(turn))["turn_amount"] is None
        await page.click("#network")
        await expect(line(page, turn).locator(".sync")).to_have_text("synced")
        await expect(line(page, turn).locator(".amount")).to_have_value("12.50")
