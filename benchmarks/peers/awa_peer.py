"""awa-pg: queue storage, 1,024 permits (400 where handlers use the database), no per-attempt deadline, one completion
shard; bulk is `enqueue_many_copy` of 1,000."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.peers.kit import Adapter, Handlers, Payload, main

# Read when its library is loaded.
os.environ.setdefault("AWA_COMPLETION_SHARDS", "1")
os.environ.setdefault("AWA_COMPLETION_FLUSH_MS", "20")

import asyncpg
import awa

QUEUE = "bench"
PERMITS = 1024
CELL_PERMITS = 400


@dataclass
class Noop:
    """Nothing to do."""

    n: int
    at: float


@dataclass
class Probe:
    """When its producer began."""

    n: int
    at: float


@dataclass
class Audited:
    """A cell to write."""

    cell_id: int
    content: str


@dataclass
class Marked:
    """A job of the torture suite."""

    n: int
    ms: int = 0
    door: str | None = None
    die: bool = False


JOBS: dict[str, Any] = {"noop": Noop, "probe": Probe, "audited": Audited, "marked": Marked}


class Awa(Adapter):
    """awa-pg behind the verbs."""

    _client: Any

    def _made(self, connections: int) -> Any:
        # Its driver wants a host before it looks at ?host=, the folder of the socket.
        return awa.AsyncClient(self.dsn.replace("@/", "@localhost/"), max_connections=connections)

    async def setup(self) -> None:
        client = self._made(4)
        await client.migrate()
        await client.install_queue_storage()
        await client.close()

    @asynccontextmanager
    async def producing(self, connections: int) -> AsyncIterator[None]:
        self._client = self._made(connections)
        yield
        await self._client.close()

    def _job(self, kind: str, payload: Payload) -> Any:
        return JOBS[kind](**({"at": 0.0, **payload} if kind == "noop" else payload))

    async def enqueue(self, kind: str, payload: Payload) -> None:
        await self._client.insert(self._job(kind, payload), queue=QUEUE)

    async def enqueue_many(self, kind: str, payloads: Sequence[Payload]) -> None:
        await self._client.enqueue_many_copy([self._job(kind, each) for each in payloads], queue=QUEUE)

    async def work(self, kind: str, handlers: Handlers, stop: asyncio.Event) -> None:
        client = self._made(10)

        @client.task(JOBS[kind], queue=QUEUE)  # type: ignore[untyped-decorator, unused-ignore]
        async def job(each: Any) -> None:
            await handlers.handle(vars(each.args))

        permits = CELL_PERMITS if kind == "audited" else PERMITS
        await client.start([{"name": QUEUE, "max_workers": permits, "deadline_duration_ms": 0}])
        await stop.wait()
        await client.shutdown(2_000)
        await client.close()

    async def left(self) -> int:
        """Without statistics its count takes minutes for 30,000 jobs; the measured part is over by now."""
        connection = await asyncpg.connect(self.dsn)
        await connection.execute("analyze")
        await connection.close()
        self.dsn += "&options=-c%20enable_nestloop%3Doff"
        client = self._made(2)
        stats = await client.queue_stats()
        await client.close()
        return sum(each.total_queued for each in stats if each.queue == QUEUE)


if __name__ == "__main__":
    main(Awa)
