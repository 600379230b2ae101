"""Retention: finished tasks go after their days, in small steps along the primary key, round and round.

Every worker process has this duty and no one leads: an advisory lock of the transaction lets one step run at a time,
and rows somebody has locked are passed over. What may go is decided in sql/functions/retain.sql alone, and by a domain
for its own tables: each statement of its `queries.sql` whose name begins with `retain_` is a ring, too.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final
from uuid import UUID

import asyncpg

from core import domains, log
from core.db import catalogs
from core.db.connect import TROUBLE, Slots
from core.db.statements import Statement
from core.settings import Settings

STEP: Final = 1000  # rows of the primary key that one step visits
STATS_DAYS: Final = 30
COMMANDS_DAYS: Final = 7  # how long a command_id is remembered
SIGNALS_DAYS: Final = 30  # how long a signal is kept for who will wait for it
RINGS: Final = (
    "retain_tasks",
    "retain_runs",
    "retain_audit",
    "retain_stats",
    "retain_commands",
    "retain_signals",
    "retain_limits",
)
FIRST: Final = UUID(int=0)
AFTER_DELETING_S: Final = 0.2
AFTER_NOTHING_S: Final = 1.0
AFTER_ALL_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next step begins. Forgotten with the process: the oldest ids come first again."""

    ring: int = 0
    after: UUID = FIRST


@cache
def rings(packages: tuple[str, ...] = ()) -> dict[str, Statement]:
    """The engine's rings and those of the domains, by name."""
    found = {name: catalogs.engine()[name] for name in RINGS}
    for domain in domains.discover(packages):
        catalog = catalogs.of_package(domain.package)
        found |= {f"{domain.name}.{name}": catalog[name] for name in catalog if name.startswith("retain_")}
    return found


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did, where the next one begins and how long it may wait."""

    ring: str
    deleted: int
    following: Place
    pause_s: float


async def retain(slots: Slots, settings: Settings) -> None:
    """Takes a step now and then, for ever; slowly where there is nothing to delete."""
    place, pause_s = Place(), AFTER_NOTHING_S
    while True:
        await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))
        try:
            step = await retain_step(slots, settings, place)
        except TROUBLE as error:
            log.get("retain").warning("retain_failed", error=str(error))
            pause_s = AFTER_ALL_S
            continue
        if step.deleted:
            log.get("retain").info("retained", ring=step.ring, deleted=step.deleted)
        place, pause_s = step.following, step.pause_s


async def retain_step(slots: Slots, settings: Settings, place: Place, now: datetime | None = None) -> Step:
    """One step; `now` None is the database's clock."""
    names = rings(tuple(settings.domains))
    name, statement = list(names.items())[place.ring]
    given = {**days(settings), "after": place.after, "step": STEP, "now": now}
    async with slots.acquire() as connection:
        row = (await connection.fetch(statement.sql, *statement.bind(given)))[0]
    return Step(name, row["deleted"], *_after(place, row, len(names)))


def days(settings: Settings) -> dict[str, float | None]:
    """Days that rows are kept, by parameter of the statements; None or 0 = for ever."""
    return {
        "completed_days": settings.retain_completed_days,
        "failed_days": settings.retain_failed_days,
        "cancelled_days": settings.retain_cancelled_days,
        "audit_days": settings.retain_audit_days,
        "stats_days": STATS_DAYS,
        "commands_days": COMMANDS_DAYS,
        "signals_days": SIGNALS_DAYS,
        "copies_days": settings.retain_copies_days,
    }


def _after(place: Place, row: asyncpg.Record, count: int) -> tuple[Place, float]:
    """Where the next step begins and how long it may wait."""
    again = AFTER_DELETING_S if row["deleted"] else AFTER_NOTHING_S
    if row["walked_to"] is not None:
        return Place(place.ring, row["walked_to"]), again
    if row["deleted"] >= STEP:  # there may be more of it
        return place, again
    if place.ring + 1 < count:
        return Place(place.ring + 1), again
    return Place(), AFTER_ALL_S
