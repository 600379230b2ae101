"""Roles belong to the whole server: made once, by whoever comes first; and where they may not be made all goes on."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from core.db.connect import Connection
from core.db.embedded import EmbeddedServer
from core.settings import PROJECT, Settings
from tests.running import DOMAINS, Database, Workers, all_ended, enqueue

pytestmark = pytest.mark.timeout(400)  # each starts a server of its own
ROLES = "select count(*) from pg_roles where rolname ~ '^rowmill_'"


@pytest.fixture
async def lone(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A server of its own: no test has made a role there."""
    server = EmbeddedServer(tmp_path / "pg", binaries=Settings().pg_bin, durable=False)
    await asyncio.to_thread(server.start)
    try:
        yield server
    finally:
        await asyncio.to_thread(server.stop)


async def program(dsn: str, *arguments: str) -> tuple[int, str]:
    """`rowmill` on this database: exit code and what it said."""
    settings = {"ROWMILL_DATABASE_URL": dsn, "ROWMILL_DOMAINS": ",".join(DOMAINS), "ROWMILL_DRAIN_S": "5"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "core.cli",
        *arguments,
        env=os.environ | settings,
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(100):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def database_of(server: EmbeddedServer, owner: str, name: str) -> str:
    admin: Connection = await asyncpg.connect(server.dsn())
    await admin.execute(f"create database {name} owner {owner}")
    await admin.close()
    return server.dsn(name).replace("postgres@", f"{owner}@")


async def asked(dsn: str, query: str, *values: object) -> object:
    session = await asyncpg.connect(dsn)
    try:
        return await session.fetchval(query, *values)
    finally:
        await session.close()


async def test_several_databases_migrated_at_once_make_the_roles_together(lone: EmbeddedServer) -> None:
    """As a login that may create roles and is no superuser: what a managed server gives."""
    admin: Connection = await asyncpg.connect(lone.dsn())
    await admin.execute("create role team login createrole")
    await admin.close()
    places = [await database_of(lone, "team", f"one_of_{at}") for at in range(3)]
    ended = await asyncio.gather(*(program(place, "migrate") for place in places))
    assert [code for code, _ in ended] == [0, 0, 0], ended
    assert await asked(lone.dsn(), ROLES) == 4
    for place in places:
        assert await asked(place, "select has_table_privilege('rowmill_producer', 'task_queue', 'insert')")


async def test_without_the_right_to_create_roles_all_works_and_grants_come_later(
    lone: EmbeddedServer, tmp_path: Path
) -> None:
    admin: Connection = await asyncpg.connect(lone.dsn())
    await admin.execute("create role plain login")
    place = await database_of(lone, "plain", "plain")
    code, said = await program(place, "migrate")
    assert code == 0, said
    assert "let an administrator run sql/roles/1_roles.sql" in said
    assert await asked(lone.dsn(), ROLES) == 0

    own = await Database(place, "plain").connect()
    folder = tmp_path / "logs"
    folder.mkdir()
    workers = Workers(Database(place, "plain"), folder)
    await workers.start("toy.set")  # as the owner, bound by no policy
    await enqueue(own, "toy.set", {"row_id": 1, "value": "done"})
    await all_ended(own)
    assert await own.fetchval("select value from toy_rows") == "done"
    await workers.close()
    await own.close()

    await admin.execute((PROJECT / "sql" / "roles" / "1_roles.sql").read_text(encoding="utf-8"))
    code, said = await program(place, "migrate")
    assert code == 0, said
    assert "administrator" not in said
    assert await asked(place, "select has_table_privilege('rowmill_producer', 'task_queue', 'insert')")
    assert await asked(place, "select count(*) from pg_policy where polname = 'task_queue_of_workers'") == 1
    await admin.close()
