"""The quick set: every scenario that has a small size, at that size, by a seed of the day's own making."""

from __future__ import annotations

import pytest

from tests.torture.playing import SCENARIOS, play
from tests.torture.stage import Stage

SEED = 20261130
QUICK = [name for name, each in SCENARIOS.items() if each.QUICK is not None]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", QUICK)
async def test_a_scenario_holds(stage: Stage, name: str) -> None:
    result = await play(stage, name, SCENARIOS[name].QUICK, SEED)
    if result.skipped is not None:
        pytest.skip(result.skipped)
    missed = [f"{each.name}: {each.shown}, wanted {each.wanted}" for each in result.figures if each.ok is False]
    assert (result.error, result.violations, missed) == (None, [], [])
    assert result.figures
