"""Telephone numbers."""

from __future__ import annotations

import pytest

from workers.spreadsheets.model import Transform, Value
from workers.spreadsheets.rules import apply


def read(text: str, column_locale: str = "de_DE", **options: str) -> Value:
    return apply([text], Transform.model_validate({"steps": [{"op": "phone", **options}], "locale": column_locale}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("030 1234567", "+49301234567"),
        ("030/123-4567", "+49301234567"),
        ("+49 (0)30 1234567", "+49301234567"),
        ("0049 30 1234567", "+49301234567"),
        ("+49\u00a030\u00a01234567", "+49301234567"),
        ("\u202a+49 30 1234567\u202c", "+49301234567"),
        ("tel:+49-30-1234567", "+49301234567"),
        ("٠٣٠ ١٢٣٤٥٦٧", "+49301234567"),
        ("0171 1234567", "+491711234567"),
        ("+1 650-253-0000", "+16502530000"),
        ("+39 06 1234 5678", "+390612345678"),
    ],
)
def test_a_valid_number_becomes_e164(text: str, expected: str) -> None:
    value = read(text)
    assert (value.content, value.cell_type) == (expected, "phone")


def test_the_region_decides_about_numbers_without_a_country() -> None:
    assert read("01 234567", "de_AT").content == "+431234567"
    assert read("650 253 0000", "de_DE", region="us").content == "+16502530000"
    assert read("650 253 0000", "de_DE", locale="en_US").content == "+16502530000"


def test_people_see_the_number_in_groups_and_its_extension() -> None:
    assert read("030 1234567 ext. 5").shown == {"text": "+49 30 1234567 ext. 5", "extension": "5"}


@pytest.mark.parametrize("text", ["unbekannt", "+", "+999 123456", "030 1234567 oder 030 7654321", "1" * 101])
def test_what_is_no_number_is_an_error_with_an_example(text: str) -> None:
    assert read(text).shown == {
        "error": "This is not a telephone number; write it like +49 30 1234567.",
        "input": text if len(text) <= 80 else "1" * 79 + "…",
    }


@pytest.mark.parametrize("text", ["123", "+49 12", "+1 000 000 0000"])
def test_a_number_no_plan_has_is_an_error(text: str) -> None:
    shown = read(text).shown
    assert shown is not None
    assert shown["error"].startswith("No telephone number of this form exists in the plan of +")
