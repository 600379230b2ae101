"""Trim, case, split and join."""

from __future__ import annotations

import pytest

from workers.spreadsheets.model import Transform, Value
from workers.spreadsheets.rules import apply

BLANK = Value(None, None, "blank")


def after(step: dict[str, object], *inputs: str | None) -> Value:
    return apply(inputs, Transform.model_validate({"steps": [step]}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Anna \t Meyer ", "Anna Meyer"),
        ("Anna\u00a0\u2009Meyer\u3000", "Anna Meyer"),
        ("line one\r\nline two", "line one line two"),
        ("\ufeffAn\u200bna\u00ad", "Anna"),
        ("\u202a+49 30\u202c", "+49 30"),
        ("👨\u200d👩\u200d👧 family", "👨\u200d👩\u200d👧 family"),  # joiners inside are part of the picture
        ("می\u200cخواهم", "می\u200cخواهم"),  # and of Persian spelling
    ],
)
def test_trim_leaves_single_spaces_and_no_invisible_ends(text: str, expected: str) -> None:
    assert after({"op": "trim"}, text) == Value(expected, None, "text")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("anna MÜLLER", "Anna Müller"),
        ("o'brien", "O'Brien"),
        ("D’ANGELO", "D’Angelo"),
        ("JOHN'S BAR", "John's Bar"),
        ("mcdonald", "McDonald"),
        ("MACK", "Mack"),
        ("MacDonald DeVito", "MacDonald DeVito"),
        ("ANna", "Anna"),
        ("ludwig VAN beethoven", "Ludwig van Beethoven"),
        ("VAN GOGH", "Van Gogh"),
        ("meyer-lüdenscheidt", "Meyer-Lüdenscheidt"),
        ("j.r.r. tolkien", "J.R.R. Tolkien"),
        ("karl iii", "Karl III"),
        ("straße", "Straße"),
        ("ǆamonja", "ǅamonja"),  # one letter with a title case of its own
        ("2nd street", "2nd Street"),
    ],
)
def test_title_case_knows_how_names_are_written(text: str, expected: str) -> None:
    assert after({"op": "case", "to": "title"}, text).content == expected


@pytest.mark.parametrize(
    ("to", "expected"),
    [("upper", "HELLO. ÉLAN STRASSE?"), ("lower", "hello. élan straße?"), ("sentence", "Hello. Élan straße?")],
)
def test_the_other_cases_are_those_of_unicode(to: str, expected: str) -> None:
    assert after({"op": "case", "to": to}, "hELLO. ÉLAN straße?").content == expected


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ({"index": 0}, " Anna  Maria ", "Anna"),
        ({"index": -1}, "Anna Maria Meyer", "Meyer"),
        ({"separator": ",", "index": 1}, "a,b,c", "b"),
        ({"separator": ", ", "index": -2}, "a, b, c", "b"),
        ({"separator": "->"}, "a", "a"),
    ],
)
def test_split_takes_one_part(step: dict[str, object], text: str, expected: str) -> None:
    assert after({"op": "split", **step}, text).content == expected


@pytest.mark.parametrize("index", [3, -4, 1000, -1000])
def test_a_part_that_is_not_there_is_blank(index: int) -> None:
    assert after({"op": "split", "separator": ",", "index": index}, "a,b,c") == BLANK


def test_an_empty_part_is_blank() -> None:
    assert after({"op": "split", "separator": ",", "index": 1}, "a,,c") == BLANK


def test_join_leaves_out_blank_inputs() -> None:
    assert after({"op": "join", "separator": ", "}, "Anna", None, " ", "Köln").content == "Anna, Köln"


def test_steps_before_a_join_apply_to_every_input() -> None:
    config = Transform.model_validate({"steps": [{"op": "trim"}, {"op": "join"}, {"op": "case", "to": "upper"}]})
    assert apply([" a ", "b  "], config).content == "A B"


def test_several_inputs_that_nothing_joins_are_an_error() -> None:
    value = after({"op": "trim"}, "a", "b")
    assert (value.cell_type, value.shown) == (
        "error",
        {"error": "Several inputs have content and no step joins them; add a join step.", "input": "a"},
    )


def test_one_input_with_content_needs_no_join() -> None:
    assert after({"op": "trim"}, None, "b").content == "b"
