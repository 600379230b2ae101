"""Configurations are checked when people write them, so that rules never meet one they cannot use."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workers.spreadsheets.model import Transform


def refusal_of(step: dict[str, object], locale: str = "en_US") -> str:
    with pytest.raises(ValidationError) as refused:
        Transform.model_validate({"steps": [step], "locale": locale})
    return str(refused.value)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"op": "shout"}, "does not match any of the expected tags"),
        ({"op": "trim", "hard": True}, "Extra inputs are not permitted"),
        ({"op": "case", "to": "camel"}, "'upper', 'lower', 'title' or 'sentence'"),
        ({"op": "extract", "pattern": "(a"}, "the pattern is not valid"),
        ({"op": "extract", "pattern": ""}, "at least 1 character"),
        ({"op": "extract", "pattern": "a" * 501}, "at most 500 characters"),
        ({"op": "extract", "pattern": "a", "group": 1}, "the pattern has no group 1"),
        ({"op": "extract", "pattern": "(?<year>a)", "group": "day"}, "the pattern has no group 'day'"),
        ({"op": "extract", "pattern": "a\x00"}, "NUL"),
        ({"op": "replace", "find": "(a", "as_pattern": True}, "the pattern is not valid"),
        ({"op": "replace", "find": "(a)", "replacement": r"\2", "as_pattern": True}, "the pattern has no group 2"),
        ({"op": "replace", "find": ""}, "at least 1 character"),
        ({"op": "split", "separator": ""}, "at least 1 character"),
        ({"op": "number", "locale": "xx_YY"}, "is not a known locale"),
        ({"op": "number", "decimals": 21}, "less than or equal to 20"),
        ({"op": "date", "formats": ["%d.%m."]}, "does not name day, month and year"),
        ({"op": "date", "formats": ["%Q"]}, "is not a date format"),
        ({"op": "phone", "region": "XX"}, "is not a telephone region"),
    ],
)
def test_a_step_that_cannot_work_is_refused_with_a_reason(step: dict[str, object], words: str) -> None:
    assert words in refusal_of(step)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:" * 14 + "a" + "){2}" * 14,  # took 2 GB to compile
        "(?:" * 22 + "a" + ")+" * 22,  # likewise
        "(?x)(?:a) +",  # these two could hide repeats from the count
        "(?:a)(?#)+",
        r"\\(?ix)a",
    ],
)
def test_a_pattern_that_explodes_while_it_is_compiled_is_refused(pattern: str) -> None:
    assert "pattern" in refusal_of({"op": "extract", "pattern": pattern})


def test_an_escaped_bracket_before_an_x_is_no_verbose_flag() -> None:
    Transform.model_validate({"steps": [{"op": "extract", "pattern": r"\(?x"}]})


def test_a_phone_step_needs_a_region_from_somewhere() -> None:
    assert "needs a region" in refusal_of({"op": "phone"}, locale="de")
    Transform.model_validate({"steps": [{"op": "phone"}], "locale": "de_AT"})
    Transform.model_validate({"steps": [{"op": "phone", "region": "at"}], "locale": "de"})


def test_locales_and_regions_are_kept_in_one_form() -> None:
    config = Transform.model_validate({"steps": [{"op": "phone", "region": "at"}], "locale": "de-at"})
    assert (config.locale, config.model_dump()["steps"][0]["region"]) == ("de_AT", "AT")


def test_there_is_at_least_one_step_and_at_most_twenty() -> None:
    for steps in ([], [{"op": "trim"}] * 21):
        with pytest.raises(ValidationError):
            Transform.model_validate({"steps": steps})


def test_a_configuration_survives_json() -> None:
    steps = [
        {"op": "replace", "find": "(a)", "replacement": r"\1", "as_pattern": True},
        {"op": "date", "formats": ["%d.%m.%Y"]},
    ]
    config = Transform.model_validate({"steps": steps, "locale": "de_DE"})
    assert Transform.model_validate_json(config.model_dump_json()) == config
