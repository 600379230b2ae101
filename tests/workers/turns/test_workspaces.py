"""Row policies: a worker sees one workspace; the web process, with the rights of its two roles alone, serves all."""

from __future__ import annotations

from uuid import uuid4

import aiohttp
import asyncpg
import pytest

from core.db.connect import Connection
from core.db.workspace import DEFAULT_WORKSPACE
from core.people import tokens
from core.settings import Settings
from core.web.serve import served
from tests.logins import MakeLogin
from tests.running import Database
from tests.workers.turns.estate import Estate
from tests.workers.turns.test_writes import op


async def test_a_worker_sees_and_writes_the_rows_of_one_workspace(
    estate: Estate, login: MakeLogin, db: Connection
) -> None:
    world = await estate.other_world()
    here, there = await estate.turn(), await estate.turn(**world.turn)
    worker = await login("rowmill_worker")
    session = await asyncpg.connect(worker.dsn)
    try:
        for table in ("turns", "properties", "audit_logs", "turn_stages"):
            assert await session.fetchval(f"select count(*) from {table}") == 0
        async with session.transaction():
            await session.execute("select set_config('app.workspace_id', $1, true)", str(DEFAULT_WORKSPACE))
            assert [row["id"] for row in await session.fetch("select id from turns")] == [here]
            assert await session.execute("update turns set wo_number = 'x' where id = $1", there) == "UPDATE 0"
            assert await session.execute("update turns set wo_number = 'x' where id = $1", here) == "UPDATE 1"
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await session.execute("insert into vendors (name, workspace_id) values ('x', $1)", world.workspace_id)
    finally:
        await session.close()


async def test_the_web_process_needs_no_more_than_its_two_roles(
    estate: Estate, login: MakeLogin, database: Database, db: Connection
) -> None:
    turn = await estate.turn(wo_number="one")
    email = await db.fetchval("select email from users where id = $1", estate.people["PROPERTY_MANAGER"])
    made = await tokens.create(db, email, "operate", workspaces=[DEFAULT_WORKSPACE])
    web = await login("rowmill_worker", "rowmill_admin")
    settings = Settings(domains=("workers.turns",), web_rate=10_000, shape_poll_s=20)
    headers = {"Authorization": f"Bearer {made.secret}"}
    async with served(web.dsn, settings, "127.0.0.1", 0) as running, aiohttp.ClientSession(headers=headers) as session:
        url, query = f"{running.url}/v1/shape", {"table": "turns", "offset": "-1"}
        async with session.get(url, params=query) as answer:
            assert [each["value"]["wo_number"] for each in await answer.json() if "value" in each] == ["one"]
            query |= {"offset": answer.headers["electric-offset"], "handle": answer.headers["electric-handle"]}
        async with session.get(url, params=query) as answer:
            query["offset"] = answer.headers["electric-offset"]
        waiting = session.get(url, params={**query, "live": "true"})
        written = op("update", turn, 1, operation_id=uuid4(), wo_number="two")
        async with session.post(f"{running.url}/api/write/turns", json=written) as answer:
            assert (answer.status, (await answer.json())["version"]) == (200, 2)
        async with waiting as answer:
            assert (await answer.json())[0]["value"]["wo_number"] == "two"
