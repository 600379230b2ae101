"""Work orders as they stand: the admin preview, one order with its sources, its PDF, a page with what was read."""

from __future__ import annotations

from typing import Any

from core.web import Call, Nothing, StreamResponse, absent, route
from workers.work_orders.http.answers import ListedOrder, Order, Preview, Source
from workers.work_orders.http.models import AskedId, AskedPage, AskedWorkspace
from workers.work_orders.http.seeing import page_of, pdf_of, shown

PREVIEWED = 20


@route("GET", "/api/db/preview", scope="read")
async def preview(call: Call[AskedWorkspace, Nothing]) -> Preview:
    """The newest 20 work orders with their source, signed document and export."""
    seen = {"workspaces": call.actor.visible, "workspace_id": call.asked.workspace_id}
    rows = await call.read("http_orders", **seen, most=PREVIEWED)
    counts = {row["status"]: row["jobs"] for row in await call.read("http_export_counts", **seen)}
    return Preview(work_orders=[ListedOrder(**shown(row, "source_metadata")) for row in rows], exports=counts)


@route("GET", "/api/work-orders/orders/{id}", scope="read", refuses=(404,))
async def read_order(call: Call[AskedId, Nothing]) -> Order:
    """One work order with its PDFs and how they were read; also by the id that ingestion answered."""
    order = await _seen(call, call.asked)
    rows = await call.read("http_sources", work_order_id=order["id"])
    sources = [Source(**shown(row, "source_metadata", "fields", "warnings")) for row in rows]
    return Order(**shown(order, "fields"), sources=sources)


@route("GET", "/api/work-orders/orders/{id}/pdf", scope="read", refuses=(404,), media="application/pdf")
async def read_pdf(call: Call[AskedPage, Nothing]) -> StreamResponse:
    """The original PDF, as it came."""
    return await pdf_of(await _source(call))


@route(
    "GET", "/api/work-orders/orders/{id}/boxes", scope="read", refuses=(404, 422), media="image/png", time_limit_s=20
)
async def read_boxes(call: Call[AskedPage, Nothing]) -> StreamResponse:
    """A page of the PDF as an image, with the fields that were read outlined."""
    return await page_of(await _source(call), call.asked.page)


async def _seen(call: Call[Any, Any], asked: AskedId) -> Any:
    rows = await call.read("http_order", id=asked.id, workspaces=call.actor.visible)
    if not rows:
        raise absent("work order")
    return rows[0]


async def _source(call: Call[AskedPage, Nothing]) -> Any:
    order = await _seen(call, call.asked)
    rows = await call.read("http_sources", work_order_id=order["id"])
    wanted = [row for row in rows if call.asked.source_id in {None, row["id"]}]
    if not wanted:
        raise absent("source")
    return wanted[-1]
