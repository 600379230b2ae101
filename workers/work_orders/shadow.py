"""Shadow writes: an existing application hands its documents over after its own flow. What goes wrong here is logged
and tried again, and never breaks the caller.

`ingest_work_order`, `ingest_signed` and `get_or_create_workspace` take the caller's own asyncpg connection. `Shadow`
takes whatever sends (these, or a request over HTTP) and keeps each call in a folder until it has been answered.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import os
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

from workers.work_orders.adapter import blob_store

LIMIT_S: Final = 30.0
UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
log: Final = logging.getLogger("work_orders.shadow")


class Connection(Protocol):
    """As much of asyncpg's connection or pool as is needed."""

    async def fetchrow(self, query: str, *values: Any) -> Any: ...

    async def fetchval(self, query: str, *values: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class IngestedWorkOrder:
    """What ingestion answers."""

    work_order_id: UUID
    is_new: bool


@dataclass(frozen=True, slots=True)
class IngestedSigned:
    """The same of a signed document."""

    signed_document_id: UUID
    is_new: bool
    matched_work_order_id: UUID | None


async def get_or_create_workspace(connection: Connection, spreadsheet_id: str, user_id: str) -> UUID:
    """The workspace of a spreadsheet; of many callers at once one makes it. The user is known by id, external id or
    e-mail address."""
    found: UUID = await connection.fetchval("select get_or_create_workspace($1, $2)", spreadsheet_id, user_id)
    return found


async def ingest_work_order(
    connection: Connection,
    workspace_id: UUID,
    pdf: bytes,
    *,
    parsed_work_order: Mapping[str, Any] | None = None,
    source_type: str = "API",
    source_metadata: Mapping[str, Any] | None = None,
) -> IngestedWorkOrder:
    """Keeps the bytes, then registers them. With a parsed work order nothing is read by us. Idempotent by the bytes."""
    kept = await blob_store().keep(pdf)
    row = await connection.fetchrow(
        "select * from ingest_work_order($1, $2, $3, $4, $5, $6, $7)",
        *(workspace_id, kept.sha256, kept.path, kept.size, source_type, _document(source_metadata or {})),
        _document(parsed_work_order),
    )
    return IngestedWorkOrder(row["work_order_id"], row["is_new"])


async def ingest_signed(  # noqa: PLR0913 - the documented parameters
    connection: Connection,
    workspace_id: UUID,
    pdf: bytes,
    *,
    signed_pdf_url: str | None = None,
    signed_preview_image_url: str | None = None,
    fm_key: str | None = None,
    extraction_result: Mapping[str, Any] | None = None,
    work_order_number: str | None = None,
    source_type: str = "API",
    source_metadata: Mapping[str, Any] | None = None,
) -> IngestedSigned:
    """The same of a signed document."""
    kept = await blob_store().keep(pdf)
    row = await connection.fetchrow(
        "select * from ingest_signed($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        *(workspace_id, kept.sha256, kept.path, kept.size, source_type, _document(source_metadata or {})),
        *(fm_key, work_order_number, _document(extraction_result), signed_pdf_url, signed_preview_image_url),
    )
    return IngestedSigned(row["signed_document_id"], row["is_new"], row["matched_work_order_id"])


def _document(given: Mapping[str, Any] | None) -> str | None:
    return None if given is None else json.dumps(_storable(dict(given)), default=str)


def _storable(value: Any) -> Any:
    """As PostgreSQL can hold it: other programs read PDFs too, and find NULs and halves of pairs in them."""
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {_storable(str(name)): _storable(each) for name, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, (list, tuple)) else value


Send = Callable[[str, Mapping[str, Any], bytes], Awaitable[Any]]  # kind, parameters, the PDF


class Shadow:
    """Calls `send`, and nothing of what it raises gets out. A call is kept in `folder` until it is answered; it may be
    sent more than once, which changes nothing."""

    def __init__(self, folder: Path, send: Send, *, limit_s: float = LIMIT_S) -> None:
        self._folder, self._send, self._limit_s = folder, send, limit_s

    async def write(self, kind: str, parameters: Mapping[str, Any], pdf: bytes) -> Any:
        """The answer, or None: then it is logged, and `retry` sends it again."""
        try:
            kept = await asyncio.to_thread(self._keep, kind, parameters, pdf)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller's own flow goes on
            log.error("a shadow write of %s cannot be kept (%s)", kind, error)  # noqa: TRY400 - one line
            kept = None
        return await self._sent(kept, kind, parameters, pdf)

    async def retry(self) -> int:
        """Sends what was not answered, the oldest first. How many calls are left."""
        waiting = sorted(self._folder.glob("*.json"), key=_written_at)
        for file in waiting:
            try:
                call = json.loads(await asyncio.to_thread(file.read_text, encoding="utf-8"))
                kept = call["kind"], call["parameters"], base64.b64decode(call["pdf"])
            except FileNotFoundError:
                continue  # it has been answered meanwhile
            except Exception as error:  # noqa: BLE001 - the others are sent all the same
                log.error("the kept call %s cannot be read (%s); look at it, then remove it", file, error)  # noqa: TRY400
                continue
            await self._sent(file, *kept)
        return sum(file.exists() for file in waiting)

    async def _sent(self, kept: Path | None, kind: str, parameters: Mapping[str, Any], pdf: bytes) -> Any:
        try:
            async with asyncio.timeout(self._limit_s):
                answer = await self._send(kind, parameters, pdf)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller's own flow goes on
            why = str(error) or type(error).__name__
            log.warning("a shadow write of %s failed, it is tried again later: %s", kind, why)
            return None
        if kept is not None:
            with contextlib.suppress(OSError):
                kept.unlink(missing_ok=True)
        return answer

    def _keep(self, kind: str, parameters: Mapping[str, Any], pdf: bytes) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"{secrets.token_hex(16)}.json"
        draft = file.with_suffix(".draft")
        call = {"kind": kind, "parameters": dict(parameters), "pdf": base64.b64encode(pdf).decode()}
        with draft.open("w", encoding="utf-8") as stream:
            json.dump(call, stream, default=str)
            stream.flush()
            os.fsync(stream.fileno())
        return draft.replace(file)


def _written_at(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
