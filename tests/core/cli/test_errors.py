"""Whatever is wrong with the database or the way to it, a command says one sentence with the next step."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from core.cli.sentences import explained
from core.db.connect import Connection
from core.settings import PROJECT
from tests.core.cli.conftest import Rowmill
from tests.running import Database, enqueue

COMMANDS = (
    ("tasks",),
    ("workers",),
    ("top", "--once"),
    ("retry", "--where", "--status", "failed", "--yes"),
    ("recovered",),
    ("retention",),
    ("db", "status"),
    ("migrate",),
)
LONG_LIVED = (("work",), ("up", "--no-web"))  # these want the main thread: they run as processes
ANY = pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])


@ANY
async def test_a_server_that_is_not_there(rowmill: Rowmill, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setenv("ROWMILL_DATABASE_URL", "postgresql://u:hidden@127.0.0.1:1/db")
    said = (await rowmill(*words)).refusal()
    assert "cannot reach the database" in said
    assert "hidden" not in said


@pytest.mark.parametrize("words", LONG_LIVED, ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("address", "expected"),
    [("postgresql://u@127.0.0.1:1/db", "cannot reach the database"), (None, "rowmill migrate")],
    ids=["stopped", "not migrated"],
)
async def test_what_lives_long_does_not_begin(
    bare_database: Database, words: list[str], address: str | None, expected: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "core.cli", *words),
        env=os.environ | {"ROWMILL_DATABASE_URL": address or bare_database.dsn},
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(90):
        said, _ = await process.communicate()
    assert process.returncode == 1
    assert expected in said.decode()
    assert "Traceback" not in said.decode()


@asynccontextmanager
async def listening(answer: bytes) -> AsyncIterator[int]:
    """A program on a port that is no PostgreSQL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


STRANGERS = {"web": b"HTTP/1.1 400 Bad Request\r\n\r\n", "mute": b""}


@pytest.mark.parametrize("answer", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("tls", ["prefer", "disable", "require"])
async def test_a_port_where_no_postgresql_listens(
    rowmill: Rowmill, monkeypatch: pytest.MonkeyPatch, answer: bytes, tls: str
) -> None:
    async with listening(answer) as port:
        monkeypatch.setenv("ROWMILL_DATABASE_URL", f"postgresql://u@127.0.0.1:{port}/db?sslmode={tls}")
        said = (await rowmill("tasks")).refusal()
    assert "DATABASE_URL" in said


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda dsn: dsn.replace("postgres@", "nobody_of_that_name@", 1), "check the user and the password"),
        (lambda dsn: dsn.replace("/test_", "/no_such_test_", 1), "create it with createdb"),
        (lambda dsn: dsn.replace("host=", "host=/nonexistent", 1), "cannot reach the database"),
        (lambda _dsn: "postgresql://u:p@ss/word@host:1/db", "DATABASE_URL"),
        (lambda _dsn: "mysql://u@host/db", "write it as postgresql://"),
    ],
)
async def test_an_address_that_does_not_fit(
    rowmill: Rowmill, database: Database, monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str], expected: str
) -> None:
    monkeypatch.setenv("ROWMILL_DATABASE_URL", change(database.dsn))
    assert expected in (await rowmill("tasks")).refusal()


@pytest.mark.parametrize("words", [each for each in COMMANDS if each[0] not in {"migrate", "db"}], ids=lambda w: w[0])
async def test_a_database_that_nobody_migrated(
    rowmill: Rowmill, bare_database: Database, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("ROWMILL_DATABASE_URL", bare_database.dsn)
    assert "rowmill migrate" in (await rowmill(*words)).refusal()


async def test_a_missing_column(rowmill: Rowmill, db: Connection) -> None:
    await db.execute("alter table task_queue rename column crashes to crushes")
    task_id = await enqueue(db, "toy.note", {})
    assert "run `rowmill migrate`" in (await rowmill("task", str(task_id))).refusal()


async def test_a_login_without_rights(
    rowmill: Rowmill, db: Connection, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"stranger_{database.name[-12:]}"
    await db.execute(f"create role {role} login")
    try:
        monkeypatch.setenv("ROWMILL_DATABASE_URL", database.dsn.replace("postgres@", f"{role}@", 1))
        for words in (("tasks",), ("top", "--once"), ("recovered",), ("retention",), ("migrate",)):
            said = await rowmill(*words)
            assert (words, said.code) == (words, 1)
            assert "Traceback" not in said.err
    finally:
        await db.execute(f"drop role {role}")


@asynccontextmanager
async def another_version(dsn: str, shown: bytes) -> AsyncIterator[str]:
    """A door to the server that tells another version of it: the one it has is replaced on the way, same length."""
    folder = parse_qs(urlsplit(dsn).query)["host"][0]
    name, real = b"server_version\x00", await asyncpg.connect(dsn)
    version = (await real.fetchval("show server_version")).encode()
    await real.close()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65536):
            writer.write(chunk.replace(name + version, name + shown.ljust(len(version))))
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = await asyncio.open_unix_connection(str(Path(folder) / ".s.PGSQL.5432"))
        await asyncio.gather(pump(reader, upstream[1]), pump(upstream[0], writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql://postgres@127.0.0.1:{port}{urlsplit(dsn).path}?sslmode=disable"
    finally:
        server.close()


async def test_a_server_that_is_too_old(
    rowmill: Rowmill, bare_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with another_version(bare_database.dsn, b"13.2") as address:
        monkeypatch.setenv("ROWMILL_DATABASE_URL", address)
        said = (await rowmill("migrate")).refusal()
    assert "this server is PostgreSQL 13, which is too old; use PostgreSQL 15 to 18" in said
    db = await bare_database.connect()
    assert await db.fetchval("select count(*) from pg_namespace where nspname = 'rowmill'") == 0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("23505", "there is one already"),
        ("23503", "what is referred to is not there"),
        ("23514", "the database refuses the value"),
        ("25006", "must name the primary"),
        ("28P01", "check the user and the password"),
        ("3D000", "createdb"),
        ("42501", "log in as the owner"),
        ("42703", "rowmill migrate"),
        ("42P01", "rowmill migrate"),
        ("53100", "disk is full"),
        ("53300", "raise max_connections"),
        ("55P03", "keeps the row locked"),
        ("57014", "narrow the question"),
        ("57P03", "try again in a moment"),
        ("XX001", "SQLSTATE XX001"),
    ],
)
def test_each_code_of_the_database_has_its_sentence(code: str, words: str) -> None:
    error = asyncpg.PostgresError.new({"C": code, "M": "so it is."})
    said = explained(error) or ""
    assert words in said
    assert "so it is" in said
    assert ".;" not in said
