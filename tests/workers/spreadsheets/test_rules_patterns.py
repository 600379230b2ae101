"""Extract and replace, and what a hostile pattern can do: nothing."""

from __future__ import annotations

from time import process_time

import pytest
import regex

from workers.spreadsheets.model import Transform, Value
from workers.spreadsheets.rules import apply, patterns
from workers.spreadsheets.rules.patterns import MAX_PATTERN_INPUT
from workers.spreadsheets.rules.values import MAX_CHARACTERS

BLANK = Value(None, None, "blank")


def after(step: dict[str, object], text: str | None) -> Value:
    return apply([text], Transform.model_validate({"steps": [step]}))


def error_of(value: Value) -> str:
    assert value.cell_type == "error"
    assert value.content is None
    assert value.shown is not None
    return value.shown["error"]


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ({"pattern": "[0-9]{5}"}, "D-50667 Köln", "50667"),
        ({"pattern": "@(.+)$", "group": 1}, "a@b.example", "b.example"),
        ({"pattern": "(?<year>[0-9]{4})", "group": "year"}, "in 2024", "2024"),
        ({"pattern": r"\p{Lu}\p{Ll}+"}, "über Ärzte", "Ärzte"),
    ],
)
def test_extract_gives_the_group_of_the_first_match(step: dict[str, object], text: str, expected: str) -> None:
    assert after({"op": "extract", **step}, text) == Value(expected, None, "text")


def test_a_pattern_that_does_not_occur_is_an_error() -> None:
    assert error_of(after({"op": "extract", "pattern": "[0-9]"}, "none")).startswith("The pattern does not occur")


def test_a_group_that_took_no_part_is_blank() -> None:
    assert after({"op": "extract", "pattern": "a(b)?", "group": 1}, "a") == BLANK


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ({"find": "-", "replacement": " "}, "a-b-c", "a b c"),
        ({"find": "."}, "a.b", "ab"),
        ({"find": r"^([^,]+),\s*(.+)$", "replacement": r"\2 \1", "as_pattern": True}, "Meyer, Anna", "Anna Meyer"),
        ({"find": "(?<digit>[0-9])", "replacement": r"<\g<digit>\g<0>>", "as_pattern": True}, "a1", "a<11>"),
        ({"find": "a", "replacement": r"\\1\n", "as_pattern": True}, "a", r"\1\n"),
        ({"find": "x*", "replacement": "-", "as_pattern": True}, "ab", "-a-b-"),
    ],
)
def test_replace_puts_groups_and_plain_texts_in(step: dict[str, object], text: str, expected: str) -> None:
    assert after({"op": "replace", **step}, text).content == expected


def test_a_replacement_that_leaves_nothing_is_blank() -> None:
    assert after({"op": "replace", "find": "a"}, "aaa") == BLANK


SLOW_PATTERNS = ["(?:a|aa)+$", "(?:a{1,1000}){1,1000}b", "(?R)a", "(?:a?){500}a{500}b"]


@pytest.mark.parametrize("pattern", SLOW_PATTERNS)
@pytest.mark.parametrize("step", [{"op": "extract"}, {"op": "replace", "as_pattern": True}])
def test_a_pattern_that_explodes_ends_as_an_error(step: dict[str, object], pattern: str) -> None:
    field = "pattern" if step["op"] == "extract" else "find"
    value = after({**step, field: pattern}, "a" * 50_000 + "c")
    assert error_of(value).startswith("The pattern took longer")


def use_processor(seconds: float) -> None:
    end = process_time() + seconds
    while process_time() < end:
        pass


def test_a_pause_of_the_process_does_not_count_against_a_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's clock also runs while something else, such as a garbage collection, has the processor."""
    is_first = iter([True])
    filled = patterns._Filling._filled

    def after_a_pause(filling: patterns._Filling, found: regex.Match[str]) -> str:
        if next(is_first, False):
            use_processor(patterns.PATTERN_SECONDS[0] + 0.02)
        return filled(filling, found)

    monkeypatch.setattr(patterns._Filling, "_filled", after_a_pause)
    assert after({"op": "replace", "find": "a", "replacement": "b", "as_pattern": True}, "aaa").content == "bbb"


def test_a_text_too_long_for_patterns_is_an_error() -> None:
    steps: list[dict[str, object]] = [
        {"op": "extract", "pattern": "a"},
        {"op": "replace", "find": "a", "as_pattern": True},
    ]
    for step in steps:
        assert error_of(after(step, "a" * (MAX_PATTERN_INPUT + 1))).startswith("The text is longer")


@pytest.mark.parametrize("as_pattern", [False, True])
def test_replacements_cannot_grow_without_bound(as_pattern: bool) -> None:
    step = {"op": "replace", "find": "a", "replacement": "b" * 500, "as_pattern": as_pattern}
    assert error_of(after(step, "a" * 50_000)).startswith("The replacements would make")


def test_growing_again_and_again_ends_as_an_error() -> None:
    step = {"op": "replace", "find": "a", "replacement": "aaaa"}
    value = apply(["a"], Transform.model_validate({"steps": [step] * 20}))
    assert error_of(value).startswith("The replacements would make")
    assert len("a") * 4**10 == MAX_CHARACTERS
