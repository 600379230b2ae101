"""What holds for every step and every input: nothing raises, nothing unstorable comes out, blank stays blank."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.spreadsheets.model import Transform, Value
from workers.spreadsheets.rules import apply
from workers.spreadsheets.rules.values import MAX_CHARACTERS, SHOWN_INPUT

STEPS: list[dict[str, object]] = [
    {"op": "trim"},
    {"op": "case", "to": "upper"},
    {"op": "case", "to": "lower"},
    {"op": "case", "to": "title"},
    {"op": "case", "to": "sentence"},
    {"op": "extract", "pattern": r"(\p{L}+)|(\d)", "group": 1},
    {"op": "replace", "find": "a", "replacement": "bb"},
    {"op": "replace", "find": r"(\s)|(.)", "replacement": r"\2\1", "as_pattern": True},
    {"op": "split", "index": -1},
    {"op": "split", "separator": ",", "index": 1},
    {"op": "join", "separator": ", "},
    {"op": "number", "locale": "de_DE"},
    {"op": "number", "decimals": 2},
    {"op": "date", "locale": "de_DE", "formats": ["%d|%m|%Y"]},
    {"op": "date", "excel_serials": True},
    {"op": "phone", "region": "DE"},
    {"op": "email"},
]
CONFIGS = [Transform.model_validate({"steps": [step]}) for step in STEPS]

PIECES = [
    "1.234,56 €",
    "(5)",
    "12%",
    "−",
    "31.02.2024",
    "5. März",
    "T10:00",
    "+49",
    "030 ",
    "@",
    "<a@b.de>",
    "mailto:",
    "\x00",
    "\ud800",
    "\udc00x",
    "\u202eabc",
    "שלום",
    "مرحبا",
    "👨\u200d👩\u200d👧",
    "\u0130",
    "ß",
    "ﬁ",
    "\u200b",
    "\u00a0",
    "\n",
    "'",
    ",",
    " ",
    "٣",
    "²",
    "½",
    "e",
    "E+5",
    "9" * 30,
    "Ⅷ",
    "\U0001d7d8",
    "%00",
    "%ud800",
]
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=st.characters(), max_size=20),
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
    st.text(alphabet="0123456789.,-/ :'()%eE€+", max_size=20),
)
INPUTS = st.lists(st.none() | TEXTS, max_size=3)

a_few = settings(derandomize=True, max_examples=150, deadline=None, database=None)


def assert_lawful(value: Value) -> None:
    """Storable in text and jsonb, of one of the kinds, and an error exactly when it says so."""
    for text in (value.content or "", json.dumps(value.shown, ensure_ascii=False)):
        assert "\x00" not in text
        text.encode("utf-8")
    assert (value.content is None) == (value.cell_type in {"blank", "error"})
    assert (value.cell_type == "error") == ("error" in (value.shown or {}))
    if value.cell_type == "error":
        assert value.shown is not None
        assert value.shown["error"].endswith((".", "”"))
        assert len(value.shown["input"]) <= SHOWN_INPUT


def named(config: Transform) -> str:
    return config.steps[0].op


@pytest.mark.parametrize("config", CONFIGS, ids=named)
@given(inputs=INPUTS)
@a_few
def test_no_input_raises_and_every_result_can_be_stored(config: Transform, inputs: list[str | None]) -> None:
    value = apply(inputs, config)
    assert_lawful(value)
    assert apply(inputs, config) == value


@given(steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=5), inputs=INPUTS)
@a_few
def test_no_sequence_of_steps_raises(steps: list[dict[str, object]], inputs: list[str | None]) -> None:
    assert_lawful(apply(inputs, Transform.model_validate({"steps": steps})))


@pytest.mark.parametrize("config", CONFIGS, ids=named)
@pytest.mark.parametrize("blank", ["", " ", "\t\r\n", "\u00a0", "\u200b\ufeff", "\u202a\u202c", None])
def test_a_blank_input_gives_a_blank_output(config: Transform, blank: str | None) -> None:
    assert apply([blank], config) == Value(None, None, "blank")
    assert apply([blank, None, blank], config) == Value(None, None, "blank")


@pytest.mark.parametrize("config", CONFIGS, ids=named)
def test_no_inputs_give_a_blank_output(config: Transform) -> None:
    assert apply([], config) == Value(None, None, "blank")


LARGE: list[Callable[[int], str]] = [
    lambda size: "a" * size,
    lambda size: "1" * size,
    lambda size: ", a" * (size // 3),
    lambda size: "ä\u200d" * (size // 2),
    lambda size: "\ud800" * size,
    lambda size: "'" * size,
]


@pytest.mark.parametrize("large", LARGE)
@pytest.mark.parametrize("config", CONFIGS, ids=named)
def test_a_megabyte_in_one_cell_is_answered(config: Transform, large: Callable[[int], str]) -> None:
    assert_lawful(apply([large(1_000_000)], config))


def test_a_text_longer_than_a_cell_is_an_error() -> None:
    value = apply(["a" * (MAX_CHARACTERS + 1)], CONFIGS[0])
    assert_lawful(value)
    assert value.cell_type == "error"


def test_an_upper_case_that_outgrows_a_cell_is_an_error() -> None:
    value = apply(["ΐ" * MAX_CHARACTERS], Transform.model_validate({"steps": [{"op": "case", "to": "upper"}]}))
    assert value.cell_type == "error"


def test_the_first_error_ends_the_steps() -> None:
    config = Transform.model_validate({"steps": [{"op": "number"}, {"op": "replace", "find": "n", "replacement": "m"}]})
    value = apply(["none"], config)
    assert value.shown == {"error": "This is not a number; write it like 1,234.56.", "input": "none"}


def test_what_postgresql_cannot_hold_becomes_a_visible_sign() -> None:
    assert apply(["a\x00b\ud800c"], CONFIGS[0]).content == "a\ufffdb\ufffdc"


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ({"op": "number", "locale": "de_DE"}, "1.234,56 €"),
        ({"op": "date", "locale": "de_DE"}, "5. März 24"),
        ({"op": "phone", "region": "DE"}, "030 1234567"),
        ({"op": "email"}, "Anna <anna@nordwind.example>"),
        ({"op": "trim"}, " a  b "),
        ({"op": "case", "to": "title"}, "o'brien MCDONALD von der heide"),
    ],
)
def test_applying_a_rule_to_its_result_changes_nothing(step: dict[str, object], text: str) -> None:
    """Canonical texts are fixed points, under the default locale as under their own."""
    once = apply([text], Transform.model_validate({"steps": [step]}))
    plain = {name: value for name, value in step.items() if name != "locale"}
    again = apply([once.content], Transform.model_validate({"steps": [plain]}))
    assert (again.content, again.cell_type) == (once.content, once.cell_type)
