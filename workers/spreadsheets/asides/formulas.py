"""Computes the formulas of one sheet with IronCalc. Values in, values out: no file, no network, no other sheet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import ironcalc
import orjson

MAX_TEXT: Final = 32_767  # characters of a result, as in a workbook
MAX_ROW: Final = 1_048_576
MAX_COLUMN: Final = 16_384
EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - day 0 of spreadsheets
LAST_DAY: Final = 2_958_465  # 31.12.9999
PLAIN: Final = (1e-9, 1e21)  # sizes of numbers that are written without an exponent

# Up to 15 digits, which a double holds; a leading zero or plus belongs to a code or a telephone number.
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,14})?")
_DATE = re.compile(r"(?:19|[2-9]\d)\d\d-\d\d-\d\d")
_SPELLED: Final = {"TRUE": True, "FALSE": False}
_QUOTED = re.compile(r'"[^"]*"|\[[^\]]*\]')

Found = tuple[str, str]  # what is shown, and its kind


def calculated(argument: bytes) -> bytes:
    """`inputs`: columns with rows, contents and types; `formulas`: columns with rows and texts. Answers in the order of
    the formulas, a list for each column."""
    asked = orjson.loads(argument)
    model = ironcalc.create("sheet")
    for column in asked["inputs"]:
        _fill(model, column)
    broken = {
        (column["column"], row)
        for column in asked["formulas"]
        for row, text in zip(column["rows"], column["texts"], strict=True)
        if not _enter(model, row, column["column"], text)
    }
    model.evaluate()
    return orjson.dumps([_results(model, column, broken) for column in asked["formulas"]])


def _fill(model: ironcalc.Model, column: Mapping[str, Any]) -> None:
    place = column["column"]
    for row, content, kind in zip(column["rows"], column["contents"], column["types"], strict=True):
        if row <= MAX_ROW and place <= MAX_COLUMN:
            _put(model, row, place, content, kind)


def _put(model: ironcalc.Model, row: int, column: int, content: str, kind: str) -> None:
    """A text that looks like a formula stays a text: only formulas are computed."""
    if kind in {"text", "number", "date"}:
        if _NUMBER.fullmatch(content) and len(content) <= 16:  # noqa: PLR2004 - 15 digits and a point
            model.update_cell_with_number(0, row, column, float(content))
            return
        if _DATE.fullmatch(content):
            model.set_user_input(0, row, column, content)  # so that what is computed from dates is a date
            return
        if content in _SPELLED:
            model.update_cell_with_bool(0, row, column, _SPELLED[content])
            return
    model.update_cell_with_text(0, row, column, content[:MAX_TEXT])


def _enter(model: ironcalc.Model, row: int, column: int, text: str) -> bool:
    try:
        model.set_user_input(0, row, column, text)
    except (ironcalc.WorkbookError, ValueError):
        return False
    return True


def _results(model: ironcalc.Model, column: Mapping[str, Any], broken: set[tuple[int, int]]) -> Sequence[Found]:
    place = column["column"]
    return [("#ERROR!", "error") if (place, row) in broken else _result(model, row, place) for row in column["rows"]]


def _result(model: ironcalc.Model, row: int, column: int) -> Found:
    value = model.get_cell_value(0, row, column)
    if isinstance(value, bool):
        return ("TRUE" if value else "FALSE"), "boolean"
    if isinstance(value, float):
        return _day(value, model.get_cell_style(0, row, column)["num_fmt"]) or (canonical(value), "number")
    if value is None:
        return "", "text"
    if value.startswith("#") and model.get_cell_type(0, row, column) == ironcalc.CellType.ErrorValue:
        return value, "error"
    return value[:MAX_TEXT], "text"


def _day(value: float, number_format: str) -> Found | None:
    """A date in ISO 8601 where the number is formatted as one, else None."""
    bare = _QUOTED.sub("", number_format.lower())
    if not ("y" in bare and "d" in bare) or not 0 < value <= LAST_DAY:
        return None
    at = EPOCH + timedelta(days=value)
    if "h" in bare:
        return (at + timedelta(microseconds=500_000)).isoformat(" ", "seconds"), "text"
    return at.date().isoformat(), "date"


def canonical(value: float) -> str:
    """A plain decimal with the 15 digits that spreadsheets know."""
    text = f"{value:.15g}"
    if value and not PLAIN[0] <= abs(value) < PLAIN[1]:
        return text
    plain = f"{Decimal(text):f}"
    return "0" if plain in {"-0", "0"} else plain
