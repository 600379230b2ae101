"""docs/reliability.md is the page of this folder with figures in its places, and what it names is there."""

from __future__ import annotations

import re

from core.settings import PROJECT
from tests.torture import document
from tests.torture.checker import INVARIANTS
from tests.torture.playing import SCENARIOS

PAGE = document.PAGE.read_text(encoding="utf-8")


def test_every_test_and_scenario_that_the_page_names_exists() -> None:
    for path, name in re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?`", PAGE):
        file = PROJECT / path
        assert file.exists(), path
        assert not name or f"def {name}(" in file.read_text(encoding="utf-8"), name
    table = PAGE.partition("## Where each test")[2]
    named = {name for name in re.findall(r"`(\w+)`", table) if "_" in name and name != "everything_at_random"}
    assert named - SCENARIOS.keys() - {"task_queue"} == set()


def test_the_page_names_every_scenario_and_every_invariant() -> None:
    assert [name for name in SCENARIOS if f"`{name}`" not in PAGE] == []
    assert [name for name in INVARIANTS if f"| {name} |" not in PAGE] == []


def test_the_document_is_this_page_with_figures() -> None:
    written = document.DOCUMENT.read_text(encoding="utf-8")
    for part in re.split(r"<!-- \w+ -->", PAGE):
        assert part.strip() in written
