"""A producer as any team would write it: plain INSERTs, a few at a time, a ledger on disk. A process of its own.

    python -m tests.torture.producer DSN LEDGER '{"count": 1000, "rate": 500}'

It goes on until `count` tasks are acknowledged, whatever happens to the server meanwhile. What it sent and was not
answered for it does not send again: those tasks may be there or not.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg

from tests.torture.ledger import Ledger

TROUBLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
INSERT: Final = """
insert into task_queue (task_type, payload, priority)
select t, p::jsonb, r from unnest($1::text[], $2::text[], $3::int[]) as i (t, p, r)
returning id
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send. `ms`: shortest and longest time a task takes; `rate`: tasks a second, 0 = as fast as it goes."""

    count: int
    rate: float = 0.0
    batch: int = 50
    first: int = 0
    ms: tuple[float, float] = (0.0, 0.0)
    slots: int = 0
    chunks_every: int = 0
    priorities: tuple[int, ...] = (5,)
    seed: int = 0


def tasks(plan: Plan, low: int, high: int) -> Iterator[tuple[str, str, int]]:
    """Type, payload and priority of each number; the same for the same seed."""
    for n in range(low, high + 1):
        choose = random.Random(plan.seed * 1_000_003 + n)
        priority = choose.choice(plan.priorities)
        if plan.chunks_every and n % plan.chunks_every == 0:
            yield (
                "torture.chunks",
                json.dumps({"n": n, "chunks": choose.randint(1, 5), "ms": plan.ms[1] / 10}),
                priority,
            )
            continue
        payload: dict[str, Any] = {"n": n, "ms": round(choose.uniform(*plan.ms), 1)}
        if plan.slots and choose.random() < 0.25:
            payload["slot"] = choose.randrange(plan.slots)
        yield "torture.work", json.dumps(payload), priority


async def produce(dsn: str, ledger: Ledger, plan: Plan) -> int:
    """Returns how many tasks were sent without an answer."""
    loop_began, acked, sent = time.monotonic(), 0, 0
    session: Any = None
    with ledger:
        while acked < plan.count:
            if plan.rate and (early := loop_began + sent / plan.rate - time.monotonic()) > 0:
                await asyncio.sleep(early)
            size = min(plan.batch, plan.count - acked)
            low, high = plan.first + sent, plan.first + sent + size - 1
            try:
                if session is None:
                    session = await asyncpg.connect(dsn, timeout=5, command_timeout=30)
            except TROUBLE:
                await asyncio.sleep(0.1)
                continue
            ledger.sent(low, high)
            sent += size
            try:
                ids = await _send(session, plan, low, high)
            except TROUBLE:
                session.terminate()
                session = None
                continue
            ledger.acknowledged(ids)
            acked += size
    if session is not None:
        await session.close()
    return sent - acked


async def _send(session: Any, plan: Plan, low: int, high: int) -> list[UUID]:
    types, payloads, priorities = zip(*tasks(plan, low, high), strict=True)
    rows = await session.fetch(INSERT, list(types), list(payloads), list(priorities))
    return [row["id"] for row in rows]


def main() -> None:
    """The program: an address, a file, a plan as JSON."""
    given = json.loads(sys.argv[3])
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in given.items()}
    plan = Plan(**values)
    unknown = asyncio.run(produce(sys.argv[1], Ledger(Path(sys.argv[2])), plan))
    print(json.dumps({"unknown": unknown}), flush=True)


if __name__ == "__main__":
    main()
