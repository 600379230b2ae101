"""Migrations go forward, once, whoever runs them; and they touch nothing that is not ours."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio import create_subprocess_exec
from pathlib import Path

import pytest

from core import domains
from core.db.connect import Connection
from core.db.migrate import ENGINE_BRANCHES, MIGRATIONS, NotOurs, UnknownRevision, migrate, pending
from core.settings import PROJECT
from tests.conftest import DOMAINS
from tests.house.schema import code_of, differences, tables_of
from tests.running import Database

OURS = domains.discover(DOMAINS)
TOY = domains.discover(["tests.toy"])
SHEETS = domains.discover(["workers.spreadsheets"])
SHEETS_ONLY = sorted(f"spreadsheets_{file.stem[:4]}" for file in (MIGRATIONS / "spreadsheets").glob("*.py"))
TURNS_ONLY = sorted(f"turns_{file.stem[:4]}" for file in (MIGRATIONS / "turns").glob("*.py"))
ALL = sorted(
    [
        *(f"{branch}_{file.stem[:4]}" for branch in ENGINE_BRANCHES for file in (MIGRATIONS / branch).glob("*.py")),
        *SHEETS_ONLY,
        "toy_0001",
        *TURNS_ONLY,
    ]
)


async def described(db: Connection) -> dict[str, str]:
    return await tables_of(db) | await code_of(db)


async def test_migrating_says_what_it_applied_and_a_second_time_changes_nothing(bare_database: Database) -> None:
    db = await bare_database.connect()
    assert await migrate(bare_database.dsn, OURS) == ALL
    first = await described(db)
    assert await migrate(bare_database.dsn, OURS) == []
    assert differences(first, await described(db)) == {}


async def test_two_migrators_at_once_do_no_harm(bare_database: Database, db: Connection) -> None:
    settings = {"ROWMILL_DATABASE_URL": bare_database.dsn, "ROWMILL_DOMAINS": ",".join(DOMAINS)}
    command = (sys.executable, "-m", "core.cli", "migrate")
    both = [await create_subprocess_exec(*command, env=os.environ | settings, cwd=PROJECT) for _ in range(2)]
    assert await asyncio.gather(*(each.wait() for each in both)) == [0, 0]
    assert differences(await described(await bare_database.connect()), await described(db)) == {}
    assert await pending(bare_database.dsn, OURS) == []


async def test_pending_counts_what_the_newest_revisions_stand_on_as_applied(bare_database: Database) -> None:
    """The version table holds heads only: engine and people stand behind the first of the spreadsheets."""
    assert await pending(bare_database.dsn, OURS) == ALL
    await migrate(bare_database.dsn, TOY)
    assert await pending(bare_database.dsn, TOY) == []
    assert await pending(bare_database.dsn, OURS) == sorted([*SHEETS_ONLY, *TURNS_ONLY])
    assert await migrate(bare_database.dsn, OURS) == sorted([*SHEETS_ONLY, *TURNS_ONLY])
    assert await pending(bare_database.dsn, OURS) == []


async def test_a_domain_can_be_switched_off_after_it_was_migrated(bare_database: Database) -> None:
    await migrate(bare_database.dsn, SHEETS)
    assert await migrate(bare_database.dsn, []) == []
    assert await pending(bare_database.dsn, []) == []


async def test_a_domain_of_elsewhere_that_is_not_named_is_asked_for(database: Database) -> None:
    with pytest.raises(
        UnknownRevision, match=r"'toy_0001', .*; use newer code, or name its domain in ROWMILL_DOMAINS$"
    ):
        await migrate(database.dsn, SHEETS)


async def test_a_database_of_newer_code_is_refused_with_a_sentence(database: Database, db: Connection) -> None:
    await db.execute("update rowmill.alembic_version set version_num = 'future_0009' where version_num = 'toy_0001'")
    with pytest.raises(UnknownRevision, match=r"^the database holds the revision 'future_0009', .*; use newer code"):
        await migrate(database.dsn, OURS)


@pytest.mark.parametrize("table", ["task_queue", "users", "toy_rows"])
async def test_a_table_of_that_name_that_is_not_ours_is_refused_and_left_as_it_was(
    bare_database: Database, db: Connection, table: str
) -> None:
    """Each revision is a transaction of its own: those before the refused one stay, of the refused one nothing does."""
    theirs = await bare_database.connect()
    await theirs.execute(f"create table {table} (id int, note text); insert into {table} values (1, 'theirs')")
    for _ in range(2):
        with pytest.raises(NotOurs, match=rf"^the database already has .* '{table}' .*; rename it"):
            await migrate(bare_database.dsn, OURS)
    assert [tuple(row) for row in await theirs.fetch(f"select * from {table}")] == [(1, "theirs")]

    await theirs.execute(f"alter table {table} rename to renamed")
    await migrate(bare_database.dsn, OURS)
    await theirs.execute("drop table renamed")
    assert differences(await described(theirs), await described(db)) == {}


async def test_a_type_of_that_name_is_refused_alike(bare_database: Database) -> None:
    theirs = await bare_database.connect()
    await theirs.execute("create type user_role as enum ('theirs')")
    with pytest.raises(NotOurs, match="'user_role'"):
        await migrate(bare_database.dsn, [])
    assert not await theirs.fetchval("select to_regclass('users')")


async def test_a_teams_own_schema_monitoring_is_refused_and_left_alone(bare_database: Database) -> None:
    theirs = await bare_database.connect()
    await theirs.execute("create schema monitoring; create view monitoring.workers as select 1 as theirs")
    with pytest.raises(NotOurs, match=r"^the database already has .* 'monitoring' .*; rename it"):
        await migrate(bare_database.dsn, [])
    assert await theirs.fetchval("select theirs from monitoring.workers") == 1


async def test_the_migrations_of_a_domain_outside_workers_lie_in_its_own_folder() -> None:
    assert [domain.migrations for domain in TOY] == [Path(TOY[0].home) / "migrations"]
