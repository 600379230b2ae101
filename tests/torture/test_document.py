"""docs/reliability.md is the page of this folder with figures in its places, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.settings import PROJECT
from tests.torture import document
from tests.torture.checker import INVARIANTS
from tests.torture.figures import Result, told
from tests.torture.mutants.planting import Fate
from tests.torture.playing import SCENARIOS

PAGE = document.PAGE.read_text(encoding="utf-8")


def test_every_test_and_scenario_that_the_page_names_exists() -> None:
    for path, name in re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?`", PAGE):
        file = PROJECT / path
        assert file.exists(), path
        assert not name or f"def {name}(" in file.read_text(encoding="utf-8"), name
    table = PAGE.partition("## Where each test")[2]
    named = {name for name in re.findall(r"`(\w+)`", table) if "_" in name}
    assert named - SCENARIOS.keys() - {"task_queue"} == set()


def test_the_page_names_every_scenario_and_every_invariant() -> None:
    assert [name for name in SCENARIOS if f"`{name}`" not in PAGE] == []
    assert [name for name in INVARIANTS if f"| {name} |" not in PAGE] == []


def test_the_document_is_this_page_with_figures() -> None:
    written = document.DOCUMENT.read_text(encoding="utf-8")
    for part in re.split(r"<!-- \w+ -->", PAGE):
        assert part.strip() in written


def test_a_scenario_that_is_played_alone_replaces_its_own_part_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "DOCUMENT", tmp_path / "page.md")
    run = {
        "command": "all of it",
        "minutes": 60,
        "seed": 1,
        "size": "long",
        "day": "2026-11-30",
        "machine": "two cores",
    }
    first = [_found("zombies_write_nothing", 1), _found("kills_lose_nothing", 2)]
    slow, soon = (Fate("no fence", "T27", "core/x.py", verdict, 1.0, "") for verdict in ("TOO SLOW", "killed"))
    document.write(first, [], [slow, Fate("no lock", "T27", "core/y.py", "killed", 1.0, "")], run, whole=True)
    document.write([], [], [soon], run, whole=False)
    again = {**run, "command": "one of it", "seed": 7, "size": "quick"}
    page = document.write([_found("kills_lose_nothing", 3)], [], [], again, whole=False).read_text(encoding="utf-8")
    shown = re.findall(r"^`(\w+)`: passed, (\w+), 0 s, seed (\d)|^\| lost \| (\d)", page, re.MULTILINE)
    assert shown == [
        ("kills_lose_nothing", "quick", "7", ""),
        ("", "", "", "3"),
        ("zombies_write_nothing", "long", "1", ""),
        ("", "", "", "1"),
    ]
    assert "2 of 2 were killed." in page
    assert "| no fence | `core/x.py` | killed |\n| no lock | `core/y.py` | killed |" in page
    assert "`all of it`, 60 minutes" in page


def _found(scenario: str, lost: int) -> Result:
    return Result(scenario, ("T00",), scenario, figures=[told("lost", lost)])
