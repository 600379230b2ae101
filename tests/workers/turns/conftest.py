"""Fixtures of the turns domain."""

from __future__ import annotations

import pytest

from core.db.connect import Connection
from tests.workers.turns.estate import Estate, make_estate


@pytest.fixture
async def estate(db: Connection) -> Estate:
    """One property with its manager, five stages, a vendor."""
    return await make_estate(db)
