"""The demo as a person starts it: it holds, and it notices when a commit is dropped."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from core.settings import PROJECT
from demo.make_contacts import ROWS
from demo.proof import TITLES
from demo.session import PEOPLE, TWINS
from demo.sheet import COMPUTED, DERIVED, FAIR_TITLES, FIGURES, PAGE_DERIVED, PAGE_SOURCES, SOURCE_TITLES
from demo.site import addresses
from tests.running import Database

LIMIT_S = 110.0


class Demo:
    """Runs the demo on the test's database and takes its files away afterwards."""

    def __init__(self, database: Database) -> None:
        self._dsn = database.dsn
        self.folders: list[Path] = []

    async def run(self, *options: str) -> tuple[int, dict[str, Any]]:
        """The exit code and the figures."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "demo", "spreadsheets", "--json", *options),
            env=os.environ | {"DATABASE_URL": self._dsn},
            cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(LIMIT_S):
                answer, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        told = json.loads(answer)
        figures: dict[str, Any] = told["spreadsheets"]
        assert told["holds"] is figures["holds"]
        self.folders.append(Path(figures["exported"]).parent)
        return process.returncode or 0, figures


@pytest.fixture
async def demo(bare_database: Database) -> AsyncIterator[Demo]:
    made = Demo(bare_database)
    yield made
    for folder in made.folders:
        shutil.rmtree(folder)


async def test_the_demo_holds_and_says_so_in_json(demo: Demo) -> None:
    code, figures = await demo.run()
    assert (code, figures["holds"]) == (0, True)
    assert (figures["effects_lost"], figures["effects_doubled"], figures["audit_breaks"]) == (0, 0, 0)
    assert (figures["kills_survived"], figures["export_differences"]) == (3, 0)  # all workers while a session asks
    assert (figures["session_groups_proposed"], figures["session_groups_merged"]) == (len(TWINS), len(TWINS) - 1)
    computed = len(COMPUTED) - 1  # the column of figures has a few cells
    in_contacts = ROWS * (len(SOURCE_TITLES) + len(DERIVED) + computed) + len(FIGURES)
    pages = figures["pages_checked"]
    at_the_fair = (PEOPLE + len(TWINS)) * len(FAIR_TITLES) + len(TWINS) - 1
    assert figures["cells_checked"] == in_contacts + pages * (len(PAGE_SOURCES) + len(PAGE_DERIVED)) + at_the_fair
    assert pages == len(addresses("")) > 50
    assert figures["query_mean_ms"] > 0
    assert figures["cells_written_by_robots"] > ROWS * len(DERIVED)
    table = CalamineWorkbook.from_path(figures["exported"]).get_sheet_by_index(0).to_python()
    assert len(table) == 1 + ROWS
    assert table[0] == list(TITLES)


async def test_the_demo_notices_a_dropped_commit_and_ends_with_1(demo: Demo) -> None:
    """The witness of the test above: `--sabotage` completes tasks without their effects."""
    code, figures = await demo.run("--sabotage")
    assert (code, figures["holds"]) == (1, False)
    assert figures["effects_lost"] > 0
