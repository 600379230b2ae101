"""What stands in files and what it means."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.spreadsheets.rules.files import ONE_COLUMN, cell_text, guarded, padded, separator_of, unique_titles


@pytest.mark.parametrize(
    ("cells", "width", "titles"),
    [
        (["Name", "Name", "Name"], 3, ("Name", "Name 2", "Name 3")),
        (["a", "a", "a 2", "a"], 4, ("a", "a 3", "a 2", "a 4")),
        (["a", None, " "], 4, ("a", "Column 2", "Column 3", "Column 4")),
        (["Column 2", ""], 2, ("Column 2", "Column 2 2")),
        (["\ufeff Na\u00a0me "], 1, ("Na me",)),
        (["x" * 300], 1, ("x" * 200,)),
    ],
)
def test_titles_are_unique_and_none_is_blank(cells: list[str | None], width: int, titles: tuple[str, ...]) -> None:
    assert unique_titles(cells, width) == titles


@given(st.lists(st.sampled_from(["", "a", "a 2", "a 3", "Column 1", "Column 2", " a"]), max_size=8))
@settings(derandomize=True, max_examples=200, deadline=None, database=None)
def test_no_header_leads_to_two_equal_titles(cells: list[str]) -> None:
    titles = unique_titles(cells, len(cells) + 1)
    assert len(set(titles)) == len(titles) == len(cells) + 1
    assert all(titles)


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b\n1,2", ","),
        ("a;b\n1,5;2,5\n1,7;3,5", ";"),
        ("a\tb\n1,0\t2", "\t"),
        ("a|b\n1|2", "|"),
        ('a;b\n"x,y,z";1\n"x,y,z";2', ";"),
        ("Name\nMeyer, Anna\nMüller, Jo", ONE_COLUMN),
        ("Name", ONE_COLUMN),
        ("", ONE_COLUMN),
        ("Report of 2024\na;b;c\n" + "1;2;3\n" * 20, ";"),
    ],
)
def test_the_separator_is_the_one_that_parts_most_evenly(text: str, separator: str) -> None:
    assert separator_of(text.splitlines(keepends=True)) == separator


def test_a_row_is_filled_up_with_blanks() -> None:
    assert padded(["a", ""], 4) == ("a", None, None, None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", None),
        (" a ", " a "),
        (3.0, "3"),
        (-0.5, "-0.5"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (2**53, "9007199254740992"),
        (True, "TRUE"),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime.fromisoformat("2024-02-29"), "2024-02-29"),
        (datetime.fromisoformat("2024-02-29T12:30"), "2024-02-29T12:30:00"),
        (time(12, 30), "12:30:00"),
        (timedelta(hours=36, seconds=5), "36:00:05"),
        (-timedelta(minutes=90), "-1:30:00"),
    ],
)
def test_a_workbooks_cell_becomes_a_canonical_text(value: object, text: str | None) -> None:
    assert cell_text(value) == text


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+SUM(1;2)",
        "-2+3",
        "@risk",
        "\t=1",
        "\r=1",
        "\n=1",
        "\x00=1",
        "＝1",
        "＋1+1",
        "－1-1",
        "＠a",
        " =1",
        "\u00a0=1",
        "+",
        "-",
        "=",
        "- 5",
        "+49 30",
        "-1e5",
    ],
)
def test_what_could_be_a_formula_is_guarded(text: str) -> None:
    assert guarded(text) == "'" + text


@pytest.mark.parametrize("text", ["", "a", "-12.5", "+49301234567", "-12,5", "12-5", "'=1", "Anna @ home", " ", "−5"])
def test_numbers_and_plain_texts_stay_as_they_are(text: str) -> None:
    assert guarded(text) == text
