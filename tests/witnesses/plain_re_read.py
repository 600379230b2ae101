"""Naive: after a lost COMMIT, a plain read tells. A commit that is under way is neither seen nor waited for."""

from __future__ import annotations

from core.queue.commit.committer import Committer
from core.queue.commit.transaction import Fates


async def was_committed(committer: Committer, fates: Fates) -> bool:
    ids = [each.run.id for each, ended in fates.ended.items() if ended is not None]
    async with committer._slots.acquire() as connection:
        rows = await connection.fetch("select status from task_queue where id = any ($1::uuid[])", ids)
    return not any(row["status"] == "processing" for row in rows)
