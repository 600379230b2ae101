"""Fixtures of the work orders domain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.db.connect import Connection
from core.outside import blob_store, files_root
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
