"""docs/sql-contract.md shows the files of docs/examples/, and each of them runs as a login with the producer's role."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from core.db.binaries import find_binaries
from core.db.connect import Connection
from core.settings import PROJECT, Settings
from tests.logins import Login, MakeLogin
from tests.running import Workers, all_ended

EXAMPLES = PROJECT / "docs" / "examples"
CONTRACT = (PROJECT / "docs" / "sql-contract.md").read_text(encoding="utf-8")
NODE = PROJECT / ".rowmill" / "node-examples"
GO_PACKAGES = Path("/usr/share/gocode")
SHOWN = sorted(str(file.relative_to(EXAMPLES)) for file in EXAMPLES.rglob("*.*"))


@pytest.mark.parametrize("name", SHOWN)
def test_the_contract_shows_this_very_file(name: str) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    blocks = re.findall(rf"`docs/examples/{re.escape(name)}`.*?\n```\w+\n(.*?)^```", CONTRACT, re.DOTALL | re.MULTILINE)
    assert blocks == [text]


async def ran(*command: str | Path, cwd: Path = PROJECT, **environment: str) -> str:
    """What a program printed; it must end well, and within four minutes."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=cwd,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(240):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, err.decode()
    return out.decode()


@pytest.fixture
async def producer(login: MakeLogin, workers: Workers) -> Login:
    """A login with the role and nothing else; `toy.set` is published by a worker that has left again."""
    published = await workers.start("toy.set")
    await published.stop()
    return await login("rowmill_producer")


async def values(db: Connection, workers: Workers) -> dict[int, str]:
    """What the tasks have written, once a worker has done them all."""
    await workers.start("toy.set")
    await all_ended(db)
    assert await db.fetchval("select count(*) from task_queue where status <> 'completed'") == 0
    return {row["id"]: row["value"] for row in await db.fetch("select id, value from toy_rows")}


def psql() -> Path:
    return find_binaries(Settings().pg_bin) / "psql"


async def test_psql(producer: Login, db: Connection, workers: Workers) -> None:
    await ran(psql(), producer.dsn, "-v", "ON_ERROR_STOP=1", "-f", EXAMPLES / "producer.sql")
    many = dict.fromkeys((3, 4, 5), "one of many")
    assert await values(db, workers) == {1: "from psql", 2: "checked"} | many


async def test_a_trigger_of_another_application(producer: Login, db: Connection, workers: Workers) -> None:
    """The application's login makes its table and is a producer."""
    await db.execute(f"grant create on schema public to {producer.name}")
    await ran(psql(), producer.dsn, "-v", "ON_ERROR_STOP=1", "-f", EXAMPLES / "trigger.sql")
    assert await values(db, workers) == {101: "12.50"}


@pytest.mark.parametrize(("name", "row"), [("with_asyncpg", 10), ("with_psycopg", 20)])
async def test_python(producer: Login, db: Connection, workers: Workers, name: str, row: int) -> None:
    printed = await ran(sys.executable, EXAMPLES / f"{name}.py", DATABASE_URL=producer.dsn)
    assert ("pending" if name == "with_asyncpg" else "RM002 the payload of") in printed
    assert await values(db, workers) == {row: f"from {name.removeprefix('with_')}"}


async def node_packages() -> Path:
    """The packages of docs/examples/node, kept between runs: npm is asked once for each package.json."""
    package = (EXAMPLES / "node" / "package.json").read_text(encoding="utf-8")
    done = NODE / "installed.json"
    NODE.mkdir(parents=True, exist_ok=True)
    with (NODE / "lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        if not done.exists() or done.read_text(encoding="utf-8") != package:
            (NODE / "package.json").write_text(package, encoding="utf-8")
            await ran("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", cwd=NODE)
            done.write_text(package, encoding="utf-8")
    return NODE


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node: install the Debian packages nodejs and npm")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "rows"), [("pg", {30: "from node", 31: "checked"}), ("drizzle", {40: "from drizzle"})]
)
async def test_node(producer: Login, db: Connection, workers: Workers, name: str, rows: dict[int, str]) -> None:
    packages = await node_packages()
    shutil.copy(EXAMPLES / "node" / f"with_{name}.mjs", packages)  # modules are looked for beside the file
    address = over_socket(producer.dsn)
    printed = await ran("node", f"with_{name}.mjs", cwd=packages, DATABASE_URL=address)
    assert ("RM002" if name == "pg" else "pending") in printed
    assert await values(db, workers) == rows


def over_socket(dsn: str) -> str:
    """node-postgres takes the folder of a socket percent-encoded where the host stands."""
    found = re.fullmatch(r"postgresql://(\w+)@/(\w+)\?host=(.*)", dsn)
    assert found is not None
    return f"socket://{found[1]}@{found[3].replace('%2F', '/')}?db={found[2]}"


@pytest.mark.skipif(
    shutil.which("go") is None or not (GO_PACKAGES / "src/github.com/lib/pq").exists(),
    reason="needs Go: install the Debian packages golang-go and golang-github-lib-pq-dev",
)
async def test_go(producer: Login, db: Connection, workers: Workers, tmp_path: Path) -> None:
    cache = PROJECT / ".rowmill" / "go-cache"
    program = tmp_path / "example"
    places = {"GO111MODULE": "off", "GOPATH": str(GO_PACKAGES), "GOCACHE": str(cache), "GOFLAGS": "-p=1"}
    await ran("go", "build", "-o", program, EXAMPLES / "go" / "main.go", cwd=PROJECT, **places)
    printed = await ran(program, DATABASE_URL=f"{producer.dsn}&sslmode=disable")
    assert "pending" in printed
    assert "RM002" in printed
    assert await values(db, workers) == {50: "from go"}


async def test_the_grants_of_an_application(db: Connection, login: MakeLogin) -> None:
    """What they allow is tried in tests/workers/spreadsheets/test_workspaces.py; here they are run as they stand."""
    text = (EXAMPLES / "app_grants.sql").read_text(encoding="utf-8")
    own = await login()
    await db.execute(text.replace("create role sheets_app nologin;\n", "").replace("sheets_app", own.name))
    assert await db.fetchval("select has_table_privilege($1, 'cells', 'update')", own.name)
