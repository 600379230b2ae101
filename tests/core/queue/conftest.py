from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.db.connect import Connection
from tests.core.queue import doors
from tests.core.queue.bells import Bells
from tests.running import Database


@pytest.fixture(autouse=True)
def _doors() -> Iterator[None]:
    doors.close_all()
    yield
    doors.close_all()


@pytest.fixture
async def bells(database: Database, db: Connection) -> Bells:
    """Hears every bell of the test's database."""
    return await Bells(await database.connect(), db).start()
