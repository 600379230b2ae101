from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.torture.stage import Ground, Stage, staged


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """A durable server of this test process alone: scenarios may kill it."""
    with staged() as made:
        yield made


@pytest.fixture
async def ground(stage: Stage) -> AsyncIterator[Ground]:
    async with stage.ground(random.Random(1)) as made:
        yield made
