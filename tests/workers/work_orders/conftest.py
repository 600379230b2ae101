"""Fixtures of the work orders domain."""

from __future__ import annotations

import pytest

from core.db.connect import Connection
from tests.workers.work_orders.orders import Orders, make_orders


@pytest.fixture
async def orders(db: Connection) -> Orders:
    """A workspace with the spreadsheet `sheet-1`."""
    return await make_orders(db)
