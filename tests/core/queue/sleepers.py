"""Waiting for pools to be asleep for good: from then on only a bell wakes them."""

from __future__ import annotations

import asyncio

from tests.running import InProcess, until


async def wait_asleep(*workers: InProcess) -> None:
    """Every pool has written `asleep`, and every transaction that may not have seen it has ended.

    Other tests on the same server hold old transactions too, so this takes as long as theirs."""

    async def look() -> bool:
        pools = [pool for running in workers for pool in running.worker.pools]
        gates = [pool._gate for pool in pools if pool._wake._waiters]  # waiting, not in the middle of a look
        return len(gates) == len(pools) and all(g.state == "asleep" and g._closing is None for g in gates)

    await until(look, what="sleep")


async def wait_looked(running: InProcess, task_type: str, before: int) -> None:
    """Until this pool has made a claim after its first `before` ones, and has heard the answer."""
    claimer = next(pool for pool in running.worker.pools if pool.task_type == task_type)._shared.claimer

    async def look() -> bool:
        return claimer._counts[task_type] > before

    await until(look, what="a look")
    await asyncio.gather(*claimer._asked, return_exceptions=True)


def claims_of(running: InProcess, task_type: str) -> int:
    """How many claims this worker has made of the type."""
    return running.worker.pools[0]._shared.claimer._counts.get(task_type, 0)
