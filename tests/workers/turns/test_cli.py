"""The domain's own commands, as a person starts them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Any

import aiohttp

from benchmarks.turns.ground import free_port
from core.settings import PROJECT
from tests.running import Database, until
from tests.workers.turns.estate import Estate
from tests.workers.turns.shaping import Dev


async def started(database: Database, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "core.cli", *arguments),
        env=os.environ | {"ROWMILL_DATABASE_URL": database.dsn, "ROWMILL_DOMAINS": "workers.turns"},
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_shapes_lists_what_is_followed(database: Database, estate: Estate, dev: Dev) -> None:
    await estate.turn()
    await dev.follower(table="turns", where="is_active").catch_up()
    process = await started(database, "shapes", "--json")
    printed, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, said
    [found] = json.loads(printed)["shapes"]
    assert (found["table"], found["condition"], found["row_count"]) == ("turns", 'r."is_active"', 1)


async def test_the_development_server_says_what_it_is_and_stops_when_told(database: Database, estate: Estate) -> None:
    port = free_port()
    process = await started(database, "shapes-dev", "--port", str(port))
    try:
        async with aiohttp.ClientSession() as session:

            async def health() -> Any:
                try:
                    async with session.get(f"http://localhost:{port}/v1/health") as answer:
                        return await answer.json()
                except aiohttp.ClientError:
                    return None

            assert await until(health, 60) == {"status": "active"}
            waiting = asyncio.create_task(live(session, port))
            await asyncio.sleep(0)
            process.send_signal(signal.SIGTERM)
            _, said = await asyncio.wait_for(process.communicate(), 20)
            await asyncio.gather(waiting, return_exceptions=True)
        assert b"DEVELOPMENT ONLY" in said
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def live(session: aiohttp.ClientSession, port: int) -> None:
    """A client that would wait for twenty seconds."""
    url, query = f"http://localhost:{port}/v1/shape", {"table": "turns", "offset": "-1"}
    async with session.get(url, params=query) as answer:
        query |= {"offset": answer.headers["electric-offset"], "handle": answer.headers["electric-handle"]}
    async with session.get(url, params={**query, "live": "true"}) as answer:
        await answer.read()
