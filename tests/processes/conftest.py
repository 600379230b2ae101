from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core import domains
from tests.processes.programs import Programs


@pytest.fixture(scope="session", autouse=True)
def _acts() -> None:
    domains.load(domains.discover(["tests.processes.acts"]), "operators")


@pytest.fixture
async def programs(tmp_path: Path) -> AsyncIterator[Programs]:
    """Starts programs; all end with the test."""
    started = Programs(tmp_path)
    try:
        yield started
    finally:
        await started.close()
