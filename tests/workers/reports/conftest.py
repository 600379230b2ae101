"""Fixtures of the reports domain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.db.connect import Connection
from core.outside import blob_store, files_root, storing
from core.registry import operators
from tests.core.cli.conftest import rowmill
from tests.running import Workers
from tests.workers.reports.shelf import Inbox, Shelf, make_shelf

__all__ = ["rowmill"]  # a fixture of the command line's own tests


@pytest.fixture
async def shelf(db: Connection) -> Shelf:
    """The seeded teams."""
    return await make_shelf(db)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Files and blobs of this test."""
    monkeypatch.setenv("ROWMILL_FILES_DIR", str(tmp_path / "files"))
    forget()
    yield tmp_path / "files"
    forget()


def forget() -> None:
    """Settings are read once per process; a test that changes them says so."""
    for each in (blob_store, files_root, storing):
        each.cache_clear()


@pytest.fixture
async def inbox(shelf: Shelf, store: Path, workers: Workers) -> Inbox:
    """A running worker of this domain, and a way to hand it files."""
    await workers.start(*(name for name in operators() if name.startswith("reports.")))
    return Inbox(shelf)
