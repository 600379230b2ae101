"""How long a person waits for an edit: POST of one cell over HTTP, one after the other, on the version before."""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import aiohttp

from core.db.connect import Connection
from core.errors import RowmillError
from core.people import tokens
from core.settings import Settings
from core.web.serve import served
from demo.stage import QUERIES, Stage

LIMIT: Final = aiohttp.ClientTimeout(total=30)
WARM_UP: Final = 5


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from the request to its answer."""

    edits: int
    p50_ms: float
    p99_ms: float


async def measure(connection: Connection, dsn: str, stage: Stage, row: int, edits: int) -> Latency:
    """Serves the API for as long as it takes, and edits the sheet that is there for this."""
    settings = Settings().model_copy(update={"domains": ("workers.spreadsheets",), "web_rate": 1000.0})
    (column,) = await QUERIES["column"].fetch(connection, spreadsheet_id=stage.by_hand_id, title="Text")
    async with served(dsn, settings, "127.0.0.1", 0) as site:
        token = await tokens.create(connection, "demo@rowmill.invalid", "operate", life_s=600)
        return await measure_edits(
            site.url, token.secret, stage.by_hand_id, column["id"], row=row, edits=edits, pause_s=0.01
        )


async def measure_edits(
    url: str, token: str, spreadsheet_id: UUID, column_id: UUID, *, row: int, edits: int = 100, pause_s: float = 0.055
) -> Latency:
    """Edits one cell again and again; `pause_s` keeps below the API's default rate of one token.

    Raises RowmillError when an edit is refused.
    """
    path = f"{url}/api/spreadsheets/{spreadsheet_id}/cells"
    headers = {"Authorization": f"Bearer {token}"}
    took: list[float] = []
    async with aiohttp.ClientSession(timeout=LIMIT, headers=headers) as session:
        version = await _version(session, path, column_id, row)
        for number in range(WARM_UP + edits):
            edit = {"row": row, "column_id": str(column_id), "content": f"edit {number}", "version": version}
            begun = time.perf_counter()
            answer = await _answered(await session.post(path, json={"edits": [edit]}, headers=_key()))
            took.append((time.perf_counter() - begun) * 1000)
            version = answer["cells"][0]["version"]
            await asyncio.sleep(pause_s)
    return _latency(took[WARM_UP:])


def _latency(took: list[float]) -> Latency:
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return Latency(len(took), cuts[49], cuts[98])


async def _version(session: aiohttp.ClientSession, path: str, column_id: UUID, row: int) -> int:
    query = {"first": str(row), "last": str(row), "column": str(column_id)}
    cells = (await _answered(await session.get(path, params=query)))["cells"]
    return int(cells[0]["version"]) if cells else 0


async def _answered(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    async with answer:
        body: dict[str, Any] = await answer.json()
        if not answer.ok:
            raise RowmillError(f"the API refused an edit: {body['error']['message']}")
        return body


def _key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}
