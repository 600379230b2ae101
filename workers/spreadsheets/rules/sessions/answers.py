"""Answers of people, against the schema of their question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator


def fault(answer: object, schema: Mapping[str, Any]) -> str | None:
    """What does not fit, in a sentence; None where all does."""
    errors = sorted(Draft202012Validator(schema).iter_errors(answer), key=lambda error: list(map(str, error.path)))
    if not errors:
        return None
    where = ".".join(str(step) for step in errors[0].path) or "the answer"
    return f"{where}: {_said(errors[0])}"


def _said(error: Any) -> str:
    """Without the value itself: it may be long, and whoever sent it knows it."""
    if error.validator == "enum":
        return f"choose one of {', '.join(map(repr, error.validator_value[:10]))}"
    if error.validator == "additionalProperties":
        return "there is a key that was not asked for"
    if error.validator == "required":
        return f"{', '.join(map(repr, error.validator_value))} is needed"
    return f"must be of the type {error.validator_value}" if error.validator == "type" else str(error.message)[:200]


def decided(answer: Mapping[str, Any], defaults: Mapping[str, str]) -> dict[str, str]:
    """What is decided for every choice: as answered, else by default."""
    return {**defaults, **answer["choices"]}


def defaults_of(form: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {choice["key"]: choice["default"] for choice in form}
