"""The tasks of turns: approvers are told, overdue turns are told, the log is kept short and the audit stays."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from core.db.connect import Connection
from core.db.workspace import DEFAULT_WORKSPACE
from tests.logins import MakeLogin
from tests.running import Workers, ended, enqueue
from tests.workers.turns.estate import Estate
from tests.workers.turns.shaping import Dev
from tests.workers.turns.test_sequencer import head

TASKS = ("turns.notify_approvers", "turns.find_overdue", "turns.compact_log")


async def member(estate: Estate, role: str) -> None:
    user = await estate.person(role)
    await estate.db.execute(
        "insert into workspace_members (workspace_id, user_id) values ($1, $2)", DEFAULT_WORKSPACE, user
    )


async def test_those_who_may_approve_are_told_once(estate: Estate, workers: Workers) -> None:
    for role in ("DFO_APPROVER", "HO_APPROVER", "USER"):
        await member(estate, role)
    await workers.start(*TASKS)
    turn = await estate.turn(turn_amount=Decimal(900), stage_id=estate.stages["Approval"])
    task = await estate.db.fetchval("select id from task_queue")
    assert (await ended(estate.db, task))["status"] == "completed"
    [notice] = await estate.db.fetch("select * from turn_notices")
    assert (notice["user_id"], notice["turn_id"], notice["task_id"]) == (estate.people["DFO_APPROVER"], turn, task)
    assert notice["told"].endswith("of 900.00 waits for your approval.")
    assert await estate.db.fetchval("select count(*) from audit_events where task_id = $1", task) == 1


async def test_who_was_faster_than_the_notice_is_not_disturbed(estate: Estate, workers: Workers) -> None:
    await member(estate, "DFO_APPROVER")
    turn = await estate.turn(turn_amount=Decimal(900), stage_id=estate.stages["Approval"])
    await estate.set(turn, approval_status="REJECTED")
    await workers.start(*TASKS)
    task = await estate.db.fetchval("select id from task_queue")
    assert (await ended(estate.db, task))["status"] == "cancelled"


async def test_overdue_turns_are_told_to_their_managers_once_for_each_version(estate: Estate, workers: Workers) -> None:
    await estate.turn(turn_id="T-1", expected_completion_date=date(2020, 1, 1))
    await estate.turn(turn_id="T-2", expected_completion_date=date(2999, 1, 1))
    await estate.turn(expected_completion_date=date(2020, 1, 1), turn_completion_date=date(2020, 1, 2))
    await workers.start(*TASKS)
    for _ in range(2):
        assert (await ended(estate.db, await enqueue(estate.db, "turns.find_overdue", {})))["status"] == "completed"
    told = [row["told"] for row in await estate.db.fetch("select told from turn_notices")]
    assert told == ["The turn T-1 was expected to be complete on 2020-01-01."]


async def test_the_log_gets_shorter_and_the_audit_stays(
    estate: Estate, workers: Workers, db: Connection, dev: Dev
) -> None:
    turn = await estate.turn()
    away = await dev.follower(table="turns").catch_up()
    await estate.set(turn, wo_number="old")
    await head(db)
    await db.execute("update sync_feed set created_at = now() - interval '8 days'")
    await estate.set(turn, wo_number="new")
    audited = await db.fetchval("select count(*) from audit_logs")
    await workers.start(*TASKS)
    task = await ended(db, await enqueue(db, "turns.compact_log", {"keep_days": 7}))
    assert task["status"] == "completed", task["error_message"]
    kept = await db.fetch("select new_row ->> 'wo_number' as wo from sync_feed where rel = 'turns'::regclass")
    assert [row["wo"] for row in kept] == ["new"]
    assert await db.fetchval("select count(*) from audit_logs") == audited
    handle = away.handle
    await away.catch_up()
    assert ([row["wo_number"] for row in away.values], away.handle != handle) == (["new"], True)


async def test_a_bound_worker_shortens_the_log_of_all_workspaces(
    estate: Estate, workers: Workers, db: Connection, login: MakeLogin
) -> None:
    world = await estate.other_world()
    for there in ({}, world.turn):
        await estate.turn(wo_number="old", **there)
    last = await head(db)
    await db.execute("update sync_feed set created_at = now() - interval '8 days'")
    for there in ({}, world.turn):
        await estate.turn(wo_number="waits in the outbox", **there)
    await workers.start(*TASKS, dsn=(await login("rowmill_worker")).dsn)
    task = await ended(db, await enqueue(db, "turns.compact_log", {"keep_days": 7}))
    assert (task["status"], task["error_message"]) == ("completed", None)
    kept = await db.fetch(
        "select workspace_id, new_row ->> 'wo_number' as wo from sync_feed where rel = 'turns'::regclass"
    )
    waited = "waits in the outbox"
    assert {tuple(row) for row in kept} == {(DEFAULT_WORKSPACE, waited), (world.workspace_id, waited)}
    assert await db.fetchval("select count(*) from sync_outbox where rel = 'turns'::regclass") == 0
    assert (
        await db.fetchval("select min(lsn) from sync_feed") > await db.fetchval("select pruned from sync_head") == last
    )


async def test_a_bound_worker_tells_of_overdue_turns_of_the_tasks_workspace(
    estate: Estate, workers: Workers, db: Connection, login: MakeLogin
) -> None:
    world = await estate.other_world()
    await estate.turn(turn_id="T-1", expected_completion_date=date(2020, 1, 1))
    await estate.turn(turn_id="T-2", expected_completion_date=date(2020, 1, 1), **world.turn)
    await workers.start(*TASKS, dsn=(await login("rowmill_worker")).dsn)
    spaces = [DEFAULT_WORKSPACE, world.workspace_id]
    for at, space in enumerate(spaces, start=1):
        await ended(db, await enqueue(db, "turns.find_overdue", {}, workspace_id=space))
        told = await db.fetch("select workspace_id from turn_notices order by created_at")
        assert [row["workspace_id"] for row in told] == spaces[:at]
