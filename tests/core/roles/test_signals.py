"""Who may continue what: a producer its own tasks and its workspaces' keys, workers and admins any, monitors none."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest

from core.db.connect import Connection
from tests.core.queue.waits import asks, signalled, waits
from tests.logins import MakeLogin
from tests.running import Workers, ended, enqueue

OTHER = UUID(int=0xB)


@asynccontextmanager
async def as_a(login: MakeLogin, role: str) -> AsyncIterator[Connection]:
    session: Connection = await asyncpg.connect((await login(role)).dsn)
    try:
        yield session
    finally:
        await session.close()


async def refused(session: Connection, key: str) -> str | None:
    with pytest.raises(asyncpg.PostgresError) as refusal:
        await signalled(session, key, "x")
    return refusal.value.sqlstate


async def test_a_producer_continues_its_own_task_and_no_stranger_exists(
    login: MakeLogin, db: Connection, workers: Workers
) -> None:
    await workers.start("toy.act")
    theirs = await asks(db, "theirs")
    async with as_a(login, "rowmill_producer") as session:
        payload = json.dumps({"act": "wait", "arg": {"signal": "mine"}})
        insert = "insert into task_queue (task_type, payload) values ('toy.act', $1) returning id"
        mine = await session.fetchval(insert, payload)
        await waits(db, mine, "mine")
        assert '"mine"' in await session.fetchval("select explain_task($1)", mine)
        assert await refused(session, str(theirs)) == "RM005"
        assert await signalled(session, str(mine), "yes") == "continued"
    assert (await ended(db, mine))["status"] == "completed"


async def test_a_producer_signals_by_key_in_its_workspaces_only(
    login: MakeLogin, db: Connection, workers: Workers
) -> None:
    await workers.start("toy.act")
    await asks(db, "paid", workspace_id=OTHER)
    here = await asks(db, "paid")
    async with as_a(login, "rowmill_producer") as session:
        with pytest.raises(asyncpg.PostgresError) as refusal:
            await session.fetchval("select signal_task('paid', '{}', workspace_id => $1)", OTHER)
        assert refusal.value.sqlstate == "RM007"
        assert await signalled(session, "paid", "yes") == "continued"
        assert await signalled(session, "paid", "yes") == "kept"  # the other one waits elsewhere
    assert (await ended(db, here))["status"] == "completed"
    assert await db.fetchval("select count(*) from rowmill.waits") == 1


@pytest.mark.parametrize("role", ["rowmill_worker", "rowmill_admin"])
async def test_workers_and_admins_continue_any(login: MakeLogin, db: Connection, workers: Workers, role: str) -> None:
    await workers.start("toy.act")
    first, second = await asks(db, "a", workspace_id=OTHER), await asks(db, "b", workspace_id=OTHER)
    async with as_a(login, role) as session:
        assert await signalled(session, str(first), "yes") == "continued"
        call = """select signal_task('b', '{"text": "yes"}', workspace_id => $1)"""
        assert await session.fetchval(call, OTHER) == "continued"
    for task_id in (first, second):
        assert (await ended(db, task_id))["status"] == "completed"


async def test_a_monitor_signals_nothing_and_is_not_told_for_what_a_task_waits(
    login: MakeLogin, db: Connection, workers: Workers
) -> None:
    await workers.start("toy.act")
    task_id = await asks(db, "s3cret")
    async with as_a(login, "rowmill_monitor") as session:
        assert await refused(session, "s3cret") == "42501"
        told = json.loads(await session.fetchval("select explain_task_json($1)", task_id))
        assert (told["reason"], told["signal"]) == ("waiting", None)
        assert "s3cret" not in str(told) + str(await session.fetch("select * from monitoring.waiting"))


BY_HAND: list[Callable[[UUID], str]] = [
    lambda task: f"insert into rowmill.signals (task_id, workspace_id) values ('{task}', '{OTHER}')",
    lambda task: f"delete from rowmill.waits where task_id = '{task}'",
    lambda task: f"select rowmill.continue_task('{task}', '{{}}')",
    lambda _: "select payload from rowmill.signals",
]


@pytest.mark.parametrize("at", range(len(BY_HAND)))
async def test_a_producer_has_no_way_around_the_function(login: MakeLogin, db: Connection, at: int) -> None:
    task_id = await enqueue(db, "toy.act", {}, status="waiting")
    async with as_a(login, "rowmill_producer") as session:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await session.execute(BY_HAND[at](task_id))


async def test_a_worker_that_row_policies_bind_lets_tasks_wait_and_go_on(
    login: MakeLogin, db: Connection, workers: Workers
) -> None:
    await workers.start("toy.act", dsn=(await login("rowmill_worker")).dsn)
    task_id = await enqueue(db, "toy.act", {"act": "wait_quietly", "arg": "k"}, workspace_id=OTHER)
    await waits(db, task_id, "k")
    call = """select signal_task('k', '{"text": "yes"}', workspace_id => $1)"""
    assert await db.fetchval(call, OTHER) == "continued"
    row = await ended(db, task_id)
    assert (row["status"], row["output"]) == ("completed", '{"text": "yes"}')
