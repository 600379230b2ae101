"""The only room of this domain that touches the outside: the blob store, and the processes that read files."""

from __future__ import annotations

from typing import Final

import orjson

from core.outside import Aside, AsideFailed, Blob, BlobsFailed, blob_store, storing
from workers.reports.model import About, Parsed

LARGEST_FILE: Final = 40_000_000  # bytes; indexing that many takes a third of what a commit may take

__all__ = ["LARGEST_FILE", "AsideFailed", "Blob", "BlobsFailed", "get", "keep", "off", "read"]

READER: Final = Aside("workers.reports.asides.files:read", limit_s=120.0, memory_bytes=3 << 30, children=2)


def off() -> str | None:
    """Why nothing is stored on this installation; None where it is (D2.8)."""
    return storing()


async def keep(data: bytes) -> Blob:
    """Puts bytes into the blob store; they were read back when it returns. Raises BlobsFailed."""
    return await blob_store().keep(data)


async def get(path: str) -> bytes:
    """The bytes of a blob. Raises BlobsFailed."""
    return await blob_store().get(path)


async def read(data: bytes, about: About) -> Parsed:
    """What a file holds. Raises AsideFailed."""
    told = orjson.dumps(about.model_dump(mode="json"))
    return Parsed.model_validate_json(await READER.call(told + b"\n" + data))
