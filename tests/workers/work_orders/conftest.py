"""Fixtures of the work orders domain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.db.connect import Connection
from core.outside import blob_store, files_root, google_account
from tests.workers.work_orders.google import FakeGoogle, serving_google
from tests.workers.work_orders.orders import Orders, make_orders


@pytest.fixture
async def orders(db: Connection) -> Orders:
    """A workspace with the spreadsheet `sheet-1`."""
    return await make_orders(db)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Files and blobs of this test."""
    monkeypatch.setenv("ROWMILL_FILES_DIR", str(tmp_path / "files"))
    files_root.cache_clear()
    blob_store.cache_clear()
    yield tmp_path / "files"
    files_root.cache_clear()
    blob_store.cache_clear()


@pytest.fixture
async def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeGoogle]:
    """A stand-in of Google that this process exports to."""
    async with serving_google() as fake:
        monkeypatch.setenv("ROWMILL_GOOGLE_CREDENTIALS", str(fake.key_file(tmp_path)))
        monkeypatch.setenv("ROWMILL_GOOGLE_URL", fake.url)
        google_account.cache_clear()
        yield fake
        google_account.cache_clear()
