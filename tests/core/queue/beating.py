"""A heartbeat without a worker around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from core.queue.beat import Beat
from core.queue.pool import Pool
from core.settings import Settings
from tests.running import Database, until


@asynccontextmanager
async def beating(
    database: Database, lease_s: float, beat_s: float = 0.05, pools: Sequence[Pool] = ()
) -> AsyncIterator[Beat]:
    settings = Settings(database_url=database.dsn, lease_s=lease_s, beat_s=beat_s)
    made = Beat(database.dsn, settings, "me", "test", lambda: None)
    await made.first(pools)
    running = asyncio.create_task(made.run(pools))
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.wait([running])
    await made.leave()


async def is_away(beat: Beat) -> bool:
    """For so long that leases of others may have ended."""
    return not beat.fresh()


async def others_time_s(beat: Beat, before: float) -> float:
    """How long from now on others have, once the beat is back. `before`: what `reaps_from` was."""
    back = asyncio.get_running_loop().time()

    async def is_back() -> bool:
        return beat.reaps_from != before

    await until(is_back, what="the next beat")
    return beat.reaps_from - back
