"""The page in a real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import re
from functools import partial

import pytest
from playwright.async_api import Browser, Page, expect

from tests.running import Database, Workers, until
from tests.workers.spreadsheets.browsing import cell, chosen, head, logged_in, needs_chromium, opened, titles, typed
from tests.workers.spreadsheets.serving import Api, Client, serving
from tests.workers.spreadsheets.sessions import fill, start
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet

pytestmark = needs_chromium
HOSTILE = (
    '<img src=x onerror="document.body.dataset.hit=1">',
    "<script>document.body.dataset.hit=1</script>",
    "javascript:document.body.dataset.hit=1",
    '"><svg onload=document.body.dataset.hit=1>',
    "{{constructor.constructor('document.body.dataset.hit=1')()}}",
)


async def test_a_person_makes_a_sheet_and_types_into_it(page: Page, api: Api, sheet: Sheet) -> None:
    await page.fill('input[name="name"]', "Mine")
    await page.click("text=Create")
    await expect(page.locator("h1")).to_have_text("Mine")
    await typed(page, 1, 1, "hello", "Tab")
    await page.keyboard.type("world")
    await page.keyboard.press("Enter")
    await expect(page.locator("#state")).to_have_text("Live")
    query = (
        "select content from cells c join spreadsheets s on s.id = c.spreadsheet_id where s.name = 'Mine' order by 1"
    )
    await until(lambda: in_order(sheet, query, ["hello", "world"]), what="both cells in the database")
    await expect(page.locator(cell(page, 1, 2))).to_have_text("world")


async def in_order(sheet: Sheet, query: str, contents: list[str]) -> bool:
    return [row["content"] for row in await sheet.db.fetch(query)] == contents


async def test_the_keyboard_moves_edits_and_lets_go(page: Page, api: Api, sheet: Sheet) -> None:
    await sheet.write("A", 1, "one")
    await opened(page, api, sheet)
    await page.click(cell(page, 1, 1))
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowLeft", "Enter"):
        await page.keyboard.press(key)
    await expect(page.locator(".editor")).to_have_value("one")
    await page.keyboard.type(" more")
    await page.keyboard.press("Escape")
    await expect(page.locator(cell(page, 1, 1))).to_have_text("one")
    assert await page.evaluate("document.activeElement.getAttribute('role')") == "gridcell"
    await page.keyboard.press("Delete")
    await until(lambda: is_content(sheet, None), what="the cleared cell")


async def is_content(sheet: Sheet, content: str | None) -> bool:
    return bool(await sheet.db.fetchval("select content is not distinct from $1 from cells limit 1", content))


async def test_a_change_by_sql_is_seen_within_a_second(page: Page, api: Api, sheet: Sheet) -> None:
    await sheet.write("A", 1, "before")
    await opened(page, api, sheet)
    await sheet.edit("A", 1, "after")
    await expect(page.locator(cell(page, 1, 1))).to_have_text("after", timeout=1000)
    await expect(page.locator(cell(page, 1, 1))).to_have_class(re.compile("flash-other"))


async def test_a_robots_result_arrives_and_an_error_says_why(
    page: Page, api: Api, sheet: Sheet, workers: Workers
) -> None:
    await sheet.derive("Up", ["A"])
    await sheet.derive("Number", ["A"], [{"op": "number"}])
    await workers.start(TRANSFORM)
    await opened(page, api, sheet)
    await typed(page, 1, 1, "ten")
    await expect(page.locator(cell(page, 1, 3))).to_have_text("TEN")
    await expect(page.locator(cell(page, 1, 4))).to_have_class(re.compile("error"))
    await page.click(cell(page, 1, 4))
    await expect(page.locator("#said")).to_contain_text("number")
    await page.click("#toggle-history")
    await page.click(cell(page, 1, 3))
    await expect(page.locator("#history")).to_contain_text(f"{TRANSFORM} · run 1 · task")


async def test_a_conflict_shows_both_values_and_the_person_decides(page: Page, api: Api, sheet: Sheet) -> None:
    await sheet.write("A", 1, "before")
    await opened(page, api, sheet)
    for mine, button, kept in (("mine", "Keep yours", "mine"), ("mine again", "Take theirs", "theirs 1")):
        await page.route("**/cells", lambda route: route.abort())
        await typed(page, 1, 1, mine)
        await expect(page.locator("#state")).to_contain_text("1 edit")
        await sheet.edit("A", 1, f"theirs {int(mine != 'mine')}")
        await page.unroute("**/cells")
        await page.click(cell(page, 1, 1))
        await expect(page.locator("#said q")).to_have_text([mine, f"theirs {int(mine != 'mine')}"])
        await page.click(f"text={button}")
        await until(partial(is_content, sheet, kept), what=kept)
        await expect(page.locator(cell(page, 1, 1))).to_have_text(kept)
        await expect(page.locator("#state")).to_have_text("Live")


async def test_an_editor_that_was_only_opened_writes_nothing_over_anothers_edit(
    page: Page, api: Api, sheet: Sheet
) -> None:
    await sheet.write("A", 1, "before")
    await opened(page, api, sheet)
    await page.click(cell(page, 1, 1))
    await page.keyboard.press("F2")
    await expect(page.locator(".editor")).to_have_value("before")
    await sheet.edit("A", 1, "theirs")
    await expect(page.locator(cell(page, 1, 1))).to_have_text("theirs")
    await typed(page, 2, 2, "written behind it")
    await until(partial(sheet.content, "B", 2), what="the edit behind it")
    assert await sheet.content("A", 1) == "theirs"


async def test_what_is_typed_over_anothers_edit_is_a_conflict(page: Page, api: Api, sheet: Sheet) -> None:
    await sheet.write("A", 1, "before")
    await opened(page, api, sheet)
    await typed(page, 1, 1, "mine", "Shift")
    await sheet.edit("A", 1, "theirs")
    await expect(page.locator(cell(page, 1, 1))).to_have_text("theirs")
    await page.keyboard.press("Enter")
    await expect(page.locator("#said q")).to_have_text(["mine", "theirs"])
    assert await sheet.content("A", 1) == "theirs"


async def test_an_editor_opened_over_an_edit_under_way_is_no_conflict_with_it(
    page: Page, api: Api, sheet: Sheet
) -> None:
    await opened(page, api, sheet)
    await page.route("**/cells", lambda route: route.abort())
    await typed(page, 1, 1, "one")
    await expect(page.locator("#state")).to_contain_text("1 edit")
    await page.click(cell(page, 1, 1))
    await page.keyboard.press("F2")
    await page.unroute("**/cells")
    await expect(page.locator("#state")).to_have_text("Live")
    await page.keyboard.type(" two")
    await page.keyboard.press("Enter")
    await until(partial(is_content, sheet, "one two"), what="both edits")


async def test_an_editor_lets_go_when_its_row_gets_another_number(
    page: Page, api: Api, sheet: Sheet, client: Client
) -> None:
    for row in (1, 2):
        await sheet.write("A", row, f"r{row}")
    await opened(page, api, sheet)
    await page.click(cell(page, 2, 2))
    await page.keyboard.press("F2")
    await page.keyboard.type("beside r2")
    await client.post(f"/api/spreadsheets/{sheet.id}/rows/insert", {"before": 1})
    await expect(page.locator(".notice")).to_contain_text("“beside r2”")
    await expect(page.locator(cell(page, 3, 1))).to_have_text("r2")
    await page.keyboard.type("lost")
    await page.keyboard.press("Enter")
    await typed(page, 5, 1, "written behind it")
    await until(partial(sheet.content, "A", 5), what="the edit behind it")
    assert await sheet.contents("A") == ["r1", "r2", "written behind it"]
    assert await sheet.contents("B") == []


async def test_hostile_texts_are_texts(page: Page, api: Api, sheet: Sheet) -> None:
    for row, text in enumerate(HOSTILE, start=1):
        await sheet.write("A", row, text)
    await sheet.db.execute("update sheet_columns set title = $2 where id = $1", sheet.columns["B"], HOSTILE[0])
    await sheet.db.execute("update spreadsheets set name = $2 where id = $1", sheet.id, HOSTILE[1])
    await page.reload()
    await expect(page.locator(".sheets strong")).to_have_text(HOSTILE[1])
    await opened(page, api, sheet)
    for row, text in enumerate(HOSTILE, start=1):
        await expect(page.locator(cell(page, row, 1))).to_have_text(text)
    await expect(page.locator(".head .title").nth(1)).to_have_text(HOSTILE[0])
    await page.click("#toggle-history")
    await page.click(cell(page, 1, 1))
    await expect(page.locator("#history .new")).to_have_text(HOSTILE[0])
    assert await page.evaluate("document.body.dataset.hit") is None
    assert await page.locator("main img, main script, main svg, aside img").count() == 0


async def test_a_restart_of_the_server_loses_neither_edits_nor_changes(
    browser: Browser, database: Database, sheet: Sheet
) -> None:
    errors: list[str] = []
    async with serving(database) as before:
        port = int(before.url.rpartition(":")[2])
        page = await logged_in(browser, before, errors)
        await opened(page, before, sheet)
    await expect(page.locator("#state")).to_have_text("Reconnecting")
    await typed(page, 1, 1, "typed offline")
    await expect(page.locator("#state")).to_have_text("Offline · 1 edit kept")
    await expect(page.locator(cell(page, 1, 1))).to_have_class(re.compile("unsaved"))
    await sheet.write("B", 2, "by SQL meanwhile")
    async with serving(database, port):
        await expect(page.locator("#state")).to_have_text("Live")
        await expect(page.locator(cell(page, 2, 2))).to_have_text("by SQL meanwhile")
        await until(lambda: sheet.content("A", 1), what="the edit that was typed offline")
    assert errors == []


@pytest.mark.parametrize("meanwhile", ["connected anew", "loaded anew"])
async def test_an_edit_that_was_kept_while_rows_moved_is_told_and_written_nowhere(
    browser: Browser, database: Database, sheet: Sheet, meanwhile: str
) -> None:
    errors: list[str] = []
    await sheet.write("A", 2, "second")
    async with serving(database) as before:
        port = int(before.url.rpartition(":")[2])
        page = await logged_in(browser, before, errors)
        await opened(page, before, sheet)
    await expect(page.locator("#state")).to_have_text("Reconnecting")
    await typed(page, 1, 1, "above the second")
    await expect(page.locator("#state")).to_have_text("Offline · 1 edit kept")
    if meanwhile == "loaded anew":
        await page.goto("about:blank")
    async with serving(database) as other:
        owner = Client(other.url, other.admin, other.session)
        moved = await owner.post(f"/api/spreadsheets/{sheet.id}/rows/insert", {"before": 1, "count": 1})
        assert moved.status == 201, moved
    async with serving(database, port) as after:
        if meanwhile == "loaded anew":
            await page.goto(f"{after.url}/#/sheet/{sheet.id}")
        await expect(page.locator(".notice")).to_contain_text("“above the second”")
        await expect(page.locator("#state")).to_have_text("Live")
        await expect(page.locator(cell(page, 3, 1))).to_have_text("second")
    assert await sheet.contents("A") == ["second"]
    assert errors == []


async def test_100000_rows_scroll_and_only_what_is_seen_is_an_element(page: Page, api: Api, sheet: Sheet) -> None:
    await sheet.db.execute("alter table cells disable trigger user")
    await sheet.db.execute(
        "insert into cells (spreadsheet_id, column_id, row_number, content) "
        "select $1, $2, n, 'row ' || n from generate_series(1, 100000) n",
        sheet.id,
        sheet.columns["A"],
    )
    await opened(page, api, sheet)
    await page.click(cell(page, 1, 1))
    await page.keyboard.press("Control+End")
    await expect(page.locator(cell(page, 100_000, 1))).to_have_text("row 100000")
    assert await page.locator(".line").count() < 100
    await page.locator(".grid").evaluate("grid => { grid.scrollTop = 49999 * 30; }")
    await expect(page.locator(cell(page, 50_010, 1))).to_have_text("row 50010")
    await typed(page, 50_010, 1, "edited")
    await until(lambda: is_at(sheet, 50_010, "edited"), what="the edit")


async def is_at(sheet: Sheet, row: int, content: str) -> bool:
    return await sheet.content("A", row) == content


async def test_the_page_has_roles_and_labels_for_those_who_do_not_see_it(page: Page, api: Api, sheet: Sheet) -> None:
    await sheet.write("A", 1, "one")
    await opened(page, api, sheet)
    grid = page.get_by_role("grid")
    assert await grid.get_attribute("aria-rowcount") == "9"
    assert await page.get_by_role("columnheader").all_text_contents() == ["", "A", "B"]
    assert await page.get_by_role("gridcell", selected=True).count() == 1
    assert await page.locator("[tabindex='0']").count() == 1
    nameless = "nodes => nodes.filter(n => !(n.textContent.trim() || n.getAttribute('aria-label'))).length"
    assert await page.locator("button, a").evaluate_all(nameless) == 0


# --- the shape of a sheet ---------------------------------------------------------------------------------------------


async def test_columns_are_renamed_moved_hidden_deleted_and_brought_back(page: Page, api: Api, sheet: Sheet) -> None:
    await sheet.write("A", 1, "kept")
    await opened(page, api, sheet)
    await chosen(page, head(page, "A"), "Move right")
    await expect(page.locator(".head .words").nth(1)).to_have_text("A")
    await chosen(page, head(page, "A"), "Rename …")
    await page.fill('dialog input[name="title"]', "Names")
    await page.click('dialog button:text-is("Rename")')
    await expect(page.locator(".head .words").nth(1)).to_have_text("Names")
    await chosen(page, head(page, "B"), "Hide")
    await expect(page.locator(".head .words")).to_have_count(1)
    await chosen(page, 'button:text-is("Hidden and deleted")', "Show the column “B”")
    await expect(page.locator(".head .words")).to_have_count(2)
    await chosen(page, head(page, "Names"), "Delete")
    await expect(page.locator(".head .words")).to_have_count(1)
    await page.click('.notice button:text-is("Undo")')
    await expect(page.locator(".head .words")).to_have_count(2)
    assert await titles(page) == ["B", "Names"]
    await expect(page.locator(cell(page, 1, 2))).to_have_text("kept")


async def test_rows_are_inserted_moved_hidden_and_deleted(page: Page, api: Api, sheet: Sheet) -> None:
    for row in (1, 2, 3):
        await sheet.write("A", row, f"r{row}")
    await opened(page, api, sheet)

    async def shows(*expected: str) -> None:
        for row, text in enumerate(expected, start=1):
            await expect(page.locator(cell(page, row, 1))).to_have_text(text)

    await chosen(page, 'button[data-row="1"]', "Move down")
    await shows("r2", "r1", "r3")
    await chosen(page, 'button[data-row="2"]', "Insert a row above")
    await shows("r2", "", "r1", "r3")
    await chosen(page, 'button[data-row="3"]', "Delete")
    await shows("r2", "", "r3")
    await page.click('.notice button:text-is("Undo")')
    await shows("r2", "", "r1", "r3")
    await chosen(page, 'button[data-row="2"]', "Hide")
    await expect(page.locator('button[data-row="2"]')).to_have_count(0)
    await chosen(page, 'button:text-is("Hidden and deleted")', "Show the hidden row")
    await expect(page.locator('button[data-row="2"]')).to_have_count(1)


async def test_what_was_typed_is_undone_by_the_keyboard_and_from_the_history(
    page: Page, api: Api, sheet: Sheet
) -> None:
    await opened(page, api, sheet)
    for text in ("first", "second"):
        await typed(page, 1, 1, text)
        await expect(page.locator("#state")).to_have_text("Live")
        await until(partial(in_order, sheet, "select content from cells", [text]))
    await page.click(cell(page, 1, 1))
    await page.keyboard.press("Control+z")
    await expect(page.locator(cell(page, 1, 1))).to_have_text("first")
    await page.keyboard.press("Alt+h")
    await page.click(".past li:first-child .undo")
    await expect(page.locator(cell(page, 1, 1))).to_have_text("second")
    assert (await sheet.history("A", 1))[-1] == ("first", "second", "undo")


@pytest.mark.parametrize(
    ("kind", "file"), [("clean_contacts", None), ("import_mapped", "none.csv"), ("enrich_from_web", None)]
)
async def test_each_kind_of_session_is_started_on_the_page(
    page: Page, api: Api, sheet: Sheet, kind: str, file: str | None
) -> None:
    await opened(page, api, sheet)
    await page.get_by_role("button", name="Sessions").click()
    await page.select_option('select[aria-label="Kind of session"]', kind)
    if file:
        await page.fill('input[aria-label="File in the files folder"]', file)
    await page.get_by_role("button", name="Start").click()
    await expect(page.locator("#sessions h3 .facts").first).to_contain_text("step 1 of")
    row = await sheet.one("select kind, initial_input ->> 'file' as file from transformer_sessions")
    assert tuple(row) == (kind, file)


async def test_a_session_asks_on_the_page_and_takes_the_answer(
    page: Page, api: Api, sheet: Sheet, workers: Workers
) -> None:
    await fill(sheet)
    await sheet.write("Name", 6, HOSTILE[0])
    await sheet.write("Name", 7, HOSTILE[0])
    await workers.start("spreadsheets.clean_contacts", "spreadsheets.find_duplicates", "spreadsheets.merge_duplicates")
    await opened(page, api, sheet)
    await page.get_by_role("button", name="Sessions").click()
    await page.get_by_role("button", name="Start").click()
    await expect(page.locator("#toggle-sessions")).to_have_text("Sessions · 1 to answer")
    panel = page.locator("#sessions")
    await expect(panel.locator(".prompt")).to_contain_text("groups of likely duplicates were found")
    await expect(panel.locator("pre").first).to_contain_text("row 1: Ada Lovelace")
    await panel.locator("select[aria-label^='row 2 and row 4']").select_option("keep")
    await panel.get_by_role("button", name="Answer").click()
    await expect(panel.locator("h3 .facts").first).to_contain_text("completed")
    await expect(page.locator("#toggle-sessions")).to_have_text("Sessions")
    assert await sheet.content("Name", 4) == "Hopper Grace"
    assert await sheet.content("Name", 7) is None
    assert await page.evaluate("document.body.dataset.hit") is None


async def test_a_failed_step_is_told_on_the_page_and_a_session_is_cancelled(
    page: Page, api: Api, sheet: Sheet, workers: Workers
) -> None:
    await workers.start("spreadsheets.clean_contacts")
    await start(sheet, "clean_contacts")
    await opened(page, api, sheet)
    await page.get_by_role("button", name="Sessions").click()
    panel = page.locator("#sessions")
    await expect(panel.locator(".bad")).to_contain_text("the sheet has no column of names")
    await panel.get_by_role("button", name="Cancel the session").click()
    await expect(panel.locator("h3 .facts").first).to_contain_text("cancelled")
