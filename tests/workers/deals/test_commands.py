"""What people may do with drafts, by the rules alone: no database, and the clock is given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import Enqueue
from workers.deals.effects import CountRegeneration
from workers.deals.model import DealsRefused, TooManyRegenerations, WrongState
from workers.deals.rules import commands

THIRD = datetime(2026, 11, 2, 12, tzinfo=UTC)
DAY = timedelta(hours=24)


def draft(**columns: Any) -> dict[str, Any]:
    """A row of the statement `draft`."""
    given = {"draft_id": 1, "status": "pending", "delivery": None, "draft_versions": "[]", "final_body": "text"}
    return {**given, "regeneration_count": 0, "last_regeneration_at": None, "now": THIRD, **columns}


def asked(**columns: Any) -> list[type]:
    return [type(each) for each in commands.regenerate(draft(**columns), "shorter", "rita@example.org")]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_three_regenerations_are_free(count: int) -> None:
    assert asked(regeneration_count=count, last_regeneration_at=THIRD) == [CountRegeneration, Enqueue]


@pytest.mark.parametrize(
    ("since", "left"),
    [
        (timedelta(0), "24 h 0 min"),
        (timedelta(hours=1, minutes=30), "22 h 30 min"),
        (DAY - timedelta(minutes=5), "5 min"),
        (DAY - timedelta(microseconds=1), "1 min"),
    ],
)
def test_the_fourth_waits_for_a_day_and_is_told_how_long(since: timedelta, left: str) -> None:
    with pytest.raises(TooManyRegenerations) as refused:
        asked(regeneration_count=3, last_regeneration_at=THIRD, now=THIRD + since)
    assert str(refused.value) == (
        "draft 1 was written anew 3 times, which is the most, and then 24 hours must pass; "
        f"try again at 2026-11-03 12:00 UTC (in {left}), or edit it by hand"
    )


@pytest.mark.parametrize("since", [DAY, DAY + timedelta(microseconds=1), timedelta(days=400)])
def test_a_day_after_the_third_the_count_begins_anew(since: timedelta) -> None:
    assert asked(regeneration_count=3, last_regeneration_at=THIRD, now=THIRD + since) == [CountRegeneration, Enqueue]


@pytest.mark.parametrize("status", ["sent", "archived"])
def test_what_was_sent_or_archived_is_not_written_anew(status: str) -> None:
    with pytest.raises(WrongState, match=f"draft 1 is {status}, and its text is fixed; "):
        asked(status=status)


@pytest.mark.parametrize("delivery", ["sending", "uncertain"])
def test_what_is_on_its_way_is_not_written_anew(delivery: str) -> None:
    with pytest.raises(WrongState, match="is being sent, or may have been"):
        asked(status="approved", delivery=delivery)


def test_a_draft_has_a_hundred_versions_at_most() -> None:
    with pytest.raises(DealsRefused, match="has 100 versions; archive it"):
        asked(draft_versions=f"[{','.join(['{}'] * 100)}]")
