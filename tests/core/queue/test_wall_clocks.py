"""Schedules follow the wall clock through every change of it: all zones of the time zone database, 2020 to 2035."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from core.queue.schedule import following_of

BEGIN, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
WEEK, MINUTE, DAY = timedelta(days=7), timedelta(minutes=1), timedelta(days=1)


class Change(NamedTuple):
    """A zone's clocks are put from one offset to another."""

    zone: str
    at: datetime
    before: timedelta
    after: timedelta


def offset(zone: str, at: datetime) -> timedelta:
    found = at.astimezone(ZoneInfo(zone)).utcoffset()
    assert found is not None
    return found


def changes_of(zone: str) -> Iterator[Change]:
    at, before = BEGIN, offset(zone, BEGIN)
    while at < END:
        after = offset(zone, at + WEEK)
        if after != before:
            early, late = at, at + WEEK
            while late - early > MINUTE:
                middle = early + (late - early) // 2
                middle -= timedelta(seconds=middle.second, microseconds=middle.microsecond)
                early, late = (middle, late) if offset(zone, middle) == before else (early, middle)
            yield Change(zone, late, before, after)
        at, before = at + WEEK, after


def changes() -> list[Change]:
    """One of each kind: the same offsets at the same hour of the wall."""
    kinds: dict[tuple[timedelta, timedelta, int, time], Change] = {}
    for zone in sorted(zoneinfo.available_timezones()):
        for change in changes_of(zone):
            local = change.at + change.before
            kinds.setdefault((change.before, change.after, local.month, local.time()), change)
    return list(kinds.values())


def fires(cron: str, zone: str, after: datetime, until: datetime) -> list[datetime]:
    found, at = [], following_of(cron, zone, after).at
    while at is not None and at < until:
        found.append(at.astimezone(UTC))
        at = following_of(cron, zone, at).at
    return found


CHANGES = changes()


def test_there_are_changes_of_every_kind() -> None:
    steps = {change.after - change.before for change in CHANGES}
    assert {timedelta(hours=1), -timedelta(hours=1), timedelta(minutes=30), -timedelta(minutes=30)} <= steps
    assert len(CHANGES) > 50


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.zone} {change.at:%Y-%m-%d}")
def test_a_daily_time_that_is_skipped_or_comes_twice_fires_once_each_day(change: Change) -> None:
    """What the wall never shows fires directly after the gap; of two the first counts."""
    wall = (change.at + (change.before + change.after) / 2).replace(tzinfo=None, second=0)
    expected = []
    for days in (-1, 0, 1):
        asked = (wall + days * DAY).replace(tzinfo=ZoneInfo(change.zone), fold=0)
        at = asked.astimezone(UTC)
        shown = at.astimezone(ZoneInfo(change.zone)).replace(tzinfo=None) == wall + days * DAY
        expected.append(at if shown else change.at)
    daily = f"{wall.minute} {wall.hour} * * *"
    assert fires(daily, change.zone, change.at - 1.5 * DAY, change.at + 1.5 * DAY) == expected


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.zone} {change.at:%Y-%m-%d}")
def test_every_quarter_of_an_hour_goes_on_through_the_change(change: Change) -> None:
    found = fires("*/15 * * * *", change.zone, change.at - DAY / 8, change.at + DAY / 8)
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(minutes=15)}
