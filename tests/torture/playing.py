"""Finds the scenarios and plays them."""

from __future__ import annotations

import importlib
import pkgutil
import random
import time
import traceback
from typing import Any, Final

from tests.torture import scenarios
from tests.torture.figures import Result
from tests.torture.scenario import Size
from tests.torture.stage import Stage


def _found() -> dict[str, Any]:
    names = sorted(each.name for each in pkgutil.iter_modules(scenarios.__path__))
    return {name: importlib.import_module(f"{scenarios.__name__}.{name}") for name in names}


SCENARIOS: Final[dict[str, Any]] = _found()


async def play(stage: Stage, name: str, size: Size, seed: int) -> Result:
    """Runs one scenario. What it raises is its result too: the others shall still be heard."""
    scenario = SCENARIOS[name]
    result = Result(name, scenario.TESTS, scenario.TITLE)
    result.skipped = scenario.needs()
    if result.skipped is not None:
        return result
    began = time.monotonic()
    try:
        await scenario.run(stage, size, random.Random(f"{seed} {name}"), result)
    except Exception as error:  # noqa: BLE001 - told, with its place
        place = traceback.extract_tb(error.__traceback__)[-1]
        result.error = f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"
    result.seconds = time.monotonic() - began
    return result
