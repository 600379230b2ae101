"""A session that holds an old snapshot: vacuum may remove nothing that died since."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.torture.stage import Ground


@asynccontextmanager
async def pinned(ground: Ground) -> AsyncIterator[None]:
    """REPEATABLE READ, one read, and then nothing."""
    session = await ground.connect()
    await session.execute("begin isolation level repeatable read")
    await session.execute("select count(*) from task_queue")
    try:
        yield
    finally:
        await session.execute("rollback")
