"""A web process from its start to its end: who may log in, what happens to requests under way."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from core.errors import RowmillError
from core.people import tokens
from core.settings import PROJECT, Settings
from core.web.serve import Served, serve
from tests.running import Database, until
from tests.serving import Client, running_site
from tests.toy.http import GATES, kept


@pytest.fixture(autouse=True)
def _fresh_gates() -> None:
    GATES.clear()


async def test_a_server_without_tokens_prints_one_that_ends_with_it(database: Database) -> None:
    async with running_site(database) as site:
        token = site.served.token
        assert token is not None
        headers = {"Authorization": f"Bearer {token}"}
        (await site.stranger().get("/api/tasks", headers=headers)).ok()
    assert await site.db.fetchval("select bool_and(revoked_at is not null) from api_tokens")
    async with running_site(database) as again:
        assert again.served.token not in {None, token}
        (await again.stranger().get("/api/tasks", headers=headers)).refusal(401)
        await again.client("read")
    async with running_site(database) as last:
        assert last.served.token is None  # somebody can log in


async def test_a_public_server_without_tokens_is_refused(database: Database) -> None:
    db = await database.connect()
    for host in ("0.0.0.0", "::"):  # noqa: S104 - what is refused here
        with pytest.raises(RowmillError, match=r"there is no token and no password; make one with"):
            async with running_site(database, host):
                pass
    await tokens.create(db, "a@example.org", "read", create_user=True, life_s=-1)
    with pytest.raises(RowmillError, match="there is no token"):
        async with running_site(database, "0.0.0.0"):  # noqa: S104 - an expired one is none
            pass
    await tokens.create(db, "a@example.org", "read")
    async with running_site(database, "0.0.0.0") as site:  # noqa: S104 - bound for a moment, with a token
        assert site.served.token is None


async def test_a_database_that_was_not_migrated_is_told_at_the_start(bare_database: Database) -> None:
    with pytest.raises(RowmillError, match="rowmill migrate"):
        async with running_site(bare_database):
            pass


async def test_a_stop_lets_requests_end_and_closes_sockets_with_1001(database: Database) -> None:
    db, stop = await database.connect(), asyncio.Event()
    made = await tokens.create(db, "a@example.org", "read", create_user=True)
    ready: asyncio.Future[Served] = asyncio.get_running_loop().create_future()
    chosen = Settings(domains=("tests.toy",))
    async with asyncio.TaskGroup() as group, aiohttp.ClientSession() as session:
        running = group.create_task(serve(database.dsn, chosen, "127.0.0.1", 0, stop=stop, ready=ready.set_result))
        served = await ready
        client = Client(served.url, session, made)
        log = served.shell.services[kept]
        under_way = group.create_task(client.get("/api/toy/waits/stop"))
        await _entered("stop")
        async with session.ws_connect(f"{served.url}/api/toy/echo/a", headers=client.headers) as socket:
            await socket.receive_str()
            stop.set()
            await socket.receive()  # the server's last word; aiohttp's client answers it
            assert socket.close_code == 1001
        assert not under_way.done()
        GATES["stop"].set()
        assert (await under_way).ok() == {"log": ["started with 1 domains"]}
        await running
    assert log == ["started with 1 domains", "stopped"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # aiohttp drops what it cuts unclosed
async def test_a_request_that_outlives_the_stop_is_cut(database: Database) -> None:
    async with running_site(database, web_drain_s=0.2) as site:
        client = await site.client("read")
        under_way = asyncio.create_task(client.get("/api/toy/waits/long"))
        await _entered("long")
    with pytest.raises(aiohttp.ClientError):
        await under_way
    gc.collect()  # here, and not in the test behind it


async def test_a_process_ends_with_0_after_sigterm_and_answers_until_then(database: Database, tmp_path: Path) -> None:
    """`rowmill web` as supervisors run it."""
    log = tmp_path / "web.log"
    environment = os.environ | {"ROWMILL_DATABASE_URL": database.dsn, "ROWMILL_DOMAINS": "tests.toy"}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "core.cli", "web", "--port", "0"),
            env=environment,
            cwd=PROJECT,
            stdout=output,
            stderr=output,
        )
    try:

        async def serving() -> re.Match[str] | None:
            assert process.returncode is None, log.read_text()
            return re.search(r"serving (http://\S+);", log.read_text())

        url = (await until(serving, 90, "the start of rowmill web"))[1]
        token = re.search(r"until this server stops: (rowmill_\S+)", log.read_text())
        assert token is not None
        headers = {"Authorization": f"Bearer {token[1]}"}
        async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz", headers=headers) as reply:
            assert (reply.status, await reply.json()) == (200, {"ready": True, "workers": 0})
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _entered(name: str) -> None:
    async def look() -> bool:
        return f"{name} entered" in GATES and GATES[f"{name} entered"].is_set()

    await until(look, what="the request's arrival")
