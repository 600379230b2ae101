"""Fixtures of the reports domain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.db.connect import Connection
from core.outside import blobs, files_root
from tests.workers.reports.shelf import Shelf, make_shelf


@pytest.fixture
async def shelf(db: Connection) -> Shelf:
    """The seeded teams."""
    return await make_shelf(db)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Files and blobs of this test."""
    monkeypatch.setenv("ROWMILL_FILES_DIR", str(tmp_path / "files"))
    files_root.cache_clear()
    blobs.cache_clear()
    yield tmp_path / "files"
    files_root.cache_clear()
    blobs.cache_clear()
