"""/readyz: whether this process can work. /metrics: what Prometheus reads. Both need a token, as everything but
/healthz does."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from core.db import catalogs
from core.db.migrate import UnknownRevision, pending
from core.web.call import Call
from core.web.model import Model, Nothing
from core.web.refusals import Refused
from core.web.routes import route

SHOWN: Final = 5  # revisions named in a sentence


class Ready(Model):
    """`workers` is how many live; without any the API still answers."""

    ready: bool
    workers: int


@route("GET", "/readyz", scope="read")
async def readyz(call: Call[Nothing, Nothing]) -> Ready:
    """Whether the database answers and has all that this version needs."""
    async with call.connection() as connection:
        rows = await catalogs.web()["heads"].fetch(connection)
    heads = frozenset(row["version_num"] for row in rows)
    if heads not in call.shell.known_heads:
        await _check(call)
        call.shell.known_heads.add(heads)
    return Ready(ready=True, workers=rows[0]["workers"])


async def _check(call: Call[Nothing, Nothing]) -> None:
    """Slow, so only for a state that was not seen before. A database that is newer than this code is fine."""
    try:
        missing = await pending(call.shell.address, call.shell.domains)
    except UnknownRevision:
        return
    if missing:
        lacks = ", ".join(missing[:SHOWN])
        raise Refused(503, "not_migrated", f"the database lacks {lacks}; run `rowmill migrate`", retry_after_s=5)


@route("GET", "/metrics", scope="read", media="text/plain")
async def metrics(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Metrics in the text format of Prometheus."""
    await call.shell.snapshot.refresh(call.shell.pool)
    body = generate_latest(call.shell.meters.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
