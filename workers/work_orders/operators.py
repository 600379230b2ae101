"""Thin: read, ask the outside, return what is to be written. What is to be decided is decided in `rules`."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any
from uuid import UUID

import orjson

from core import Backoff, Cancel, Done, Outcome, Retry, Row, Task, operator
from workers.work_orders import adapter
from workers.work_orders.model import ReadSigned, ReadSource
from workers.work_orders.rules import decisions

PATIENT = Backoff(base_s=2.0, limit_s=300.0)  # with the blob store


@operator(decisions.READ, payload=ReadSource, concurrency=4, retry=PATIENT, max_attempts=5, run_timeout_s=120)
async def read(task: Task[ReadSource]) -> Outcome:
    """Reads a work order's PDF by its facility manager's profile. What cannot be read is a question for a person."""
    found = await task.read("source_to_read", task.payload.source_id)
    if not found:
        return Cancel("there is no such source")
    told = await _told(task, found[0])
    if isinstance(told, Retry):
        return told
    effect = decisions.recorded(task.payload.source_id, *told)
    return Done([effect], output={"outcome": effect.outcome, "fm_key": effect.fm_key})


@operator(decisions.READ_SIGNED, payload=ReadSigned, concurrency=4, retry=PATIENT, max_attempts=5, run_timeout_s=120)
async def read_signed(task: Task[ReadSigned]) -> Outcome:
    """Reads the number of a signed document; matching follows in the same commit."""
    found = await task.read("signed_to_read", task.payload.signed_document_id)
    if not found:
        return Cancel("there is no such signed document")
    told = await _told(task, found[0])
    if isinstance(told, Retry):
        return told
    effect = decisions.recorded_signed(task.payload.signed_document_id, *told)
    return Done([effect], output={"outcome": effect.outcome, "work_order_number": effect.work_order_number})


async def _told(task: Task[Any], document: Row) -> tuple[dict[str, Any], int] | Retry:
    """What was read from a document's bytes, and how many milliseconds it took."""
    try:
        data = await adapter.blobs().get(document["blob"])
    except adapter.BlobsFailed as reason:
        return Retry(str(reason))
    known = await profiles(task, document["workspace_id"])
    begun = monotonic()
    try:
        told = await adapter.read_pdf(data, known, document["sender"])
    except adapter.AsideFailed as reason:
        told = decisions.failed(f"the PDF cannot be read: {reason}")
    return told, int((monotonic() - begun) * 1000)


async def profiles(task: Task[Any], workspace_id: UUID) -> Sequence[tuple[Any, int]]:
    """The workspace's profiles with their versions."""
    rows = await task.read("profiles_of", workspace_id)
    return [(orjson.loads(row["profile"]), row["profile_version"]) for row in rows]
