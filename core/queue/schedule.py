"""Schedules: recurring times become tasks. Every worker process has this duty and no one leads: who first moves a
schedule on from the time it read enqueues the task, in the same statement.

Times that nobody was there for are made up for by one task, by one each, or not at all, as the schedule says.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import asyncpg
from cronsim import CronSim, CronSimError

from core import log
from core.db import catalogs
from core.db.connect import TROUBLE, Connection, Slots

AHEAD_S: Final = 1.5
MISSED: Final = timedelta(minutes=1)  # later than this, nobody was there
ROUNDS: Final = 100  # of one look: a schedule that makes up for all its times has one in each


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
                for _ in range(ROUNDS):
                    if not await fire_due(connection):
                        break
        except TROUBLE as error:
            log.get("schedule").warning("schedules_failed", error=str(error))


async def fire_due(connection: Connection, now: datetime | None = None) -> int:
    """Enqueues what is due by `now` (None: the database's clock), of each schedule one time at most. Returns how many
    tasks were made."""
    engine = catalogs.engine()
    due = await engine["schedules_due"].fetch(connection, now=now, ahead_s=AHEAD_S)
    if not due:
        return 0
    following = [following_of(row["cron"], row["timezone"], _goes_on_after(row)) for row in due]
    moved = await engine["schedules_fire"].fetch(
        connection,
        name=[row["name"] for row in due],
        cron=[row["cron"] for row in due],
        timezone=[row["timezone"] for row in due],
        seen=[row["next_at"] for row in due],
        fires=[_fires(row) for row in due],
        next_at=[each.at for each in following],
        problem=[each.problem for each in following],
    )
    for row in moved:
        if row["problem"]:
            log.get("schedule").warning("schedule_refused", schedule=row["name"], problem=row["problem"])
    return sum(row["fired"] for row in moved)


def _fires(due: asyncpg.Record) -> bool:
    """Not at a first look, which only computes the time, and not what is too late for a schedule that makes up for
    nothing."""
    at = due["next_at"]
    return at is not None and not (due["catch_up"] == "none" and due["now"] - at > MISSED)


def _goes_on_after(due: asyncpg.Record) -> datetime:
    """A time that has made its task never comes again, also where the schedule was written anew since."""
    known = [each for each in (due["next_at"], due["last_at"], due["now"]) if each is not None]
    after: datetime = known[0] if due["catch_up"] == "all" and due["next_at"] is not None else max(known)
    return after


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
    except (KeyError, OSError, ValueError):  # a zone that is not there is a KeyError
        return Following(None, f"this machine knows no time zone {timezone!r}; install the tzdata package")
