"""The forms that say what fills a column in, in a real browser."""

from __future__ import annotations

import json

from playwright.async_api import Page, expect

from tests.running import Workers
from tests.workers.deals.modelserver import UseModel, model_server
from tests.workers.spreadsheets.browsing import cell, chosen, head, needs_chromium, opened
from tests.workers.spreadsheets.places import Places
from tests.workers.spreadsheets.serving import Api
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet

pytestmark = needs_chromium


async def begun(page: Page, title: str, operator: str) -> None:
    """The form of a new column that reads A."""
    await page.click('button:text-is("Add one that fills itself in …")')
    await page.fill('dialog input[name="title"]', title)
    await page.select_option('dialog select[name="operator"]', operator)
    await page.check('dialog .chips label:has-text("A") input')


async def config_of(sheet: Sheet, title: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        await sheet.db.fetchval("select config from sheet_columns where title = $1", title)
    )
    return found


async def test_a_column_is_made_that_fills_itself_in_and_a_wrong_one_is_told(
    page: Page, api: Api, sheet: Sheet, workers: Workers
) -> None:
    await sheet.write("A", 1, "ada  lovelace")
    await workers.start(TRANSFORM)
    await opened(page, api, sheet)
    await begun(page, "Clean", "spreadsheets.llm")
    await page.click('dialog button:text-is("What would it cost?")')
    await expect(page.locator("dialog .hint[role=status]")).to_contain_text("1 row: 1 call, 0 answered already")
    await page.select_option('dialog select[name="operator"]', TRANSFORM)
    await page.click("dialog summary")
    await page.fill('dialog textarea[name="config"]', '{"steps": [{"op": "shout"}]}')
    await page.click('dialog button:text-is("Add")')
    await expect(page.locator("dialog .wrong")).to_contain_text("config.steps")
    await page.fill('dialog textarea[name="config"]', '{"steps": [{"op": "trim"}, {"op": "case", "to": "title"}]}')
    await page.click('dialog button:text-is("Add")')
    await expect(page.locator(cell(page, 1, 3))).to_have_text("Ada Lovelace")


async def test_a_form_says_what_fills_a_column_in_and_keeps_what_it_has_no_field_for(
    page: Page, api: Api, sheet: Sheet, workers: Workers
) -> None:
    await sheet.write("A", 1, "ada, lovelace")
    await workers.start(TRANSFORM)
    await opened(page, api, sheet)
    await begun(page, "Last", TRANSFORM)
    await page.select_option('dialog select[aria-label="Step 1"]', "split")
    await page.fill('dialog li:nth-child(1) input[aria-label="index"]', "1")
    await page.select_option('dialog select[aria-label="to"]', "upper")
    await page.click('dialog button:text-is("Add a step")')
    await page.click('dialog button:text-is("Add")')
    await expect(page.locator(cell(page, 1, 3))).to_have_text("LOVELACE")
    steps = [{"op": "split", "separator": ",", "index": 1}, {"op": "case", "to": "upper"}, {"op": "trim"}]
    assert (await config_of(sheet, "Last"))["steps"] == steps

    await chosen(page, head(page, "Last"), "Change what fills it in …")
    await page.click("dialog summary")
    await page.fill(
        'dialog textarea[name="config"]',
        '{"steps": [{"op": "replace", "find": "a", "replacement": "e", "as_pattern": true}]}',
    )
    await page.fill('dialog li:nth-child(1) input[aria-label="replacement"]', "o")
    await page.click('dialog button:text-is("Save")')
    await expect(page.locator(cell(page, 1, 3))).to_have_text("odo, loveloce")


