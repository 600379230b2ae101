"""Schedules: recurring times become tasks. Every worker process has this duty and no one leads: who first moves a
schedule on from the time it read enqueues the task, in the same statement.

Times that nobody was there for are made up for by one task, not by all that were missed.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from core import log
from core.db import catalogs
from core.db.connect import TROUBLE, Connection, Slots

AHEAD_S: Final = 1.5


@dataclass(frozen=True, slots=True)
class Following:
    """The next time of a schedule, or why there is none."""

    at: datetime | None
    problem: str | None = None


async def keep_schedules(slots: Slots) -> None:
    """Looks about once a second, for ever."""
    while True:
        await asyncio.sleep(random.uniform(0.8, 1.2))
        try:
            async with slots.acquire() as connection:
                await fire_due(connection)
        except TROUBLE as error:
            log.get("schedule").warning("schedules_failed", error=str(error))


async def fire_due(connection: Connection, now: datetime | None = None) -> int:
    """Enqueues what is due by `now` (None: the database's clock). Returns how many tasks were made."""
    engine = catalogs.engine()
    due = await engine["schedules_due"].fetch(connection, now=now, ahead_s=AHEAD_S)
    if not due:
        return 0
    following = [
        following_of(row["cron"], row["timezone"], max(row["next_at"] or row["now"], row["now"])) for row in due
    ]
    moved = await engine["schedules_fire"].fetch(
        connection,
        name=[row["name"] for row in due],
        cron=[row["cron"] for row in due],
        timezone=[row["timezone"] for row in due],
        seen=[row["next_at"] for row in due],
        next_at=[each.at for each in following],
        problem=[each.problem for each in following],
    )
    for row in moved:
        if row["problem"]:
            log.get("schedule").warning("schedule_refused", schedule=row["name"], problem=row["problem"])
    return sum(row["fired"] for row in moved)


def following_of(cron: str, timezone: str, after: datetime) -> Following:
    """The first time of the schedule after this one, by the wall clock of its zone.

    An hour that a change to summer time skips is made up for directly after it; an hour that comes twice fires once.
    """
    try:
        local = after.astimezone(ZoneInfo(timezone))
        return Following(next(CronSim(cron, local)))
    except CronSimError as error:
        return Following(None, f"the schedule {cron!r} cannot be read ({error}); write it as 30 3 * * 1-5")
    except StopIteration:
        return Following(None, f"the schedule {cron!r} names no day that will come")
    except (OSError, ValueError):
        return Following(None, f"this machine knows no time zone {timezone!r}; install the tzdata package")
