"""The page of turns in a real browser: PGlite in IndexedDB, offline edits, a start without a server, conflicts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright, expect

from core.people import logins, passwords
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
PASSWORD = "correct horse battery"


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


async def email_of(estate: Estate, role: str = "PROPERTY_MANAGER") -> str:
    """The address of a person who has a password."""
    person = await estate.person(role)
    kept = await asyncio.to_thread(passwords.hashed, PASSWORD)
    await logins.set_hash(estate.db, person, kept, by=None)
    await estate.db.execute(
        "insert into workspace_members (workspace_id, user_id) select id, $1 from workspaces on conflict do nothing",
        person,
    )
    found: str = await estate.db.fetchval("select email from users where id = $1", person)
    return found


async def fill_in(page: Page, email: str) -> None:
    await page.fill("#email", email)
    await page.fill("#password", PASSWORD)
    await page.click("#log-in")


async def logged_in(context: BrowserContext, url: str, email: str) -> Page:
    """A person who has logged in."""
    page = await context.new_page()
    page.set_default_timeout(LIMIT_MS)
    expect.set_options(timeout=LIMIT_MS)
    page.on("console", lambda told: print("console:", told.type, told.text))
    page.on("pageerror", lambda error: print("pageerror:", error))
    await page.goto(f"{url}/turns/")
    await fill_in(page, email)
    return page


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
        page = await logged_in(context, site.served.url, await email_of(estate))
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
        await expect(page.locator("#clash")).to_have_text("wo numberliveminetheirs")
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
        page = await logged_in(context, site.served.url, await email_of(estate))
        await expect(line(page, turn)).to_have_count(1)
        await page.click("#network")
        await line(page, turn).locator(".amount").fill("12.5")
        await page.keyboard.press("Tab")
        await expect(page.locator("#state")).to_have_text("Offline, 1 not sent")
        assert (await estate.row(turn))["turn_amount"] is None
        await page.click("#network")
        await expect(line(page, turn).locator(".sync")).to_have_text("synced")
        await expect(line(page, turn).locator(".amount")).to_have_value("12.50")


async def test_a_second_tab_waits_for_the_first_one_and_goes_on_with_its_edits(
    database: Database, estate: Estate, browser: Browser, site: Site
) -> None:
    turn = await estate.turn(turn_id="T-1", wo_number="base")
    async with AsyncExitStack() as stack:
        context = await browser.new_context()
        stack.push_async_callback(context.close)
        page = await logged_in(context, site.served.url, await email_of(estate))
        await expect(line(page, turn)).to_have_count(1)
        await page.click("#network")
        await line(page, turn).locator(".number").fill("mine")
        await page.keyboard.press("Tab")
        await expect(line(page, turn).locator(".sync")).to_have_text("pending")
        second = await context.new_page()
        await second.goto(f"{site.served.url}/turns/", timeout=LIMIT_MS)
        await expect(second.locator("#state")).to_have_text("Open in another tab; close that one to go on here")
        await expect(line(second, turn)).to_have_count(0)
        await page.close()
        await expect(line(second, turn).locator(".number")).to_have_value("mine")
        await until(lambda: number_is(estate, turn, "mine"), 60, "the edit of the first tab on the server")


async def test_a_page_whose_shape_the_server_refuses_says_so_and_sends_what_is_typed(
    database: Database, estate: Estate, browser: Browser, site: Site
) -> None:
    turn = await estate.turn(turn_id="T-1", wo_number="base")
    asked = 0

    async def refuse(route: Route) -> None:
        nonlocal asked
        asked += 1
        await route.fulfill(status=400, body="{}")

    async with AsyncExitStack() as stack:
        context = await browser.new_context(service_workers="block")  # else its requests pass by the route
        stack.push_async_callback(context.close)
        page = await logged_in(context, site.served.url, await email_of(estate))
        await expect(page.locator("#state")).to_have_text("Online")
        await context.route("**/v1/shape?*table=turns*", refuse)
        refused = "Not up to date: go offline and online again"
        await expect(page.locator("#state")).to_have_text(refused, timeout=60_000)
        await line(page, turn).locator(".number").fill("mine")
        await page.keyboard.press("Tab")
        await until(lambda: number_is(estate, turn, "mine"), 60, "the edit on the server")
        await expect(page.locator("#state")).to_have_text(refused)
        assert asked < 5, "a refused shape is not asked for again and again"
        await context.unroute("**/v1/shape?*table=turns*")
        await estate.set(turn, wo_number="theirs")
        await page.click("#network")
        await expect(page.locator("#state")).to_have_text("Offline")
        await page.click("#network")
        await expect(page.locator("#state")).to_have_text("Online")
        await expect(line(page, turn).locator(".number")).to_have_value("theirs")


async def test_a_stage_and_a_day_are_edited_and_found(
    database: Database, estate: Estate, browser: Browser, site: Site
) -> None:
    turn, other = await estate.turn(turn_id="T-1", turn_amount=Decimal(5)), await estate.turn(turn_id="T-2")
    async with AsyncExitStack() as stack:
        context = await browser.new_context()
        stack.push_async_callback(context.close)
        page = await logged_in(context, site.served.url, await email_of(estate))
        await line(page, turn).locator(".stage").select_option("Scoped")
        await line(page, turn).locator(".ready").fill("2026-12-24")
        await page.keyboard.press("Tab")
        await expect(page.locator("#state")).to_have_text("Online")
        await expect(line(page, turn).locator(".sync")).to_have_text("synced")

        async def is_there() -> bool:
            row = await estate.row(turn)
            return bool(
                row["stage_id"] == estate.stages["Scoped"] and str(row["expected_completion_date"]) == "2026-12-24"
            )

        await until(is_there, 60)
        await page.fill("#find", "T-2")
        await expect(line(page, turn)).to_have_count(0)
        await expect(line(page, other)).to_have_count(1)
        await expect(page.locator("#count")).to_have_text("1 turn")
        await page.fill("#find", "%")
        await expect(page.locator("#empty")).to_have_text("No turn fits.")


async def test_a_session_that_ends_asks_for_the_login_and_loses_nothing(
    database: Database, estate: Estate, browser: Browser, site: Site
) -> None:
    turn, email = await estate.turn(turn_id="T-1"), await email_of(estate)
    async with AsyncExitStack() as stack:
        context = await browser.new_context()
        stack.push_async_callback(context.close)
        page = await logged_in(context, site.served.url, email)
        await expect(page.locator("#who")).to_have_text(email)
        await expect(line(page, turn)).to_have_count(1)
        await estate.db.execute("delete from sessions")
        await line(page, turn).locator(".number").fill("mine")
        await page.keyboard.press("Tab")
        await expect(page.locator("#state")).to_have_text("Please log in again, 1 not sent")
        await page.click("#log-in")
        await fill_in(page, email)
        await until(lambda: number_is(estate, turn, "mine"), 60, "what was edited without a session")
        await expect(line(page, turn).locator(".sync")).to_have_text("synced")


async def test_a_device_shows_nobody_what_another_person_left_on_it(
    database: Database, estate: Estate, browser: Browser, site: Site
) -> None:
    turn, email, other = await estate.turn(turn_id="T-1"), await email_of(estate), await email_of(estate, "VENDOR")
    async with AsyncExitStack() as stack:
        context = await browser.new_context()
        stack.push_async_callback(context.close)
        page = await logged_in(context, site.served.url, email)
        await expect(line(page, turn)).to_have_count(1)
        await context.clear_cookies()  # somebody else logs in, and nobody has logged out
        await page.goto(f"{site.served.url}/login?next=/turns/")
        await fill_in(page, other)
        await expect(page.locator("#state")).to_have_text(f"This device holds the turns of {email}; log out first")
        await expect(line(page, turn)).to_have_count(0)
        await page.click("#log-out")
        await expect(page.locator("#left")).to_have_text("Everything has been sent to the server.")
        await page.click("text=Remove and log out")
        await expect(page.locator("#password")).to_have_count(1)
        assert (
            await estate.db.fetchval("select count(*) from sessions where user_id = $1", estate.people["VENDOR"]) == 0
        )
        await fill_in(page, other)
        await expect(page.locator("#who")).to_have_text(other)
        await expect(page.locator("#state")).to_have_text("Online")
        await expect(line(page, turn)).to_have_count(0)


async def test_another_filter_holds_over_a_reload_and_the_way_back_finds_every_row(
    database: Database, estate: Estate, browser: Browser, site: Site
) -> None:
    one, two = await estate.turn(turn_id="T-1"), await estate.turn(turn_id="T-2")
    narrow = "turns.manager.updateShapeFilter('turns', {where: 'turn_id = $1', params: ['T-2']})"
    async with AsyncExitStack() as stack:
        context = await browser.new_context()
        stack.push_async_callback(context.close)
        page = await logged_in(context, site.served.url, await email_of(estate))
        await expect(page.locator("#turns tr")).to_have_count(2)
        await page.evaluate(narrow)
        await expect(line(page, one)).to_have_count(0)
        await expect(line(page, two)).to_have_count(1)
        await page.reload()
        await expect(page.locator("#state")).to_have_text("Online")
        await estate.set(one, wo_number="elsewhere")
        await estate.set(two, wo_number="here")
        await expect(line(page, two).locator(".number")).to_have_value("here")
        await expect(line(page, one)).to_have_count(0)
        await page.evaluate("turns.manager.updateShapeFilter('turns', {})")
        await expect(line(page, one).locator(".number")).to_have_value("elsewhere")
        await expect(page.locator("#turns tr")).to_have_count(2)
