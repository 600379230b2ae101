"""Columns that sort texts into classes, offline: rules first, then likeness."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from tests.running import Workers, all_ended
from tests.workers.spreadsheets.sheets import Sheet, operate, problem, write_rows
from workers.spreadsheets.model import Classify
from workers.spreadsheets.rules.classes import classified

CLASSIFY = "spreadsheets.classify"
CONFIG: dict[str, Any] = {
    "rules": [
        {"label": "Invoice", "contains": ["invoice", "Rechnung"]},
        {"label": "Order", "pattern": r"(?i)\bPO[- ]?\d+"},
    ],
    "classes": {"Acme GmbH": ["ACME", "Acme Deutschland"], "Globex Corporation": [], "Initech": ["Ini-Tech Ltd"]},
    "threshold": 80,
}


def label(text: str | None, **changed: Any) -> tuple[str | None, str]:
    value = classified([text], Classify.model_validate({**CONFIG, **changed}))
    return value.content, value.cell_type


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ihre RECHNUNG Nr. 7", "Invoice"),
        ("re: po-4711 delivered", "Order"),
        ("globex  corporation", "Globex Corporation"),
        ("Globex Corproation", "Globex Corporation"),
        ("acme deutschland", "Acme GmbH"),
        ("INI TECH LTD", "Initech"),
        ("PO 12 and invoice", "Invoice"),  # the first rule that fits
    ],
)
def test_a_text_gets_the_label_of_the_first_rule_or_of_the_likest_class(text: str, expected: str) -> None:
    assert label(text) == (expected, "text")


def test_words_are_found_as_whole_words() -> None:
    assert label("invoices", classes={}) == (None, "error")
    assert label("re-invoice!", classes={}) == ("Invoice", "text")


def test_what_fits_nothing_says_so_or_gets_the_label_for_that() -> None:
    assert label("zebra crossing") == (None, "error")
    assert label("zebra crossing", otherwise="Other") == ("Other", "text")
    assert label(None) == label("  ") == (None, "blank")


def test_two_classes_that_are_equally_like_it_are_a_question() -> None:
    value = classified(
        ["North South"], Classify.model_validate({"classes": {"North South A": [], "North South B": []}})
    )
    assert value.cell_type == "error"
    assert "equally like it" in (value.shown or {})["error"]


def test_a_pattern_that_takes_for_ever_ends_as_an_error() -> None:
    config = Classify.model_validate({"rules": [{"label": "x", "pattern": "(a+)+$"}]})
    value = classified(["a" * 5000 + "!"], config)
    assert value.cell_type == "error"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "nothing to sort into"),
        ({"rules": [{"label": "x"}]}, "neither words nor a pattern"),
        ({"rules": [{"label": "x", "pattern": "("}]}, "not valid"),
        ({"classes": {"a": []}, "threshold": 20}, "greater than or equal to 50"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_configured(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Classify.model_validate(config)


async def test_a_column_sorts_itself_and_follows_its_inputs(sheet: Sheet, workers: Workers) -> None:
    await operate(sheet, "Class", CLASSIFY, CONFIG, ["A", "B"])
    await workers.start(CLASSIFY)
    await write_rows(sheet, "A", ["Rechnung 1", "zebra", None])
    await write_rows(sheet, "B", ["from Acme", None, "PO 3"])
    await all_ended(sheet.db)
    assert await sheet.contents("Class") == ["Invoice", None, "Order"]
    assert await problem(sheet, "Class", 2) == "No rule fits, and no class is like it; add one, or lower the threshold."
    await sheet.edit("A", 2, "Globex Corp.")
    await all_ended(sheet.db)
    assert await sheet.content("Class", 2) == "Globex Corporation"
    note = json.loads((await sheet.cell("Class", 2))["formatted_content"])["note"]
    assert note.endswith("% like it")


async def test_a_large_column_is_filled_in_together(sheet: Sheet, workers: Workers) -> None:
    await write_rows(sheet, "A", ["invoice", "po 1"] * 300)
    await operate(sheet, "Class", CLASSIFY, CONFIG, ["A"])
    await workers.start(CLASSIFY, "spreadsheets.fill_cells")
    await all_ended(sheet.db)
    assert await sheet.contents("Class") == ["Invoice", "Order"] * 300
    assert await sheet.db.fetchval("select count(*) from task_queue") == 2
