"""Fixtures of the spreadsheets domain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright

from core.db.connect import Connection
from core.outside import blob_store, files_root, language_model
from core.outside import web as outside_web
from tests.core.cli.conftest import rowmill
from tests.running import Database
from tests.workers.deals.modelserver import UseModel
from tests.workers.spreadsheets.browsing import CHROMIUM, logged_in
from tests.workers.spreadsheets.holding import Hold
from tests.workers.spreadsheets.places import Places
from tests.workers.spreadsheets.serving import Api, Client, serving
from tests.workers.spreadsheets.sheets import TRANSFORM, Sheet, make_sheet

__all__ = ["rowmill"]


@pytest.fixture
async def sheet(db: Connection) -> Sheet:
    """A sheet with the plain columns A and B, and no cell."""
    return await make_sheet(db, "A", "B")


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Hold:
    """Runs of spreadsheets.transform stop before their commit."""
    return Hold(TRANSFORM, monkeypatch)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that payloads name files in, for this test."""
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.setenv("ROWMILL_FILES_DIR", str(folder))
    for each in (files_root, blob_store):
        each.cache_clear()
    yield folder
    for each in (files_root, blob_store):
        each.cache_clear()


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    """The HTTP API on the test's database."""
    async with serving(database) as running:
        yield running


@pytest.fixture
async def client(api: Api, sheet: Sheet) -> Client:
    """A client that may do everything, the owner of `sheet`."""
    email = await sheet.db.fetchval("select email from users where id = $1", sheet.owner_id)
    return await api.client(sheet.db, email)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield running
        await running.close()


@pytest.fixture
async def page(browser: Browser, api: Api) -> AsyncIterator[Page]:
    """A person who has logged in and sees the list. An error on the page fails the test."""
    errors: list[str] = []
    page = await logged_in(browser, api, errors)
    yield page
    assert errors == []


@pytest.fixture
async def places(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Places]:
    """A JSON API that columns may call."""
    server = Places()
    runner = web.ServerRunner(web.Server(server.handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    monkeypatch.setenv("ROWMILL_FETCH_ALLOW", f"127.0.0.1:{server.port}")
    monkeypatch.setenv("ROWMILL_FETCH_PER_S", "500")
    monkeypatch.setenv("ROWMILL_FETCH_BURST", "100")
    monkeypatch.setenv("ROWMILL_FETCH_ROBOTS", "false")
    outside_web.cache_clear()
    yield server
    outside_web.cache_clear()
    await runner.cleanup()


@pytest.fixture
def use_model(monkeypatch: pytest.MonkeyPatch) -> Iterator[UseModel]:
    """Says at which address the language model is, and what it costs."""

    def use(url: str) -> None:
        monkeypatch.setenv("ROWMILL_LLM_URL", url)
        monkeypatch.setenv("ROWMILL_LLM_LIMIT_S", "0.5")
        monkeypatch.setenv("ROWMILL_LLM_PER_S", "1000")
        monkeypatch.setenv("ROWMILL_LLM_BURST", "1000")
        monkeypatch.setenv("ROWMILL_LLM_PRICE_IN", "2")
        monkeypatch.setenv("ROWMILL_LLM_PRICE_OUT", "10")
        language_model.cache_clear()

    yield use
    language_model.cache_clear()
