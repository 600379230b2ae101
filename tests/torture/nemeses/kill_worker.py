"""kill -9 of a worker process at random."""

from __future__ import annotations

import random

from tests.torture.crew import Crew, Kill


async def kill_some_worker(crew: Crew, choose: random.Random) -> tuple[Kill, bool]:
    """Kills one of those at work; waits until there is one. Also says whether it has a parent that sees it."""
    alive = await crew.up(1)
    worker_id = choose.choice(sorted(alive))
    pid = alive[worker_id]
    return crew.kill(worker_id, pid), pid not in {each.pid for each in crew.singles}
