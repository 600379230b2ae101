"""The engine holds on the oldest PostgreSQL we promise: what depends on the server runs once more there."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from core.settings import PROJECT

BINARIES = Path("/usr/lib/postgresql/15/bin")
# Claims and their plans, the gate, the contract, commits, schema = migrations = files, and every statement.
CHOSEN = (
    "tests/core/queue/test_claim_order.py",
    "tests/core/queue/test_keys.py",
    "tests/core/queue/test_coalescing.py",
    "tests/core/queue/test_life_of_a_task.py",
    "tests/core/queue/test_producers.py",
    "tests/core/queue/test_monitoring.py",
    "tests/core/queue/test_contract_enqueue.py",
    "tests/core/queue/commit/test_fence.py",
    "tests/core/queue/commit/test_foreign_locks.py",
    "tests/core/queue/commit/test_poison.py",
    "tests/core/db/test_migrate.py",
    "tests/house/test_schema.py",
    "tests/house/test_statements.py",
)
LIMIT_S = 600


@pytest.mark.timeout(LIMIT_S + 30)
@pytest.mark.skipif(not (BINARIES / "initdb").exists(), reason="no PostgreSQL 15 here; install postgresql-15")
@pytest.mark.skipif("ROWMILL_PG_BIN" in os.environ, reason="this run is on a chosen PostgreSQL as it is")
async def test_what_depends_on_the_server_holds_on_postgresql_15() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-n", "2", "--no-header", "-p", "no:cacheprovider", *CHOSEN),
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {"ROWMILL_PG_BIN": str(BINARIES)},
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, said.decode()[-6000:]
