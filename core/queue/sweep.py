"""The sweeps of a process: a poll each second for what no bell can reach, runs past their limit, dead workers,
waits whose time is over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from core import log
from core.db.connect import TROUBLE, Slots
from core.queue.claim import Claimer
from core.queue.pool import Pool
from core.queue.stats import OUTCOMES, as_array
from core.settings import Settings
from core.storable import fingerprint

REAP_LIMIT: Final = 100  # on a busy machine, too, one step takes less than a claim may
REAP_PART: Final = 1 / 5  # of the lease, between two looks for the dead
LONGEST_TIMER_S: Final = 3600.0
WAITS_LIMIT: Final = 100
REMATCH_EVERY_S: Final = 30.0


async def poll(pools: Sequence[Pool], claimer: Claimer, settings: Settings) -> None:
    """Asks for all types in one statement, about once a second; due times become timers, so tasks start on time."""
    loop = asyncio.get_running_loop()
    by_type = {pool.task_type: pool for pool in pools}
    timers: dict[str, asyncio.TimerHandle] = {}
    while settings.poll_s:
        await asyncio.sleep(settings.poll_s * random.uniform(0.8, 1.2))
        try:
            floors = [claimer.floors.of(task_type) for task_type in by_type]
            rows = await claimer.ask("look", task_types=list(by_type), floors=floors)
        except TROUBLE as error:
            log.get("sweep").warning("poll_failed", error=str(error))
            continue
        for row in rows:
            pool = by_type[row["task_type"]]
            if row["work"]:
                pool.wake()
            if row["due_in_s"] is not None:
                if (old := timers.get(pool.task_type)) is not None:
                    old.cancel()
                timers[pool.task_type] = loop.call_later(min(max(row["due_in_s"], 0.0), LONGEST_TIMER_S), pool.bell)


async def expire(pools: Sequence[Pool], slots: Sequence[Slots]) -> None:
    """Once a second: runs that have passed their operator's limit end, idle connections are closed."""
    while True:
        await asyncio.sleep(1.0)
        for pool in pools:
            pool.expire()
        for each in slots:
            await each.trim()


async def count(pools: Sequence[Pool], claimer: Claimer, worker_id: str) -> None:
    """About once a second: what the pools have counted goes to the statistics."""
    while True:
        await asyncio.sleep(random.uniform(0.8, 1.2))
        try:
            await flush(pools, claimer, worker_id)
        except TROUBLE as error:
            log.get("sweep").warning("count_failed", error=str(error))


async def flush(pools: Sequence[Pool], claimer: Claimer, worker_id: str) -> None:
    """One upsert for all types. What could not be written is counted again with the next one."""
    taken = [(pool, counts) for pool in pools if (counts := pool.take_counts())]
    if not taken:
        return
    try:
        await claimer.ask(
            "count",
            worker_id=worker_id,
            now=None,
            task_types=[pool.task_type for pool, _ in taken],
            wait_ms=[as_array(counts.wait_ms) for _, counts in taken],
            run_ms=[as_array(counts.run_ms) for _, counts in taken],
            **{name: [counts.outcomes[name] for _, counts in taken] for name in OUTCOMES},
        )
    except TROUBLE:
        for pool, counts in taken:
            pool.counts.merge(counts)
        raise


async def reap(claimer: Claimer, settings: Settings, may_reap: Callable[[], bool]) -> None:
    """Takes back the tasks of dead workers. Nobody reaps before those who live had the time to say so: after a restart
    of the database, or a sleep of the machine, everyone looks dead."""
    while True:
        await asyncio.sleep(settings.lease_s * REAP_PART * random.uniform(0.8, 1.2))
        if not may_reap():
            continue
        try:
            while await reap_once(claimer, None) >= REAP_LIMIT:
                pass
        except TROUBLE as error:
            log.get("sweep").warning("reap_failed", error=str(error))


async def reap_once(claimer: Claimer, worker_id: str | None) -> int:
    """One step of reaping; `worker_id` names a worker whose end was seen by its parent. Returns the tasks freed."""
    rows = await claimer.ask("reap", worker_id=worker_id, run_limit=REAP_LIMIT)
    for lost in sorted({row["worker_id"] for row in rows}):
        mine = [row for row in rows if row["worker_id"] == lost]
        failed = sum(row["status"] == "failed" for row in mine)
        log.get("sweep").warning("reaped", worker_id=lost, tasks=len(mine), failed=failed)
    return len(rows)


async def end_waits(claimer: Claimer) -> None:
    """About once a second: waits whose time is over. Each half minute: signals and waits that missed each other."""
    loop = asyncio.get_running_loop()
    rematched = -REMATCH_EVERY_S
    while True:
        await asyncio.sleep(random.uniform(0.8, 1.2))
        try:
            while await end_waits_once(claimer, rematch=False) >= WAITS_LIMIT:
                pass
            if loop.time() - rematched >= REMATCH_EVERY_S:
                rematched = loop.time()  # also one that is cut off: time-outs do not wait for it
                await end_waits_once(claimer, rematch=True)
        except TROUBLE as error:
            log.get("sweep").warning("end_waits_failed", error=str(error))


async def end_waits_once(claimer: Claimer, *, rematch: bool, now: datetime | None = None) -> int:
    """One step; `now` None is the database's clock. Returns how many waits have timed out."""
    mark = fingerprint("no signal came in time")
    row = (await claimer.ask("sweep_waits", run_limit=WAITS_LIMIT, rematch=rematch, fingerprint=mark, now=now))[0]
    timed_out: int = row["timed_out"]
    if timed_out or row["rematched"]:
        log.get("sweep").info("waits_swept", timed_out=timed_out, rematched=row["rematched"])
    return timed_out