async def test_a_lookup_is_put_together_from_titles(page: Page, api: Api, sheet: Sheet, workers: Workers) -> None:
    await sheet.write("A", 1, "de")
    await sheet.write("A", 2, "x")
    await workers.start("spreadsheets.lookup")
    await opened(page, api, sheet)
    await begun(page, "Found", "spreadsheets.lookup")
    name = await sheet.db.fetchval("select name from spreadsheets where id = $1", sheet.id)
    await page.select_option('dialog select[aria-label="Sheet"]', label=name)
    for label in ("Found in its column", "Shown from its column"):
        await page.select_option(f'dialog select[aria-label="{label}"]', label="A")
    await page.click('dialog button:text-is("Add")')
    await expect(page.locator(cell(page, 1, 3))).to_have_text("de")


async def test_classes_are_written_a_line_each_and_sort_texts(
    page: Page, api: Api, sheet: Sheet, workers: Workers
) -> None:
    for row, text in enumerate(["Rechnung 7", "globex corproation", "zebra"], 1):
        await sheet.write("A", row, text)
    await workers.start("spreadsheets.classify")
    await opened(page, api, sheet)
    await begun(page, "Class", "spreadsheets.classify")
    await page.fill('dialog textarea[aria-label^="Contains"]', "Invoice: invoice, rechnung\n\nOrder: order")
    await page.fill('dialog textarea[aria-label^="Is like"]', "Globex Corporation")
    await page.get_by_label("Otherwise").fill("Unknown")
    await page.click('dialog button:text-is("Add")')
    for row, label in enumerate(["Invoice", "Globex Corporation", "Unknown"], 1):
        await expect(page.locator(cell(page, row, 3))).to_have_text(label)
    config = await config_of(sheet, "Class")
    assert config["rules"] == [
        {"label": "Invoice", "contains": ["invoice", "rechnung"]},
        {"label": "Order", "contains": ["order"]},
    ]
    assert config["classes"] == {"Globex Corporation": []}

    await chosen(page, head(page, "Class"), "Change what fills it in …")
    await expect(page.locator('dialog textarea[aria-label^="Contains"]')).to_have_value(
        "Invoice: invoice, rechnung\nOrder: order"
    )
    await page.get_by_label("Otherwise").fill("Animal")
    await page.click('dialog button:text-is("Save")')
    await expect(page.locator(cell(page, 3, 3))).to_have_text("Animal")


async def test_an_api_is_called_for_each_row_from_the_form(
    page: Page, api: Api, sheet: Sheet, places: Places, workers: Workers
) -> None:
    await sheet.write("A", 1, "Bonn")
    await workers.start("spreadsheets.http_json")
    await opened(page, api, sheet)
    await begun(page, "Place", "spreadsheets.http_json")
    await page.get_by_label("Address").fill(places.url("/place/{1}"))
    await page.get_by_label("Shown of the answer").fill("$.place.name")
    await page.uncheck('dialog label:has-text("Run only when somebody says so") input')
    await page.click('dialog button:text-is("Add")')
    await expect(page.locator(cell(page, 1, 3))).to_have_text("Bonn")
    assert places.asked == ["/place/Bonn"]
    assert await config_of(sheet, "Place") == {"url": places.url("/place/{1}"), "path": "$.place.name"}


async def test_a_language_model_is_asked_from_the_form(
    page: Page, api: Api, sheet: Sheet, workers: Workers, use_model: UseModel
) -> None:
    await sheet.write("A", 1, "sky")
    async with model_server("blue") as server:
        use_model(server.url)
        await workers.start("spreadsheets.llm")
        await opened(page, api, sheet)
        await begun(page, "Colour", "spreadsheets.llm")
        await page.get_by_label("What is asked").fill("Which colour has the {1}?")
        await page.get_by_label("Tokens of an answer, at most").fill("9")
        await page.uncheck('dialog label:has-text("Run only when somebody says so") input')
        await page.click('dialog button:text-is("Add")')
        await expect(page.locator(cell(page, 1, 3))).to_have_text("blue")
    (asked,) = server.asked
    assert (asked["messages"][1]["content"], asked["max_tokens"]) == ("Which colour has the sky?", 9)
