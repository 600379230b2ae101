"""PDFs, read and drawn in processes aside. Raises the sentences of core.outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from core.outside import Aside

MEMORY: Final = 512 << 20
READER: Final = Aside("workers.work_orders.asides.pdf:read", limit_s=20.0, memory_bytes=MEMORY, children=2)
DRAWER: Final = Aside("workers.work_orders.asides.pdf:draw", limit_s=10.0, memory_bytes=MEMORY, children=1)


async def read_pdf(data: bytes, profiles: Sequence[tuple[Any, int]], sender: str | None) -> dict[str, Any]:
    """What the fitting one of these profiles reads. Raises AsideFailed."""
    asked = orjson.dumps({"profiles": list(profiles), "sender": sender})
    told: dict[str, Any] = orjson.loads(await READER.call(asked + b"\n" + data))
    return told


async def draw_page(data: bytes, page: int, boxes: Sequence[Sequence[float]]) -> bytes:
    """A PNG of the page with these boxes outlined. Raises AsideFailed."""
    return await DRAWER.call(orjson.dumps({"page": page, "boxes": list(boxes)}) + b"\n" + data)
