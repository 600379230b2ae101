"""What tests of the export do: orders to export, waiting for their jobs, the operator by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from core.db.connect import Connection
from core.testing import Recorded, run_operator_async
from tests.running import until
from tests.workers.work_orders.orders import Orders
from workers.work_orders.operators import export

EXPORT = "work_orders.export"


async def add(orders: Orders, *numbers: str) -> dict[str, UUID]:
    return {
        number: (await orders.ingest(f"pdf {number}", work_order_number=number, fm_key="acme"))["work_order_id"]
        for number in numbers
    }


async def done(orders: Orders, order_id: UUID, status: str = "DONE") -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        job = await orders.job(order_id)
        return job if job["status"] == status else None

    return await until(look, what=f"{status} of {order_id}")


async def soon(db: Connection) -> None:
    """As if the time of every waiting job and task had come."""
    await db.execute("update export_jobs set next_attempt_at = now() where status = 'PENDING'")
    await db.execute("update task_queue set scheduled_for = now() where status = 'pending'")


async def run_export(rows: dict[str, Any], context: Recorded | None = None, now: datetime | None = None) -> Any:
    known = {"sheet_of": [{"workspace_id": UUID(int=0), "sheet_name": "Work orders"}], "export_row": []} | rows
    context = context or Recorded()
    context._rows = known
    moment = now or datetime(2026, 1, 2, 3, 4, 15, tzinfo=UTC)
    key = "work_orders.export:s"
    return await run_operator_async(export, {"spreadsheet_id": "s"}, context=context, now=moment, concurrency_key=key)
