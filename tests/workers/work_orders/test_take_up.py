"""What waits for a task that has ended without it is not forgotten: it is done anew, or a person is asked."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest

from tests.running import Workers, ended, enqueue, until
from tests.workers.work_orders.orders import Orders, make_orders
from workers.work_orders import adapter

EXPORT = "work_orders.export"
READ = "work_orders.read"


async def end_tasks(orders: Orders, status: str) -> None:
    """As after five attempts, or by a person's word."""
    async with orders.db.transaction():
        await orders.db.execute("set local rowmill.committing = 'on'")
        await orders.db.execute(
            "update task_queue set status = $1, attempts = max_attempts, error_message = 'over', failed_at = now()",
            status,
        )


@pytest.mark.parametrize("state", ["PENDING", "PROCESSING"])
@pytest.mark.parametrize("ending", ["failed", "cancelled"])
async def test_an_export_whose_task_has_ended_is_taken_up_once(orders: Orders, state: str, ending: str) -> None:
    other = await make_orders(orders.db, "sheet-2")
    for each in (orders, other):
        await each.ingest("a", work_order_number="1")
        await each.ingest("b", work_order_number="2")
    assert await orders.db.fetchval("select work_orders_take_up()") == 0
    await end_tasks(orders, ending)
    await orders.db.execute("update export_jobs set status = $1, next_attempt_at = now()", state)
    await orders.db.execute("delete from task_queue where status = 'pending'")
    assert await orders.db.fetchval("select work_orders_take_up($1)", [orders.workspace_id]) == 1
    assert await orders.db.fetchval("select work_orders_take_up($1)", [orders.workspace_id]) == 0
    [task] = await orders.db.fetch("select * from task_queue where status = 'pending'")
    assert (task["task_type"], task["concurrency_key"], task["workspace_id"], task["max_attempts"]) == (
        *(EXPORT, "work_orders.export:sheet-1", orders.workspace_id),
        5,
    )


async def test_the_nightly_look_takes_up_what_stayed_behind(orders: Orders, store: Path, workers: Workers) -> None:
    made = await orders.ingest("a", work_order_number="1")
    unread = await orders.ingest("b")
    signed = await orders.db.fetchval(
        "select signed_document_id from ingest_signed($1, repeat('a', 64), 'sha256/x', 10)", orders.workspace_id
    )
    await end_tasks(orders, "failed")
    await orders.db.execute("update export_jobs set status = 'PROCESSING'")
    for table in ("work_order_sources", "signed_documents"):
        await orders.db.execute(f"update {table} set created_at = now() - interval '1 hour'")
    await workers.start(EXPORT, "work_orders.check_sheet")
    task = await enqueue(
        *(orders.db, "work_orders.check_sheet", {"spreadsheet_id": "sheet-1"}), workspace_id=orders.workspace_id
    )
    assert (await ended(orders.db, task))["status"] == "completed"

    async def exported() -> bool:
        return bool((await orders.job(made["work_order_id"]))["status"] == "DONE")

    await until(exported, what="the export that was left behind")
    assert sorted(await orders.reviews()) == ["signed_unreadable", "unreadable"]
    assert (await orders.order(unread["work_order_id"]))["status"] == "REVIEW"
    assert (await orders.document(signed))["state"] == "REVIEW"


async def test_a_pdf_that_waits_for_its_task_is_no_question(orders: Orders) -> None:
    await orders.ingest("a")
    await orders.db.execute("update work_order_sources set created_at = now() - interval '1 hour'")
    assert await orders.db.fetchval("select work_orders_take_up()") == 0
    assert await orders.reviews() == []


async def fail_in_the_end(orders: Orders, task_type: str) -> UUID:
    """The task's attempts but one are used."""
    found: UUID = await orders.db.fetchval(
        "update task_queue set max_attempts = 1 where task_type = $1 returning id", task_type
    )
    return found


async def test_an_order_whose_bytes_cannot_be_had_is_a_question_and_its_task_can_be_retried(
    orders: Orders, store: Path, workers: Workers
) -> None:
    made = await orders.ingest("a")
    signed = await orders.db.fetchval(
        "select signed_document_id from ingest_signed($1, repeat('a', 64), 'sha256/aa/x', 10)", orders.workspace_id
    )
    attempts = await orders.db.fetch("select max_attempts from task_queue")
    assert [row["max_attempts"] for row in attempts] == [5, 5]
    tasks = [await fail_in_the_end(orders, READ), await fail_in_the_end(orders, "work_orders.read_signed")]
    await workers.start(READ, "work_orders.read_signed")
    rows = [await ended(orders.db, task) for task in tasks]
    assert [(row["status"], "blob store has no" in row["error_message"]) for row in rows] == [("failed", True)] * 2
    assert sorted(await orders.reviews()) == ["signed_unreadable", "unreadable"]
    assert (await orders.order(made["work_order_id"]))["status"] == "REVIEW"
    assert (await orders.document(signed))["state"] == "REVIEW"
    review = await orders.review("unreadable")
    assert "blob store has no" in review["details"]["warnings"][0]

    pdf = Path("demo/work_orders/pdfs/CL-001001.pdf").read_bytes()
    kept = await adapter.blob_store().keep(pdf)
    await orders.db.execute("update work_order_sources set blob = $1", kept.path)
    profile = json.loads(Path("demo/work_orders/profiles/cityline.json").read_text(encoding="utf-8"))
    await orders.db.execute(
        "insert into fm_profiles (workspace_id, fm_key, profile_version, profile) values ($1, $2, 1, $3)",
        *(orders.workspace_id, profile["fm_key"], json.dumps(profile)),
    )
    await orders.db.execute("select retry_task($1)", tasks[0])
    assert (await ended(orders.db, tasks[0]))["status"] == "completed"
    assert await orders.reviews() == ["signed_unreadable"]
    assert (await orders.order(made["work_order_id"]))["status"] == "READY"
