"""Ingestion: bytes into the blob store, then one command. The same bytes again answer the same and are not new."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any
from uuid import UUID, uuid5

from core.web import Ask, Call, Nothing, Refused, Upload, route
from workers.work_orders import adapter
from workers.work_orders.http.answers import IngestedLetter, IngestedOrder, IngestedSigned
from workers.work_orders.http.models import UPLOAD_BYTES, UPLOAD_S, Letter, OrderParameters, SignedParameters
from workers.work_orders.http.seeing import workspace
from workers.work_orders.model import IngestOrder, IngestSigned


@route(
    *("POST", "/api/work-orders/ingest"),
    scope="operate",
    refuses=(404,),
    upload=True,
    body_bytes=UPLOAD_BYTES,
    time_limit_s=UPLOAD_S,
)
async def ingest_order(call: Call[Nothing, OrderParameters]) -> IngestedOrder:
    """Takes a work order's PDF. Without parsed fields a worker reads it; ask for the order to see when it has."""
    body, file = call.body, _file(call)
    metadata = {"filename": file.name, **body.source_metadata}
    return await _order(call, body, file.content, body.source_type, metadata, body.parsed_work_order)


@route(
    *("POST", "/api/signed/ingest"),
    scope="operate",
    refuses=(404,),
    upload=True,
    body_bytes=UPLOAD_BYTES,
    time_limit_s=UPLOAD_S,
)
async def ingest_signed(call: Call[Nothing, SignedParameters]) -> IngestedSigned:
    """Takes a signed document and matches it with the one order of its number."""
    body, file = call.body, _file(call)
    return await _signed(call, body, file.content, body.source_type, {"filename": file.name, **body.source_metadata})


@route(
    *("POST", "/api/work-orders/letters"),
    scope="operate",
    refuses=(404,),
    upload=True,
    body_bytes=UPLOAD_BYTES,
    time_limit_s=UPLOAD_S,
)
async def ingest_letter(call: Call[Nothing, Letter]) -> IngestedLetter:
    """Takes the PDFs attached to an .eml message; its id, subject and file names are kept with them."""
    try:
        found = await asyncio.to_thread(adapter.attachments, _file(call).content)
    except adapter.NoLetter as reason:
        raise Refused(422, "no_letter", str(reason), field="file") from None
    if call.body.kind == "signed":
        where = SignedParameters(workspace_id=call.body.workspace_id, spreadsheet_id=call.body.spreadsheet_id)
        signed = [await _signed(call, where, each.data, "GMAIL", each.metadata, at) for at, each in enumerate(found)]
        return IngestedLetter(signed_documents=signed)
    order = OrderParameters(workspace_id=call.body.workspace_id, spreadsheet_id=call.body.spreadsheet_id)
    made = [await _order(call, order, each.data, "GMAIL", each.metadata, None, at) for at, each in enumerate(found)]
    return IngestedLetter(work_orders=made)


def _file(call: Call[Any, Any]) -> Upload:
    if call.upload is None or not call.upload.content:
        raise Refused(422, "empty", "the file is empty; send its bytes", field="file")
    return call.upload


async def _kept(data: bytes) -> Any:
    try:
        return await adapter.blob_store().keep(data)
    except adapter.BlobsFailed as reason:
        raise Refused(503, "blobs", str(reason), retry_after_s=5) from None


async def _order(
    call: Call[Any, Any],
    body: OrderParameters,
    data: bytes,
    source_type: str,
    metadata: dict[str, Any],
    fields: dict[str, Any] | None,
    at: int = 0,
) -> IngestedOrder:
    workspace_id, blob = await workspace(call, body), await _kept(data)
    effect = IngestOrder(workspace_id, blob.sha256, blob.path, blob.size, source_type, metadata, fields)
    row = await _applied(call, "work_orders.ingest", effect, "http_answer_order", data, at)
    return IngestedOrder(**row)


async def _signed(
    call: Call[Any, Any],
    body: SignedParameters,
    data: bytes,
    source_type: str,
    metadata: dict[str, Any],
    at: int = 0,
) -> IngestedSigned:
    workspace_id, blob = await workspace(call, body), await _kept(data)
    effect = IngestSigned(
        *(workspace_id, blob.sha256, blob.path, blob.size, source_type, metadata),
        body.fm_key,
        body.work_order_number,
        body.extraction_result,
        body.signed_pdf_url,
        body.signed_preview_image_url,
    )
    row = await _applied(call, "work_orders.ingest_signed", effect, "http_answer_signed", data, at)
    return IngestedSigned(**row)


async def _applied(
    call: Call[Any, Any], kind: str, effect: IngestOrder | IngestSigned, answer: str, data: bytes, at: int
) -> dict[str, Any]:
    """The first PDF of a request has its idempotency key, further ones keys made of it."""
    key = call.command_id if at == 0 else uuid5(call.command_id, str(at))
    ask = Ask(answer, {"workspace_id": effect.workspace_id, "file_hash": effect.file_hash, "command_id": key})
    told = (call.body.model_dump(mode="json"), hashlib.sha256(data).hexdigest())
    answered = await call.apply(kind, [effect], workspace_id=effect.workspace_id, content=told, ask=ask, command_id=key)
    found = dict(answered.rows[0])
    return {name: UUID(value) if name.endswith("_id") and value else value for name, value in found.items()}
