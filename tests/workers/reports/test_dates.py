"""The grammar of dates: what people write is read, and nothing else is."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.reports.rules.dates import FIRST_YEAR, LAST_YEAR, looks_like_date, months, read_date, weekdays

DAY = date(2026, 1, 15)
FORMS = [
    "2026-01-15",
    "2026/1/15",
    "2026.01.15",
    "2026_01_15",
    "20260115",
    "2026-W03-4",
    "2026W034",
    "2026 January 15",
    "2026-Jan-15",
    "15 January 2026",
    "15. Januar 2026",
    "15-Jan-2026",
    "15th of January, 2026",
    "15 Jan 26",
    "15 janvier 2026",
    "15 de enero de 2026",
    "January 15, 2026",
    "Jan. 15th 2026",
    "JANUARY 15 2026",
    "15.01.2026",
    "15. 1. 2026",
    "15.1.26",
    "15/01/2026",
    "01/15/2026",
    "1-15-2026",
    "Thursday, January 15, 2026",
    "Thu 2026-01-15",
    "Do., 15.01.2026",
    "jeudi 15 janvier 2026",
    "2026-01-15 (Thu)",
    "2026-01-15, Thursday",
    "2026-01-15T09:30:00Z",
    "2026-01-15 9:30 am",
    "January 15, '26",
]
days = st.dates(date(FIRST_YEAR, 1, 1), date(LAST_YEAR, 12, 31))
WRITTEN = [
    "{0:%Y}-{0:%m}-{0:%d}",
    "{0:%Y}/{0.month}/{0.day}",
    "{0:%Y%m%d}",
    "{0.day}. {0:%B} {0:%Y}",
    "{0:%b} {0.day}, {0:%Y}",
    "{0.day}.{0.month}.{0:%Y}",
    "{0:%A}, {0:%B} {0.day}, {0:%Y}",
    "{0:%Y}-{0:%m}-{0:%d} ({0:%a})",
    "{0:%d}-{0:%b}-{0:%Y}",
]


@pytest.mark.parametrize("text", FORMS)
def test_every_form_is_read_to_its_end(text: str) -> None:
    found = read_date(text)
    assert found is not None
    assert (found.day, found.end, found.note) == (DAY, len(text), None)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30", "2026-13-01", "32.01.2026", "31/31/2026", "2026-W54-1", "version 2.3", "3 things", "1st place",
        "12 items done 2026", "January", "2026", "Blockers", "", "1989-01-01", "January 15", "١٥ يناير",
    ],
)  # fmt: skip
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_date(text) is None


@given(days, st.sampled_from(WRITTEN))
def test_a_date_that_is_written_is_the_date_that_is_read(day: date, form: str) -> None:
    text = form.format(day)
    found = read_date(text)
    assert found is not None
    assert (found.day, found.end, found.note) == (day, len(text), None)


@given(days, st.sampled_from(WRITTEN))
def test_what_follows_a_date_does_not_change_it(day: date, form: str) -> None:
    text = form.format(day)
    found = read_date(f"{text} – Sprint 12, 30 tests")
    assert found is not None
    assert (found.day, found.end) == (day, len(text))


@given(st.text(max_size=60), st.sampled_from([None, 2026]), st.booleans())
def test_no_text_breaks_the_reader_and_a_date_ends_inside_it(text: str, year: int | None, day_first: bool) -> None:
    found = read_date(text, year=year, day_first=day_first)
    looks_like_date(text)
    assert found is None or 0 < found.end <= len(text)


@given(days)
def test_both_orders_of_day_and_month_differ_by_a_note_at_most(day: date) -> None:
    european = read_date(f"{day.day}/{day.month}/{day:%Y}", day_first=True)
    american = read_date(f"{day.month}/{day.day}/{day:%Y}")
    assert european is not None
    assert american is not None
    ambiguous = day.day <= 12 and day.day != day.month
    assert (european.day, american.day) == (day, day)
    assert (european.note is not None, american.note is not None) == (ambiguous, ambiguous)


def test_a_year_is_taken_from_the_surroundings_where_there_is_none() -> None:
    for text in ("January 15", "15 Jan", "Thu, Jan 15th"):
        found = read_date(text, year=2026)
        assert found is not None
        assert found.day == DAY


def test_a_weekday_that_contradicts_the_date_is_noted_and_the_date_counts() -> None:
    found = read_date("Friday, 2026-01-15")
    assert found is not None
    assert found.day == DAY
    assert found.note == "2026-01-15 is a Thursday, not the day that is written beside it; the date was taken"


def test_no_name_is_a_month_and_a_weekday_of_different_meaning_unless_a_date_tells() -> None:
    shared = months().keys() & weekdays().keys()
    assert shared == {"mar"}  # mars or mardi: where it is followed by a month it is the day
    found = read_date("mar. 3 février 2026")
    assert found is not None
    assert (found.day, found.note) == (date(2026, 2, 3), None)


@pytest.mark.parametrize("text", ["2026-13-45", "30.02.2026", "February 31, 2026", "20261345"])
def test_what_was_meant_as_a_date_looks_like_one(text: str) -> None:
    assert read_date(text) is None
    assert looks_like_date(text)


@pytest.mark.parametrize("text", ["Blockers", "Done", "3 things", "Release notes", "May we ask"])
def test_what_was_not_meant_as_a_date_does_not(text: str) -> None:
    assert not looks_like_date(text)
