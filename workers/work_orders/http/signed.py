"""Signed documents: one with how it was read, its PDF, a page of it, and the order it belongs to."""

from __future__ import annotations

from typing import Any

from core.web import Call, Nothing, StreamResponse, absent, route
from workers.work_orders.http.answers import Done, SignedDocument
from workers.work_orders.http.models import AskedId, AskedSignedPage, Match
from workers.work_orders.http.seeing import page_of, pdf_of, shown
from workers.work_orders.model import MatchSigned

DOCUMENTS = ("source_metadata", "extraction_result", "fields", "warnings")


@route("GET", "/api/signed/documents/{id}", scope="read", refuses=(404,))
async def read_signed(call: Call[AskedId, Nothing]) -> SignedDocument:
    """One signed document: its order or why it has none, and how it was read."""
    return SignedDocument(**shown(await _seen(call, call.asked), *DOCUMENTS))


@route("GET", "/api/signed/documents/{id}/pdf", scope="read", refuses=(404,), media="application/pdf")
async def read_signed_pdf(call: Call[AskedId, Nothing]) -> StreamResponse:
    """The original PDF, as it came."""
    return await pdf_of(await _seen(call, call.asked))


@route("GET", "/api/signed/documents/{id}/boxes", scope="read", refuses=(404, 422), media="image/png", time_limit_s=20)
async def read_signed_boxes(call: Call[AskedSignedPage, Nothing]) -> StreamResponse:
    """A page of the PDF as an image, with the fields that were read outlined."""
    return await page_of(await _seen(call, call.asked), call.asked.page)


@route("POST", "/api/signed/{id}/match", scope="operate", refuses=(404, 409))
async def match_signed(call: Call[AskedId, Match]) -> Done:
    """Says which work order a signed document belongs to."""
    rows = await call.read("http_signed", id=call.asked.id)
    if not rows:
        raise absent("signed document")
    call.need_workspace(rows[0]["workspace_id"], "signed document")
    effect = MatchSigned(call.asked.id, call.body.work_order_id, call.body.replace)
    await call.apply("work_orders.match", [effect], workspace_id=rows[0]["workspace_id"])
    return Done(id=call.asked.id)


async def _seen(call: Call[Any, Any], asked: AskedId) -> Any:
    rows = await call.read("http_signed_document", id=asked.id, workspaces=call.actor.visible)
    if not rows:
        raise absent("signed document")
    return rows[0]
