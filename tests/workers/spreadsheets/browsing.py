"""The sheets' page in a browser, as a person uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, Page, expect

from tests.workers.spreadsheets.serving import Api
from tests.workers.spreadsheets.sheets import Sheet

CHROMIUM: Final = Path("/usr/bin/chromium")
needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs the Debian package chromium")


async def logged_in(browser: Browser, api: Api, errors: list[str]) -> Page:
    page = await (await browser.new_context(viewport={"width": 1200, "height": 700})).new_page()
    page.set_default_timeout(15_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda told: errors.append(told.text) if "Content Security Policy" in told.text else None)
    await page.goto(f"{api.url}/")
    await page.click("summary")
    await page.fill("#token", api.admin)
    await page.click("#log-in-by-token")
    await expect(page.locator("h1")).to_have_text("Sheets")
    return page


async def opened(page: Page, api: Api, sheet: Sheet) -> None:
    await page.goto(f"{api.url}/#/sheet/{sheet.id}")
    await expect(page.locator("#state")).to_have_text("Live")


def cell(page: Page, row: int, column: int) -> str:
    return f'.line[aria-rowindex="{row + 1}"] .cell[aria-colindex="{column + 1}"]'


async def typed(page: Page, row: int, column: int, text: str, end: str = "Enter") -> None:
    await page.click(cell(page, row, column))
    await page.keyboard.type(text)
    await page.keyboard.press(end)


def head(page: Page, title: str) -> str:
    return f'.head .title:has(.words:text-is("{title}")) .more'


async def chosen(page: Page, opener: str, entry: str) -> None:
    await page.click(opener)
    await page.click(f'.menu button:text-is("{entry}")')


async def titles(page: Page) -> list[str]:
    return await page.locator(".head .words").all_text_contents()
