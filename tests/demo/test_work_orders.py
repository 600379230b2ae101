"""The part of the work orders as a person starts it: it holds, and it notices when a commit is dropped."""

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
from demo.part import parts
from tests.running import Database

Demo = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]


@pytest.fixture
async def demo(bare_database: Database) -> AsyncIterator[Demo]:
    folders: list[Path] = []

    async def run(*options: str) -> tuple[int, dict[str, Any]]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "demo", "work_orders", "--json", *options),
            env=os.environ | {"DATABASE_URL": bare_database.dsn},
            cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(110):
            answer, _ = await process.communicate()
        told = json.loads(answer)
        figures: dict[str, Any] = told["work_orders"]
        assert told["holds"] is figures["holds"]
        folders.append(Path(figures["exported"]).parent.parent)
        return process.returncode or 0, figures

    yield run
    for folder in folders:
        shutil.rmtree(folder)


async def test_every_pdf_is_read_matched_and_exported_once(demo: Demo) -> None:
    code, figures = await demo()
    assert (code, figures["holds"]) == (0, True)
    assert (figures["effects_lost"], figures["effects_doubled"], figures["kills_survived"]) == (0, 0, 1)
    assert (figures["work_orders"], figures["signed_matched"], figures["revisions"]) == (26, 9, 1)
    assert (figures["to_review_unreadable"], figures["rows_exported"]) == (3, 26)
    assert Path(figures["exported"]).exists()


async def test_a_dropped_commit_is_noticed_and_ends_with_1(demo: Demo) -> None:
    """The witness of the test above."""
    code, figures = await demo("--sabotage")
    assert (code, figures["holds"]) == (1, False)
    assert figures["effects_lost"] > 0


def test_all_parts_are_played_unless_some_are_named() -> None:
    assert list(parts(())) == [*sorted(parts(()))]
    assert {"spreadsheets", "work_orders"} <= set(parts(()))
    assert list(parts(("work_orders",))) == ["work_orders"]
