"""The part of the reports as a person starts it: it holds, and it notices when a commit is dropped."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from core.settings import PROJECT
from demo.reports.make_files import make
from tests.running import Database

Demo = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]


@pytest.fixture
async def demo(bare_database: Database) -> AsyncIterator[Demo]:
    folders: list[Path] = []

    async def run(*options: str) -> tuple[int, dict[str, Any]]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "demo", "reports", "--json", *options),
            env=os.environ | {"DATABASE_URL": bare_database.dsn},
            cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(110):
            answer, _ = await process.communicate()
        told = json.loads(answer)
        figures: dict[str, Any] = told["reports"]
        assert told["holds"] is figures["holds"]
        folders.append(Path(figures["folder"]))
        return process.returncode or 0, figures

    yield run
    for folder in folders:
        shutil.rmtree(folder)


async def test_every_text_is_there_once_after_two_kills(demo: Demo) -> None:
    code, figures = await demo()
    assert (code, figures["holds"]) == (0, True), figures
    assert (figures["effects_lost"], figures["effects_doubled"], figures["kills_survived"]) == (0, 0, 2)
    assert (figures["files"], figures["revisions"]) == (1500, 56)


async def test_a_dropped_commit_is_noticed_and_ends_with_1(demo: Demo) -> None:
    """The witness of the test above."""
    code, figures = await demo("--sabotage")
    assert (code, figures["holds"]) == (1, False)
    assert figures["effects_lost"] > 0


def test_the_same_number_makes_the_same_files(tmp_path: Path) -> None:
    first, second = make(tmp_path / "a", 200), make(tmp_path / "b", 200)
    assert first == second
    assert first.files == len([each for each in (tmp_path / "a").rglob("*") if each.is_file()]) == 200
