"""Fixtures of the outside world."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.core.outside.sites import Site, site_running


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with site_running() as running:
        yield running
