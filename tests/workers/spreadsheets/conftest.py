"""Fixtures of the spreadsheets domain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.db.connect import Connection
from core.outside import files_root
from tests.core.cli.conftest import rowmill
from tests.running import Database
from tests.workers.spreadsheets.holding import Hold
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
    files_root.cache_clear()
    yield folder
    files_root.cache_clear()


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
