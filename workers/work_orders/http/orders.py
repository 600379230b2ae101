"""Work orders as they stand: the admin preview, one order with its sources, its PDF, a page with what was read."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp.web import Response

from core.web import Call, Document, Nothing, Refused, StreamResponse, absent, route
from workers.work_orders import adapter
from workers.work_orders.http.models import AskedId, AskedPage, AskedWorkspace, ListedOrder, Order, Preview, Source

PREVIEWED = 20


@route("GET", "/api/db/preview", scope="read")
async def preview(call: Call[AskedWorkspace, Nothing]) -> Preview:
    """The newest 20 work orders with their source, signed document and export."""
    seen = {"workspaces": call.actor.visible, "workspace_id": call.asked.workspace_id}
    rows = await call.read("http_orders", **seen, most=PREVIEWED)
    counts = {row["status"]: row["jobs"] for row in await call.read("http_export_counts", **seen)}
    return Preview(work_orders=[ListedOrder(**_shown(row, "source_metadata")) for row in rows], exports=counts)


@route("GET", "/api/work-orders/orders/{id}", scope="read", refuses=(404,))
async def read_order(call: Call[AskedId, Nothing]) -> Order:
    """One work order with its PDFs and how they were read; also by the id that ingestion answered."""
    order = await _seen(call, call.asked)
    sources = await call.read("http_sources", work_order_id=order["id"])
    shown = [Source(**_told(row)) for row in sources]
    return Order(**_shown(order, "fields"), sources=shown)


@route("GET", "/api/work-orders/orders/{id}/pdf", scope="read", refuses=(404,), media="application/pdf")
async def read_pdf(call: Call[AskedPage, Nothing]) -> StreamResponse:
    """The original PDF, as it came."""
    source = await _source(call)
    name = f'attachment; filename="{source["file_hash"][:12]}.pdf"'
    return Response(body=await _bytes(source), content_type="application/pdf", headers={"Content-Disposition": name})


@route(
    "GET", "/api/work-orders/orders/{id}/boxes", scope="read", refuses=(404, 422), media="image/png", time_limit_s=20
)
async def read_boxes(call: Call[AskedPage, Nothing]) -> StreamResponse:
    """A page of the PDF as an image, with the fields that were read outlined."""
    source = await _source(call)
    found = orjson.loads(source["fields"] or "{}").values()
    boxes = [
        each["box"]
        for each in found
        if isinstance(each, dict) and each.get("page") == call.asked.page and "box" in each
    ]
    try:
        image = await adapter.draw_page(await _bytes(source), call.asked.page, boxes)
    except adapter.AsideFailed as reason:
        told = f"the page cannot be drawn ({str(reason).removeprefix('Unreadable: ')}); ask for the PDF itself"
        raise Refused(422, "undrawable", told, field="page") from None
    return Response(body=image, content_type="image/png")


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


async def _bytes(source: Any) -> bytes:
    try:
        return await adapter.blob_store().get(source["blob"])
    except adapter.BlobsFailed as reason:
        raise Refused(503, "blobs", str(reason), retry_after_s=5) from None


def _shown(row: Any, *documents: str) -> dict[str, Any]:
    return {**dict(row), **{name: Document.of(row[name]) for name in documents}}


def _told(row: Any) -> dict[str, Any]:
    shown = _shown(row, "source_metadata", "fields", "warnings")
    return {name: value for name, value in shown.items() if name != "blob"}
