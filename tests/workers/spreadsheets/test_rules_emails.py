"""E-mail addresses."""

from __future__ import annotations

import pytest

from workers.spreadsheets.model import Transform, Value
from workers.spreadsheets.rules import apply


def read(text: str) -> Value:
    return apply([text], Transform.model_validate({"steps": [{"op": "email"}]}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("anna@nordwind.example", "anna@nordwind.example"),
        (" Anna.B@NORDWIND.Example\u00a0", "Anna.B@nordwind.example"),
        ("Anna Meyer <anna@nordwind.example>", "anna@nordwind.example"),
        ('"Meyer, Anna" <anna@nordwind.example>', "anna@nordwind.example"),
        ("<mailto:anna@nordwind.example>", "anna@nordwind.example"),
        ("MAILTO:anna@nordwind.example?subject=a@b", "anna@nordwind.example"),
        ("mailto:anna%2Bnews@nordwind.example", "anna+news@nordwind.example"),
        ("anna@nordwind.example;", "anna@nordwind.example"),
        ("anna@MÜLLER.de", "anna@müller.de"),
        ("anna@xn--mller-kva.de", "anna@müller.de"),
        ("o'brien@oak.example", "o'brien@oak.example"),
    ],
)
def test_an_address_is_freed_of_its_wrapping_and_its_domain_is_lower_case(text: str, expected: str) -> None:
    assert read(text) == Value(expected, None, "email")


@pytest.mark.parametrize(
    "text",
    [
        "anna",
        "anna@",
        "@nordwind.example",
        "anna..b@nordwind.example",
        "anna@nordwind",
        "anna b@nordwind.example",
        "a" * 70 + "@b.example",
        "anna@[127.0.0.1]",
        "\ud800@b.example",
        "anna@b.example\x00",
        "x" * 2000,
    ],
)
def test_what_is_no_address_is_an_error_with_an_example(text: str) -> None:
    value = read(text)
    assert (value.content, value.cell_type) == (None, "error")
    assert value.shown is not None
    assert value.shown["error"].startswith("This is not an e-mail address; write it like name@example.com.")


def test_two_addresses_are_an_error() -> None:
    shown = read("a@b.example, c@d.example").shown
    assert shown is not None
    assert shown["error"] == "There is more than one address here; keep one."
