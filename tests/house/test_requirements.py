"""docs/requirements.md names tests that exist, each id once."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from core.settings import PROJECT

PAGE = (PROJECT / "docs" / "requirements.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ((?:C|D\d\.|K|S)\d+) \| (.+) \| (.+) \|$", re.MULTILINE)
PLACE = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
LATER = re.compile(r"^with (work orders|deals|reports|turns|the torture suite|spreadsheets complete)$")


def rows() -> list[tuple[str, str, str]]:
    return [(found[1], found[2], found[3]) for found in ROW.finditer(PAGE)]


def test_each_id_has_one_line_that_names_a_test_or_says_when_it_comes() -> None:
    found = rows()
    assert [name for name, times in Counter(name for name, _, _ in found).items() if times > 1] == []
    assert [name for name, _, shown in found if not PLACE.search(shown) and not LATER.match(shown)] == []
    assert len(found) == PAGE.count("\n| ") - PAGE.count("\n| id |"), "a row that is not read"


@pytest.mark.parametrize(
    "place", sorted({f"{file}::{test}" for _, _, shown in rows() for file, test in PLACE.findall(shown)})
)
def test_every_test_named_exists(place: str) -> None:
    file, test = place.split("::")
    assert re.search(rf"^(async )?def {test}\(", (PROJECT / file).read_text(encoding="utf-8"), re.MULTILINE)
