"""`rowmill db`: status tells, fresh and reset make anew what is local and at rest, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import asyncpg
import pytest

from core.cli.databases import app
from core.db.connect import Connection
from core.db.embedded import EmbeddedServer
from tests.core.cli.conftest import Rowmill
from tests.running import Database, enqueue


async def test_status_tells_revisions_sizes_and_connections(rowmill: Rowmill, db: Connection) -> None:
    said = (await rowmill("db", "status", "--json")).json()
    assert said["connections"] >= 2
    assert "public.task_queue" in {each["name"] for each in said["tables"]}
    assert "public.task_queue" in (await rowmill("db", "status")).words()


async def test_status_of_a_database_that_nobody_migrated_names_the_next_step(
    rowmill: Rowmill, bare_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROWMILL_DATABASE_URL", bare_database.dsn)
    assert "run `rowmill migrate`" in (await rowmill("db", "status")).words()


async def test_the_seed_is_planted_once(rowmill: Rowmill, db: Connection) -> None:
    assert (await rowmill("db", "seed")).code == 0
    first = await db.fetchval("select count(*) from cells")
    assert first > 0
    assert (await rowmill("db", "seed")).code == 0
    assert await db.fetchval("select count(*) from cells") == first
    assert await db.fetchval("select count(*) from task_queue where task_type = 'spreadsheets.transform'") > 0


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["db.example.com", "10.0.0.7", "localhost.example.com", "/run/pg,db.example.com"])
async def test_reset_refuses_every_host_that_is_not_this_machine(
    rowmill: Rowmill, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    address = f"postgresql://u:secret@/db?host={host}" if "," in host else f"postgresql://u:secret@{host}/db"
    monkeypatch.setenv("ROWMILL_DATABASE_URL", address)
    said = (await rowmill("db", "reset", "--yes")).refusal()
    assert "is not this machine" in said
    assert "secret" not in said


async def test_reset_asks_and_without_an_answer_nothing_is_deleted(rowmill: Rowmill, db: Connection) -> None:
    assert "add --yes" in (await rowmill("db", "reset")).refusal()
    assert await db.fetchval("select count(*) from task_queue") == 0


async def test_fresh_is_for_the_embedded_server_alone(rowmill: Rowmill) -> None:
    assert "use `rowmill db reset`" in (await rowmill("db", "fresh")).refusal()


async def test_a_database_at_work_is_not_dropped(rowmill: Rowmill, db: Connection) -> None:
    await db.execute(
        "insert into rowmill.workers (worker_id, host, pid, lease_until, task_types)"
        " values ('w', 'h', 1, now() + interval '1 hour', '{}')"
    )
    assert "stop them first" in (await rowmill("db", "reset", "--yes")).refusal()


# --- making anew -----------------------------------------------------------------------------------------------------


async def test_reset_of_a_local_database_makes_it_anew_with_its_seed(rowmill: Rowmill, database: Database) -> None:
    db = await database.connect()
    await enqueue(db, "some.thing", {})
    said = await rowmill("db", "reset", "--yes")
    assert said.code == 0, said.err
    again = await asyncpg.connect(database.dsn)
    assert await again.fetchval("select count(*) from task_queue where task_type = 'some.thing'") == 0
    assert await again.fetchval("select count(*) from spreadsheets") == 1
    await again.close()


@pytest.fixture
def home() -> Iterator[Path]:
    """Where the account that runs embedded servers may write."""
    made = Path(mkdtemp(prefix="rowmill-db-", dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


async def test_fresh_and_reset_of_the_embedded_server(
    rowmill: Rowmill, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROWMILL_DATABASE_URL")
    monkeypatch.setenv("ROWMILL_DATA_DIR", str(home / "pg"))
    server = EmbeddedServer(home / "pg", explicit=True)
    for words in (("db", "fresh"), ("db", "fresh"), ("db", "reset", "--yes")):
        mark = server.data_path / "mark"
        before = mark.exists()
        said = await rowmill(*words)
        assert said.code == 0, said.err
        assert mark.exists() == (before and words[1] == "fresh")  # fresh keeps the cluster, reset does not
        with server:
            db = await asyncpg.connect(server.dsn("rowmill"))
            assert await db.fetchval("select count(*) from spreadsheets") == 1
            assert await db.fetchval("select count(*) from pg_extension where extname = 'pg_stat_statements'") == 1
            await db.execute("delete from cells")
            await db.close()
            refused = await rowmill("db", "reset", "--yes")
            assert "is in use" in refused.err
        mark.touch()


def test_the_group_has_four_commands() -> None:
    assert {name for name in app if not name.startswith("-")} == {"status", "fresh", "reset", "seed"}
