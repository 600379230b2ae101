"""`rowmill` as a person meets it: answers, and one sentence with the next step where something is wrong."""

from __future__ import annotations

import asyncio
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.cli import database as database_commands
from core.db.connect import Connection
from core.settings import PROJECT
from tests.processes.programs import ALL_DOMAINS, Program, Programs, workers_up
from tests.running import Database

NOWHERE = "postgresql://ann:s3cret@127.0.0.1:1/orders"


async def _said(program: Program, code: int) -> str:
    assert await program.wait() == code, program.said()
    return program.said().strip()


async def _refusal(program: Program) -> str:
    """What a failing command says: exactly one sentence, no traceback, exit code 1."""
    said = await _said(program, 1)
    assert said.startswith("rowmill: ")
    assert "\n" not in said
    assert "s3cret" not in said
    return said


@asynccontextmanager
async def _server_that_refuses(sqlstate: str, message: str) -> AsyncIterator[str]:
    """Speaks just enough of PostgreSQL's protocol to turn a client away; gives the address."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big") - 4)
        fields = f"SFATAL\0VFATAL\0C{sqlstate}\0M{message}\0".encode()
        writer.write(b"E" + (len(fields) + 5).to_bytes(4, "big") + fields + b"\0")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql://ann:s3cret@127.0.0.1:{port}/orders?sslmode=disable"


SETTINGS = {
    "lease_s": ("1", "ROWMILL_LEASE_S: input should be greater than or equal to 3"),
    "log_level": ("loud", "ROWMILL_LOG_LEVEL: the levels are"),
    "database_url": ("ann:s3cret@db", "DATABASE_URL: this is no address"),
    "poll_s": ("often", "ROWMILL_POLL_S: input should be a valid number"),
}


async def test_a_wrong_setting_is_named_by_its_variable_and_its_value_is_not_shown(programs: Programs) -> None:
    command = [sys.executable, "-m", "core.cli", "work"]
    started = {
        name: await programs.start(command, {f"ROWMILL_{name.upper()}": value}) for name, (value, _) in SETTINGS.items()
    }
    for name, program in started.items():
        assert (await _refusal(program)).startswith(f"rowmill: {SETTINGS[name][1]}")
        assert program.said().strip().endswith("change it in the environment or in .env")


async def test_a_wrong_setting_in_a_file_is_named_too(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ROWMILL_DRAIN_S=-1\n")
    command = [sys.executable, "-m", "core.cli", "work"]
    program = await programs.start(command, {"PYTHONPATH": str(PROJECT)}, cwd=tmp_path)
    assert "ROWMILL_DRAIN_S" in await _refusal(program)


async def test_a_database_that_is_not_there_is_told_with_what_to_check(programs: Programs, database: Database) -> None:
    missing = database.dsn.replace(database.name, "no_such_database")
    commands = {command: await programs.rowmill(command, database_url=NOWHERE) for command in ("work", "migrate")}
    lost = await programs.rowmill("psql", "-c", "select 1", database_url=missing)
    unreadable = await programs.rowmill("migrate", database_url="postgresql://ann:s3cret/x@127.0.0.1:1/orders")
    for program in commands.values():
        assert "cannot reach the database" in await _refusal(program)
        assert "is DATABASE_URL right?" in program.said()
    assert 'database "no_such_database" does not exist; create it with createdb' in await _refusal(lost)
    assert "DATABASE_URL cannot be read; write it as postgresql://" in await _refusal(unreadable)


@pytest.mark.parametrize(
    ("sqlstate", "message", "next_step"),
    [
        ("28P01", 'password authentication failed for user "ann"', "check the user and the password in DATABASE_URL"),
        ("28000", "no pg_hba.conf entry for this host", "check the user and the password in DATABASE_URL"),
        ("53300", "sorry, too many clients already", "run fewer workers, or raise max_connections"),
        ("57P03", "the database system is starting up", "try again in a moment"),
    ],
)
async def test_a_refused_login_is_told_with_the_servers_reason(
    programs: Programs, sqlstate: str, message: str, next_step: str
) -> None:
    async with _server_that_refuses(sqlstate, message) as address:
        said = await _refusal(await programs.rowmill("migrate", database_url=address))
    assert message in said
    assert next_step in said


async def test_names_that_match_nothing_are_told_with_those_that_do(programs: Programs, database: Database) -> None:
    no_match = await programs.rowmill("work", "--only", "toys.*", database=database)
    no_domain = await programs.rowmill("work", database=database, domains="workers.nothing")
    bare = database.dsn.replace(database.name, "template1")
    unmigrated = await programs.rowmill("work", "--worker-id", "w", database=database, database_url=bare)
    said = await _refusal(no_match)
    assert "no operator matches 'toys.*'; there are: " in said
    assert "toy.note" in said
    assert "'workers.nothing'; check the setting ROWMILL_DOMAINS" in await _refusal(no_domain)
    assert "run `rowmill migrate`" in await _refusal(unmigrated)


async def test_options_that_make_no_sense_are_refused(programs: Programs, database: Database) -> None:
    none = await programs.rowmill("work", "--processes", "0", database=database)
    both = await programs.rowmill("work", "--processes", "2", "--health-port", "8080", database=database)
    assert "Must be >= 1" in await _said(none, 2)
    assert "--health-port is for one process" in await _refusal(both)


async def test_a_taken_health_port_is_told_before_a_task_is_claimed(
    programs: Programs, database: Database, db: Connection
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = await _refusal(await programs.rowmill("work", "--health-port", port, database=database))
    assert port in said
    assert "choose another --health-port" in said
    assert not await db.fetchval("select exists (select from rowmill.workers)")


async def test_help_names_every_command_and_every_option(programs: Programs) -> None:
    expected = {
        "": ("demo", "dsn", "migrate", "psql", "work"),
        "work": ("--only", "--processes", "--health-port", "--data-dir", "SIGTERM"),
        "psql": ("--data-dir", "arguments of psql"),
        "dsn": ("--data-dir", "address"),
        "migrate": ("--data-dir", "newest revision"),
        "demo": ("--json", "--keep", "--sabotage", "--data-dir"),
    }
    started = {command: await programs.rowmill(*command.split(), "--help") for command in expected}
    for command, program in started.items():
        said = " ".join((await _said(program, 0)).replace("│", " ").split())
        assert [part for part in expected[command] if part not in said] == []
        assert "--worker-id" not in said


async def test_psql_speaks_to_the_database_with_psqls_own_options(programs: Programs, database: Database) -> None:
    program = await programs.rowmill("psql", "-Atc", "select 6 * 7, current_database()", database=database)
    assert await _said(program, 0) == f"42|{database.name}"


def test_a_password_reaches_psql_by_its_environment_and_not_by_the_process_list() -> None:
    shown, environment = database_commands.without_password(
        "postgresql://ann:s%40cret@host:5432/orders?sslmode=require"
    )
    assert shown == "postgresql://ann@host:5432/orders?sslmode=require"
    assert environment == {"PGPASSWORD": "s@cret"}
    without = "postgresql://postgres@/orders?host=/var/run"
    assert database_commands.without_password(without) == (without, {})


async def test_dsn_prints_the_address_and_nothing_else(programs: Programs, database: Database) -> None:
    assert await _said(await programs.rowmill("dsn", database=database), 0) == database.dsn


async def test_a_data_directory_is_honoured_from_migration_to_work(programs: Programs, db: Connection) -> None:
    with tempfile.TemporaryDirectory(prefix="rowmill data ") as folder:
        place = Path(folder)
        place.chmod(0o755)
        chosen = ("--data-dir", str(place / "pg"))
        first = await _said(await programs.rowmill("migrate", *chosen, domains=ALL_DOMAINS), 0)
        assert f"data in {place / 'pg'}" in first
        assert "applied " in first
        insert = "insert into task_queue (task_type, payload) values ('toy.note', '{\"note\": \"kept\"}')"
        await _said(await programs.rowmill("psql", *chosen, "-qc", insert, domains=ALL_DOMAINS), 0)
        asked = await programs.rowmill("psql", *chosen, "-Atc", "select status from task_queue", domains=ALL_DOMAINS)
        assert (await _said(asked, 0)).endswith("pending")
        told = await _said(await programs.rowmill("dsn", *chosen, domains=ALL_DOMAINS), 0)
        assert "/pg/run" in told


async def test_two_commands_may_migrate_an_empty_database_at_once(programs: Programs, bare_database: Database) -> None:
    other_words = bare_database.dsn.replace("postgresql://", "postgres://") + "&sslmode=prefer"
    both = [
        await programs.rowmill("migrate", database=bare_database),
        await programs.rowmill("migrate", database=bare_database, database_url=other_words),
    ]
    said = sorted([await _said(program, 0) for program in both])
    assert said[0].startswith("rowmill: applied ")
    await programs.rowmill("work", database=bare_database)
    assert await workers_up(await bare_database.connect(), 1)
