"""A worker's login reads, matches and exports in the workspace of its task, and in no other. An application's own role
does by SQL what it was granted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from core.db import catalogs
from core.outside import blob_store
from tests.logins import MakeLogin
from tests.running import Workers, all_ended, ended, enqueue
from tests.workers.work_orders.orders import Orders, make_orders, sha
from tests.workers.work_orders.pdfs import add_profiles, pdf

TYPES = tuple(f"work_orders.{name}" for name in ("read", "read_signed", "export", "check_sheet", "forget_runs"))
TABLES = (
    *("work_order_settings", "fm_profiles", "work_orders", "work_order_sources", "signed_documents", "signed_match"),
    *("extraction_runs", "work_order_reviews", "export_jobs"),
)


async def hand_over(orders: Orders, name: str, number: str) -> Any:
    kept = await blob_store().keep(pdf(number))
    query = f"select * from {name}($1, $2, $3, $4)"
    return await orders.db.fetchrow(query, orders.workspace_id, kept.sha256, kept.path, kept.size)


async def test_a_worker_with_its_role_alone_does_all_of_it(
    orders: Orders, workers: Workers, login: MakeLogin, store: Path
) -> None:
    other = await make_orders(orders.db, "sheet-2", "eve@example.org")
    for side in (orders, other):
        await add_profiles(side.db, side.workspace_id)
        await hand_over(side, "ingest_work_order", "NG-1")
        await hand_over(side, "ingest_signed", "NG-1")
    worker = await login("rowmill_worker")
    await workers.start(*TYPES, dsn=worker.dsn)
    await all_ended(orders.db, 60)
    for side in (orders, other):
        check = await enqueue(
            *(side.db, "work_orders.check_sheet", {"spreadsheet_id": side.spreadsheet_id}),
            workspace_id=side.workspace_id,
        )
        task = await ended(side.db, check)
        assert json.loads(task["output"] or "{}").get("rows") == 1, task
        status = "select status from export_jobs where workspace_id = $1"
        assert await side.db.fetchval(status, side.workspace_id) == "DONE"
    assert await orders.db.fetchval("select count(*) from signed_match") == 2
    failed = await orders.db.fetch("select task_type, error_message from task_queue where status = 'failed'")
    assert failed == []


async def test_a_forged_payload_reaches_no_other_workspace(
    orders: Orders, workers: Workers, login: MakeLogin, store: Path
) -> None:
    victim = await make_orders(orders.db, "sheet-2", "eve@example.org")
    made = await hand_over(victim, "ingest_work_order", "NG-1")
    await orders.db.execute("delete from task_queue")
    worker = await login("rowmill_worker")
    await workers.start(*TYPES, dsn=worker.dsn)
    for task_type, payload in (
        ("work_orders.read", {"source_id": str(made["source_id"])}),
        ("work_orders.export", {"spreadsheet_id": "sheet-2"}),
        ("work_orders.check_sheet", {"spreadsheet_id": "sheet-2"}),
        ("work_orders.forget_runs", {}),
    ):
        await ended(orders.db, await enqueue(orders.db, task_type, payload, workspace_id=orders.workspace_id))
    assert (await victim.order(made["work_order_id"]))["status"] == "RECEIVED"
    assert not list(store.glob("work-orders/*"))


@pytest.mark.parametrize("table", TABLES)
async def test_a_session_sees_its_workspace_and_without_one_nothing(
    orders: Orders, login: MakeLogin, table: str
) -> None:
    other = await make_orders(orders.db, "sheet-2", "eve@example.org")
    for side in (orders, other):
        await add_profiles(side.db, side.workspace_id)
        await side.ingest("a", work_order_number="1")
        await side.ingest("b", work_order_number="1", contact="x")
        await side.ingest("c", customer_name="x")
        await side.signed("s", "1")
    session = await asyncpg.connect((await login("rowmill_worker")).dsn)
    try:
        assert await session.fetchval(f"select count(*) from {table}") == 0
        async with session.transaction():
            await session.execute(f"set local app.workspace_id = '{orders.workspace_id}'")
            seen = {row["workspace_id"] for row in await session.fetch(f"select workspace_id from {table}")}
        assert seen == {orders.workspace_id}
    finally:
        await session.close()


async def test_an_applications_own_role_ingests_by_sql_in_its_workspace(orders: Orders, login: MakeLogin) -> None:
    other = await make_orders(orders.db, "sheet-2", "eve@example.org")
    application = await login("rowmill_worker")
    session = await asyncpg.connect(application.dsn)
    query = "select * from ingest_work_order($1, $2, 'b', 1, 'API', '{}', '{\"work_order_number\": \"1\"}')"
    try:
        async with session.transaction():
            await session.execute(f"set local app.workspace_id = '{orders.workspace_id}'")
            row = await session.fetchrow(query, orders.workspace_id, sha("a"))
        assert row is not None
        assert row["is_new"]
        async with session.transaction():
            await session.execute(f"set local app.workspace_id = '{orders.workspace_id}'")
            with pytest.raises(asyncpg.PostgresError, match="no work orders yet"):
                await session.fetchrow(query, other.workspace_id, sha("a"))
    finally:
        await session.close()


async def test_after_a_restore_every_exported_row_is_exported_anew(orders: Orders) -> None:
    for number in ("1", "2", "3"):
        await orders.ingest(number, work_order_number=number)
    await orders.db.execute("update export_jobs set status = 'DONE'")
    one = "(select min(id::text)::uuid from export_jobs)"
    await orders.db.execute(f"update export_jobs set status = 'FAILED' where id = {one}")
    marked = await catalogs.of_package("workers.work_orders")["recovered"].fetch(orders.db, since=None)
    assert len(marked) == 2
    states = await orders.db.fetch("select status from export_jobs order by status")
    assert [row["status"] for row in states] == ["FAILED", "PENDING", "PENDING"]
