"""Numbers: notations of locales, signs, scales, rounding."""

from __future__ import annotations

import pytest

from workers.spreadsheets.model import Transform, Value
from workers.spreadsheets.rules import apply


def read(text: str, locale: str, decimals: int | None = None) -> Value:
    config = Transform.model_validate({"steps": [{"op": "number", "locale": locale, "decimals": decimals}]})
    return apply([text], config)


@pytest.mark.parametrize(
    ("text", "locale", "expected"),
    [
        ("1.234,56 €", "de_DE", "1234.56"),
        ("EUR 1.234,56", "de_DE", "1234.56"),
        ("12,50 Euro", "de_DE", "12.5"),
        ("12,- €", "de_DE", "12"),
        ("1 234,56", "fr_FR", "1234.56"),
        ("1\u202f234,56\u00a0€", "fr_FR", "1234.56"),
        ("1'200.50", "de_CH", "1200.5"),
        ("Fr. 1’200.--", "de_CH", "1200"),
        ("$1,234.50", "en_US", "1234.5"),
        ("US$ 5", "en_US", "5"),
        ("12,34,567.00", "en_IN", "1234567"),
        ("(1,234.50)", "en_US", "-1234.5"),
        ("−5", "en_US", "-5"),
        ("–5", "en_US", "-5"),
        ("5-", "en_US", "-5"),
        ("-€5", "de_DE", "-5"),
        ("€ -5", "de_DE", "-5"),
        ("12%", "en_US", "0.12"),
        ("%12", "tr_TR", "0.12"),
        ("12,5 %", "de_DE", "0.125"),
        ("1.5e3", "en_US", "1500"),
        ("1,5E-02", "de_DE", "0.015"),
        ("٣٫٥", "ar_EG", "3.5"),
        ("１２３", "ja_JP", "123"),
        ("000123.4500", "en_US", "123.45"),
        ("-0.00", "en_US", "0"),
        (".5", "en_US", "0.5"),
        ("123456789012345678901234567890.12", "en_US", "123456789012345678901234567890.12"),
    ],
)
def test_a_number_in_the_notation_of_its_locale_becomes_a_plain_decimal(text: str, locale: str, expected: str) -> None:
    value = read(text, locale)
    assert (value.content, value.cell_type) == (expected, "number")


@pytest.mark.parametrize(
    ("text", "locale", "expected", "note"),
    [
        ("1,234.56", "de_DE", "1234.56", "Read with “.” as the decimal sign, since nothing else fits."),
        ("1234.5", "de_DE", "1234.5", "Read with “.” as the decimal sign, since nothing else fits."),
        ("0.500", "de_DE", "0.5", "Read with “.” as the decimal sign, since nothing else fits."),
        ("1,5", "en_US", "1.5", "Read with “,” as the decimal sign, since nothing else fits."),
        ("1.234", "de_DE", "1234", "Read with “.” between thousands, as the locale has it."),
        ("1,234", "en_US", "1234", "Read with “,” between thousands, as the locale has it."),
    ],
)
def test_a_doubtful_notation_is_decided_and_noted(text: str, locale: str, expected: str, note: str) -> None:
    assert read(text, locale) == Value(expected, {"note": note}, "number")


@pytest.mark.parametrize("text", ["1.234", "-0.5", "1234567.891", "12"])
def test_a_plain_decimal_comes_back_unchanged_and_without_a_note(text: str) -> None:
    assert read(text, "en_US") == Value(text, None, "number")


@pytest.mark.parametrize(
    "text",
    [
        "n/a",
        "12,34,5",
        "1.2.3",
        "5 T€",
        "$5M",
        "--5",
        "(-5)",
        "5%%",
        "½",
        "NaN",
        "Infinity",
        "1_000",
        "0x10",
        "12 34",
        ".",
        "-",
        "1e999",
        "1" * 101,
        "5 kg",
        "1,234.567,8",
        "m²5",
    ],
)
def test_what_is_no_number_is_an_error_with_an_example(text: str) -> None:
    value = read(text, "en_US")
    assert (value.content, value.cell_type) == (None, "error")
    assert value.shown is not None
    assert value.shown["error"] == "This is not a number; write it like 1,234.56."


@pytest.mark.parametrize(
    ("text", "decimals", "expected"),
    [
        ("2.5", 0, "3"),
        ("-2.5", 0, "-3"),
        ("1.005", 2, "1.01"),
        ("2", 2, "2.00"),
        ("-0.001", 2, "0.00"),
        ("12.5%", 2, "0.13"),
        ("99999999999999999999.995", 2, "100000000000000000000.00"),
        ("1e-30", 20, "0.00000000000000000000"),
    ],
)
def test_rounding_is_exact_and_away_from_zero_at_the_half(text: str, decimals: int, expected: str) -> None:
    assert read(text, "en_US", decimals).content == expected
