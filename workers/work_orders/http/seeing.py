"""In whose workspace a request acts, and how documents are shown."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson
from aiohttp.web import Response

from core.web import Call, Document, Refused, StreamResponse, absent
from workers.work_orders import adapter
from workers.work_orders.http.models import Where
from workers.work_orders.rules.decisions import boxes_on


async def workspace(call: Call[Any, Any], where: Where) -> UUID:
    """The workspace that is meant, made where its spreadsheet is new. Raises Refused 404 for one of strangers."""
    if where.workspace_id is not None:
        workspace_id = where.workspace_id
    elif where.spreadsheet_id is not None and where.spreadsheet_id.strip():
        [made] = await call.read(
            "http_workspace_of", spreadsheet_id=where.spreadsheet_id, user_id=str(call.actor.user_id)
        )
        workspace_id = made["workspace_id"]
    else:
        raise Refused(
            422, "nowhere", "name a workspace by workspace_id or spreadsheet_id", field="parameters.spreadsheet_id"
        )
    if call.actor.visible is not None:
        [seen] = await call.read("http_may_see", workspace_id=workspace_id, user_id=call.actor.user_id)
        if not seen["may_see"]:
            raise absent("workspace")
    return workspace_id


def shown(row: Any, *documents: str) -> dict[str, Any]:
    """A row for an answer: its jsonb columns as they are, and where its bytes lie is nobody's business."""
    told = {**dict(row), **{name: Document.of(row[name]) for name in documents}}
    told.pop("blob", None)
    return told


async def pdf_of(document: Any) -> StreamResponse:
    """The bytes of a document, as a file to save."""
    name = f'attachment; filename="{document["file_hash"][:12]}.pdf"'
    return Response(body=await _bytes(document), content_type="application/pdf", headers={"Content-Disposition": name})


async def page_of(document: Any, page: int) -> StreamResponse:
    """A page as PNG, with what was read outlined."""
    boxes = boxes_on(page, orjson.loads(document["fields"] or "{}"))
    try:
        image = await adapter.draw_page(await _bytes(document), page, boxes)
    except adapter.AsideFailed as reason:
        told = f"the page cannot be drawn ({str(reason).removeprefix('Unreadable: ')}); ask for the PDF itself"
        raise Refused(422, "undrawable", told, field="page") from None
    return Response(body=image, content_type="image/png")


async def _bytes(document: Any) -> bytes:
    try:
        return await adapter.blob_store().get(document["blob"])
    except adapter.BlobsFailed as reason:
        raise Refused(503, "blobs", str(reason), retry_after_s=5) from None
