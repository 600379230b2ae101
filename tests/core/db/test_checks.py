"""A worker that does not fit its database says so in one sentence, before its first claim."""

from __future__ import annotations

import asyncio
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.db import catalogs, checks
from core.db.checks import StatementUnfit, check_statements
from core.db.connect import Connection
from core.db.statements import Catalog
from core.settings import PROJECT
from tests.running import Database, Workers, ended, enqueue, until


def catalog(folder: Path, text: str) -> Catalog:
    file = folder / "queries.sql"
    file.write_text(text, encoding="utf-8")
    return Catalog(file)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("select nothing from toy_rows", 'does not fit the database (column "nothing" does not exist); run'),
        ("select * from nowhere", '(relation "nowhere" does not exist); run `rowmill migrate`'),
        ("select rowmill.nothing()", "(function rowmill.nothing() does not exist); run `rowmill migrate`"),
        ("select :one::int + $2::int", "takes 2 parameters and names 1; write each of them as :name"),
        ("selec 1", 'syntax error at or near "selec"'),
    ],
)
async def test_a_statement_that_does_not_fit_is_named_with_the_next_step(
    db: Connection, tmp_path: Path, body: str, told: str
) -> None:
    wrong = catalog(tmp_path, f"-- name: good\nselect 1\n\n-- name: bad.one\n{body}\n")
    with pytest.raises(StatementUnfit) as refused:
        await check_statements(db, wrong)
    assert told in str(refused.value)
    assert "'bad.one'" in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_check_leaves_nothing_behind(db: Connection) -> None:
    await check_statements(db, catalogs.engine())
    assert await db.fetchval("select count(*) from rowmill.workers") == 0
    assert not db.is_in_transaction()


async def test_a_worker_that_starts_under_a_locked_table_waits_and_says_for_whom(
    database: Database, db: Connection, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "PATIENCE", "set local lock_timeout = '50ms'")
    session = await database.connect()
    await session.execute("begin; lock table toy_rows in access exclusive mode")
    with capture_logs() as said:
        starting = asyncio.create_task(workers.start("toy.set"))
        waits = await until(lambda: _told(said, "waits_for_locked_table"))
        assert waits["locked_by"] == f"pid {session.get_server_pid()} (test)"
        assert waits["statement"].startswith("toy_rows")
        await session.execute("rollback")
        await starting
    await ended(db, await enqueue(db, "toy.set", {"row_id": 1, "value": "x"}))


async def test_a_table_that_stays_locked_is_an_error_in_the_end(
    database: Database, db: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "PATIENCE", "set local lock_timeout = '50ms'")
    monkeypatch.setattr(checks, "LOCKED_LIMIT_S", 0.1)
    session = await database.connect()
    await session.execute("begin; lock table toy_rows in access exclusive mode")
    with pytest.raises(StatementUnfit, match=r"is locked by pid \d+ \(test\); end that session"):
        await check_statements(db, catalogs.of_package("tests.toy"))
    assert not db.is_in_transaction()


async def _told(said: Sequence[Mapping[str, Any]], event: str) -> Mapping[str, Any] | None:
    return next((line for line in said if line["event"] == event), None)


async def test_a_worker_on_a_database_without_tables_says_to_migrate(bare_database: Database, tmp_path: Path) -> None:
    workers = Workers(bare_database, tmp_path)
    with pytest.raises(StatementUnfit, match="run `rowmill migrate`"):
        await workers.start("toy.set")


async def test_a_worker_process_without_tables_ends_with_one_line_and_code_1(bare_database: Database) -> None:
    process = await create_subprocess_exec(
        *(sys.executable, "-m", "core.cli", "work", "--worker-id", "w"),
        env={"PATH": "/usr/bin:/bin", "ROWMILL_DATABASE_URL": bare_database.dsn, "ROWMILL_DOMAINS": "tests.toy"},
        cwd=PROJECT,
        stdout=PIPE,
        stderr=PIPE,
    )
    _, told = await process.communicate()
    assert process.returncode == 1
    assert told.decode() == (
        "rowmill: the database lacks what the statement 'fence' needs (relation \"task_queue\" does not exist); "
        "run `rowmill migrate`\n"
    )
