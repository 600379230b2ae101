"""Dates: notations, languages, doubt, and days that do not exist."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from workers.spreadsheets.model import Transform, Value
from workers.spreadsheets.rules import apply

DAY_FIRST = {"note": "Day and month could change places; read day first, as the locale has it."}
MONTH_FIRST = {"note": "Day and month could change places; read month first, as the locale has it."}
NO_TIME = {"note": "The time of day was left out."}


def read(text: str, locale: str = "de_DE", **options: object) -> Value:
    return apply([text], Transform.model_validate({"steps": [{"op": "date", **options}], "locale": locale}))


def error_of(value: Value) -> str:
    assert (value.content, value.cell_type) == (None, "error")
    assert value.shown is not None
    return value.shown["error"]


@pytest.mark.parametrize(
    ("text", "locale", "expected"),
    [
        ("31.12.2024", "de_DE", "2024-12-31"),
        ("31. 12. 2024", "de_DE", "2024-12-31"),
        ("31 12 2024", "de_DE", "2024-12-31"),
        ("12/31/2024", "en_US", "2024-12-31"),
        ("2024-02-29", "de_DE", "2024-02-29"),
        ("2024/2/9", "en_US", "2024-02-09"),
        ("20240229", "en_US", "2024-02-29"),
        ("2024-W05-3", "en_US", "2024-01-31"),
        ("2024-060", "en_US", "2024-02-29"),
        ("5. März 2024", "de_DE", "2024-03-05"),
        ("Montag, 5. Mrz. 2024", "de_DE", "2024-03-05"),
        ("März 5, 2024", "de_DE", "2024-03-05"),
        ("3. Jänner 1999", "de_AT", "1999-01-03"),
        ("1er février 2024", "fr_FR", "2024-02-01"),
        ("5 de mayo de 2024", "es_ES", "2024-05-05"),
        ("March 5th, 2024", "en_US", "2024-03-05"),
        ("5 Sept '24", "en_GB", "2024-09-05"),
        ("2024 March 5", "en_US", "2024-03-05"),
        ("the 3rd of May 2024", "en_GB", "2024-05-03"),
        ("24-Dec-2024", "de_DE", "2024-12-24"),
        ("2024年3月5日", "ja_JP", "2024-03-05"),
        ("24/03/31", "ja_JP", "2024-03-31"),
        ("٣١/١٢/٢٠٢٤", "ar_EG", "2024-12-31"),
        ("\u200e31/12/2024", "en_GB", "2024-12-31"),
    ],
)
def test_a_date_becomes_iso_8601(text: str, locale: str, expected: str) -> None:
    value = apply([text], Transform.model_validate({"steps": [{"op": "trim"}, {"op": "date"}], "locale": locale}))
    assert value == Value(expected, None, "date")


@pytest.mark.parametrize(
    ("text", "locale", "expected", "shown"),
    [
        ("03.04.2024", "de_DE", "2024-04-03", DAY_FIRST),
        ("03/04/2024", "en_GB", "2024-04-03", DAY_FIRST),
        ("03/04/2024", "en_US", "2024-03-04", MONTH_FIRST),
        ("3.4.24", "de_DE", "2024-04-03", DAY_FIRST),
        ("12/25/2024", "de_DE", "2024-12-25", {"note": "Read month first, since the other order makes no date."}),
        ("25.12.2024", "en_US", "2024-12-25", {"note": "Read day first, since the other order makes no date."}),
        ("2024-01-31T10:00:00Z", "de_DE", "2024-01-31", NO_TIME),
        ("2024-01-31 10:00:00.123+02:00", "de_DE", "2024-01-31", NO_TIME),
        ("31.12.2024 10:30 Uhr", "de_DE", "2024-12-31", NO_TIME),
        ("Dec 31, 2024 10:30 pm", "en_US", "2024-12-31", NO_TIME),
        ("1/2/2024 10:30", "en_US", "2024-01-02", {"note": f"{MONTH_FIRST['note']} {NO_TIME['note']}"}),
    ],
)
def test_what_was_decided_or_left_out_is_noted(text: str, locale: str, expected: str, shown: dict[str, str]) -> None:
    assert read(text, locale) == Value(expected, shown, "date")


@pytest.mark.parametrize("text", ["05.05.2024", "31.12.2024", "2024-03-04"])
def test_a_date_without_doubt_has_no_note(text: str) -> None:
    assert read(text).shown is None


def test_a_configured_order_is_not_in_doubt() -> None:
    assert read("03/04/2024", "en_US", day_first=True) == Value("2024-04-03", None, "date")
    assert read("03.04.2024", "de_DE", day_first=False) == Value("2024-03-04", None, "date")


@pytest.mark.parametrize(("year", "full"), [("00", "2000"), ("68", "2068"), ("69", "1969"), ("99", "1999")])
def test_two_digit_years_turn_at_1969(year: str, full: str) -> None:
    assert read(f"31.12.{year}").content == f"{full}-12-31"
    assert read(f"31. Dez {year}").content == f"{full}-12-31"
    assert read(f"31|12|{year}", formats=["%d|%m|%y"]).content == f"{full}-12-31"


@pytest.mark.parametrize(
    "text",
    [
        "31.02.2024",
        "29.02.2023",
        "2023-02-29",
        "13.13.2024",
        "00.00.0000",
        "0000-01-01",
        "29. Februar 2023",
        "2024-W54-1",
    ],
)
def test_a_day_that_does_not_exist_is_an_error(text: str) -> None:
    assert error_of(read(text)).startswith("This date does not exist")


@pytest.mark.parametrize("text", ["März 2024", "5. März", "March"])
def test_a_date_that_lacks_a_part_is_an_error(text: str) -> None:
    assert error_of(read(text)).startswith("A date needs a day")


@pytest.mark.parametrize(
    "text",
    [
        "gestern",
        "12",
        "1.2",
        "5 March April 2024",
        "45000",
        "10:30",
        "2024-01-31 or so",
        "1 May 2024 3",
        "1.2.3.4",
        "=1+1",
        "1" * 101,
    ],
)
def test_what_is_no_date_is_an_error_with_an_example(text: str) -> None:
    assert error_of(read(text)) == "This is not a date; write it like 2024-03-31."


@pytest.mark.parametrize("text", ["1.2.3", "1.2.024", "5 March 3"])
def test_a_year_of_one_or_three_digits_is_an_error(text: str) -> None:
    assert error_of(read(text)).startswith("The year must have two or four digits")


@pytest.mark.parametrize(
    ("serial", "expected"),
    [
        ("1", "1900-01-01"),
        ("59", "1900-02-28"),
        ("61", "1900-03-01"),
        ("45000", "2023-03-15"),
        ("45000.75", "2023-03-15"),
        ("2958465", "9999-12-31"),
    ],
)
def test_excel_serials_are_read_where_they_are_allowed(serial: str, expected: str) -> None:
    assert read(serial, excel_serials=True) == Value(expected, None, "date")
    assert read(serial).cell_type == "error"


def test_excels_29_february_1900_is_an_error() -> None:
    assert error_of(read("60", excel_serials=True)).startswith("This date does not exist")


def test_every_day_of_a_leap_year_comes_back_from_each_notation() -> None:
    for offset in range(366):
        day = date(2024, 1, 1) + timedelta(days=offset)
        for written in (f"{day:%d.%m.%Y}", f"{day:%Y-%m-%d}", f"{day:%d %B %Y}", f"{day:%Y%m%d}", f"{day:%Y-%j}"):
            assert read(written).content == day.isoformat()
