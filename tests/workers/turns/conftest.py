"""Fixtures of the turns domain."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.db.connect import Connection
from tests.running import Database
from tests.workers.turns.estate import Estate, make_estate
from tests.workers.turns.shaping import Dev, developing


@pytest.fixture
async def estate(db: Connection) -> Estate:
    """One property with its manager, five stages, a vendor."""
    return await make_estate(db)


@pytest.fixture
async def dev(database: Database) -> AsyncIterator[Dev]:
    """The development server on the test's database."""
    async with developing(database) as running:
        yield running
