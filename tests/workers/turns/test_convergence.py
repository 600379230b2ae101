"""The figures' own command, small: devices and server are killed, and everything is there once, everywhere the same."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import pytest

from core.settings import PROJECT
from tests.running import Database


@pytest.mark.timeout(300)
async def test_devices_converge_though_they_and_the_server_are_killed(bare_database: Database) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.turns", "convergence", "--clients", "4", "--operations", "200", "--json"),
        env=os.environ | {"DATABASE_URL": bare_database.dsn},
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await asyncio.wait_for(process.communicate(), 280)
    figures = json.loads(printed)["convergence"]
    assert process.returncode == 0, figures
    assert (figures["lost"], figures["twice"], figures["clients_that_differ"], figures["refused"]) == (0, 0, 0, 0)
    assert figures["operations_applied"] == figures["of_them_in_the_audit"] > 50
    assert min(figures["kills_of_clients"], figures["kills_of_server"]) > 0
