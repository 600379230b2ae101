"""The part of the turns holds, and notices an edit that got lost."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from core.settings import PROJECT
from tests.running import Database


async def played(database: Database, *options: str) -> tuple[int | None, dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "demo", "turns", "--json", *options),
        env=os.environ | {"DATABASE_URL": database.dsn},
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
    )
    answer, _ = await asyncio.wait_for(process.communicate(), 100)
    return process.returncode, json.loads(answer)["turns"]


async def test_two_devices_converge_and_the_conflict_is_asked(bare_database: Database) -> None:
    code, figures = await played(bare_database)
    assert (code, figures["broken"], figures["conflicts_asked"]) == (0, [], 1)
    assert figures["rows_compared"] == 2 * 60


async def test_a_lost_edit_is_noticed(bare_database: Database) -> None:
    """The witness of the test above."""
    code, figures = await played(bare_database, "--sabotage")
    assert code == 1
    assert "40 offline edits are on the server, not 39" in figures["broken"]
