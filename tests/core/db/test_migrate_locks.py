"""A migration makes nobody wait for long: it takes a lock within a second or tries again, and builds indexes beside."""

from __future__ import annotations

import asyncio
import importlib
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from core import domains
from core.db import migrate as migrations
from core.db.connect import Connection
from core.db.migrate import LockedOut, migrate
from core.domains import Domain
from tests.running import SOMEBODY_WAITS, Database, until

HEAD = '''
"""A revision of a test."""

from core.db.migrate import run_concurrently, run_sql

revision = "{revision}"
down_revision = {down!r}
branch_labels = {labels!r}
depends_on = {on!r}


def upgrade() -> None:
    {body}
'''
Later = Callable[..., list[Domain]]


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Later:
    """A domain whose revisions have these bodies."""
    monkeypatch.syspath_prepend(tmp_path)
    package = f"later_{uuid.uuid4().hex[:8]}"  # a version is at most 32 characters long

    def made(*bodies: str) -> list[Domain]:
        home = tmp_path / package / "migrations"
        home.mkdir(parents=True)
        (home.parent / "__init__.py").touch()
        for at, body in enumerate(bodies, start=1):
            first = at == 1
            text = HEAD.format(
                revision=f"{package}_{at}",
                down=None if first else f"{package}_{at - 1}",
                labels=(package,) if first else None,
                on=("toy_0001",) if first else None,
                body=body,
            )
            (home / f"{at:04}_made.py").write_text(text)
        importlib.invalidate_caches()
        sys.modules.pop(package, None)
        return domains.discover(["tests.toy", "workers.spreadsheets", package])

    return made


ADD_COLUMN = 'run_sql("alter table toy_rows add column added int not null default 7")'
ADD_ANOTHER = 'run_sql("alter table toy_rows add column another int")'
INDEX = """run_concurrently(
        "drop index concurrently if exists toy_rows_value",
        "create index concurrently toy_rows_value on toy_rows (value)",
    )"""


async def test_a_revision_gives_way_to_a_reader_and_comes_back(
    database: Database, db: Connection, later: Later
) -> None:
    """Whoever comes behind the migration waits for a second at most, though the reader stays for longer."""
    reader = await database.connect()
    held = reader.transaction()
    await held.start()
    await reader.fetch("select * from toy_rows")
    migrating = asyncio.create_task(migrate(database.dsn, later(ADD_COLUMN, ADD_ANOTHER)))
    watching = await database.connect()
    for _ in range(2):  # it comes twice
        await until(lambda: watching.fetchval(SOMEBODY_WAITS), what="a migration that waits")
        async with asyncio.timeout(3):
            await db.execute("insert into toy_rows (id) values ((random() * 1e9)::int)")
    assert not migrating.done()
    await held.rollback()
    assert len(await migrating) == 2
    assert await db.fetchval("select min(added) from toy_rows") == 7
    assert await db.fetchval("show lock_timeout") == "0"


async def test_who_holds_the_lock_for_ever_is_named(
    database: Database, db: Connection, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "LOCK_TRIES", 2)
    reader = await database.connect(application_name="a forgotten psql")
    held = reader.transaction()
    await held.start()
    await reader.fetch("select * from toy_rows")
    pid = await reader.fetchval("select pg_backend_pid()")
    ours = later(ADD_COLUMN)
    with pytest.raises(
        LockedOut, match=rf"pid {pid} \(a forgotten psql\), since \d+ s\); it was tried 2 times .* again:"
    ):
        await migrate(database.dsn, ours)
    assert not await db.fetchval("select exists (select from pg_attribute where attname = 'added')")
    await held.rollback()
    assert len(await migrate(database.dsn, ours)) == 1


async def test_an_index_is_built_concurrently_and_a_broken_one_is_built_anew(
    database: Database, db: Connection, later: Later
) -> None:
    """The build waits for an open writer, holding up nobody; a build that was killed leaves an invalid index."""
    writer = await database.connect()
    held = writer.transaction()
    await held.start()
    await writer.execute("insert into toy_rows (id, value) values (1, 'open')")
    ours = later(INDEX)
    valid = "select indisvalid from pg_index where indexrelid = to_regclass('toy_rows_value')"
    builders = "select pid from pg_stat_activity where datname = current_database() and query ~ '^create index conc'"
    broken = asyncio.create_task(migrate(database.dsn, ours))
    victim = await until(lambda: db.fetchval(f"{builders} and wait_event_type = 'Lock'"), what="a build that waits")
    await db.execute("insert into toy_rows (id, value) values (2, 'meanwhile')")
    await db.fetchval("select pg_terminate_backend($1)", victim)
    with pytest.raises(Exception, match=r"terminat|closed|reset"):
        await broken
    assert await db.fetchval(valid) is False

    again = asyncio.create_task(migrate(database.dsn, ours))
    await until(
        lambda: db.fetchval(f"{builders.replace('create', 'drop')} and wait_event_type = 'Lock'"), what="the drop"
    )
    await held.commit()
    assert len(await again) == 1
    assert await db.fetchval(valid) is True
