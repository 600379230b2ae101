"""pgqueuer: asyncpg, one QueueManager, batches of 500 (100 where handlers use the database), autovacuum tuned as its
documentation says, durability `durable`; bulk is `enqueue` of lists of 5,000."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from pgqueuer.db import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries

from benchmarks.peers.kit import Adapter, Handlers, Payload, main


class PgQueuer(Adapter):
    """pgqueuer behind the verbs."""

    bulk = 5000
    _queries: Any

    async def setup(self) -> None:
        connection = await asyncpg.connect(self.dsn)
        queries = Queries(AsyncpgDriver(connection))
        await queries.install()
        await queries.optimize_autovacuum()
        await connection.close()

    @asynccontextmanager
    async def producing(self, connections: int) -> AsyncIterator[None]:
        if connections == 1:
            connection = await asyncpg.connect(self.dsn)
            self._queries = Queries(AsyncpgDriver(connection))
            yield
            await connection.close()
            return
        async with asyncpg.create_pool(self.dsn, min_size=connections, max_size=connections) as pool:
            self._queries = Queries(AsyncpgPoolDriver(pool))
            yield

    async def enqueue(self, kind: str, payload: Payload) -> None:
        await self._queries.enqueue(kind, json.dumps(payload).encode())

    async def enqueue_many(self, kind: str, payloads: Sequence[Payload]) -> None:
        encoded: list[bytes | None] = [json.dumps(each).encode() for each in payloads]
        await self._queries.enqueue([kind] * len(encoded), encoded, [0] * len(encoded))

    async def work(self, kind: str, handlers: Handlers, stop: asyncio.Event) -> None:
        connection = await asyncpg.connect(self.dsn)
        manager = QueueManager(Queries(AsyncpgDriver(connection)))

        @manager.entrypoint(kind)  # type: ignore[untyped-decorator, unused-ignore]
        async def job(each: Job) -> None:
            await handlers.handle(json.loads(each.payload or b"{}"))

        options = {"batch_size": 100, "max_concurrent_tasks": 400} if kind == "audited" else {"batch_size": 500}
        running = asyncio.create_task(manager.run(**options))
        await stop.wait()
        manager.shutdown.set()
        await running
        await connection.close()

    async def left(self) -> int:
        connection = await asyncpg.connect(self.dsn)
        sizes = await Queries(AsyncpgDriver(connection)).queue_size()
        await connection.close()
        return sum(each.count for each in sizes)


if __name__ == "__main__":
    main(PgQueuer)
