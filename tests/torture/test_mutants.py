"""T27, the quick half: every mutant's place and every witness is still there. `python3 run.py mutants` runs them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from core.settings import PROJECT
from tests.torture.mutants import Mutant, mutants

ALL = mutants()


def test_there_are_enough_and_no_two_share_a_name() -> None:
    assert len(ALL) >= 25
    assert len({each.name for each in ALL}) == len(ALL)


@pytest.mark.parametrize("mutant", ALL, ids=[each.name for each in ALL])
def test_a_mutant_can_be_planted_and_has_its_witnesses(mutant: Mutant) -> None:
    planted = mutant.planted()
    assert planted != (PROJECT / mutant.file).read_text(encoding="utf-8")
    if mutant.file.endswith(".py"):
        ast.parse(planted)
    for witness in mutant.witnesses:
        file, _, name = witness.partition("::")
        source = Path(PROJECT / file).read_text(encoding="utf-8")
        assert f"def {name}(" in source if name else "def test_" in source
