"""Durations, sizes and plurals as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.cli.showing import age, counted, duration, moment, size

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 ms"),
        (0.0124, "12 ms"),
        (3.44, "3.4 s"),
        (42, "42 s"),
        (60, "1 min"),
        (310, "5 min 10 s"),
        (7260, "2 h 1 min"),
        (86400 * 2 + 3600 * 3, "2 d 3 h"),
        (86400 * 4000, "4,000 d"),
    ],
)
def test_a_duration_has_units_that_fit_it(seconds: float, expected: str) -> None:
    assert duration(timedelta(seconds=seconds)) == expected


def test_an_age_says_which_way() -> None:
    assert age(NOW - timedelta(seconds=5), NOW) == "5.0 s ago"
    assert age(NOW + timedelta(hours=2), NOW) == "in 2 h"
    assert age(None, NOW) is None


def test_a_moment_says_its_zone() -> None:
    shown = moment(NOW)
    assert shown is not None
    assert shown.endswith(NOW.astimezone().tzname() or "")
    assert shown.startswith("2026-11-2")


def test_plurals_and_sizes() -> None:
    assert [counted(n, "task") for n in (0, 1, 2, 2000)] == ["0 tasks", "1 task", "2 tasks", "2,000 tasks"]
    assert [size(n) for n in (1, 999, 64_000)] == ["1 byte", "999 bytes", "64.0 kB"]
