"""procrastinate: psycopg pool of 10, concurrency 20, LISTEN/NOTIFY on; bulk is `batch_defer_async` of 1,000."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import procrastinate

from benchmarks.peers.kit import Adapter, Handlers, Payload, main

POOL = 10
CONCURRENCY = 20


class Procrastinate(Adapter):
    """procrastinate behind the verbs."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn)
        self._app = self._made(POOL)

    def _made(self, pool: int) -> Any:
        connector = procrastinate.PsycopgConnector(conninfo=self.dsn, min_size=1, max_size=pool)
        return procrastinate.App(connector=connector)

    async def setup(self) -> None:
        async with self._app.open_async():
            await self._app.schema_manager.apply_schema_async()

    @asynccontextmanager
    async def producing(self, connections: int) -> AsyncIterator[None]:
        self._app = self._made(max(connections, 2))
        async with self._app.open_async():
            yield

    def _deferrer(self, kind: str) -> Any:
        return self._app.configure_task(name=kind, queue="bench")

    async def enqueue(self, kind: str, payload: Payload) -> None:
        await self._deferrer(kind).defer_async(payload=payload)

    async def enqueue_many(self, kind: str, payloads: Sequence[Payload]) -> None:
        await self._deferrer(kind).batch_defer_async(*({"payload": each} for each in payloads))

    async def work(self, kind: str, handlers: Handlers, stop: asyncio.Event) -> None:
        @self._app.task(name=kind, queue="bench")  # type: ignore[untyped-decorator, unused-ignore]
        async def job(payload: Payload) -> None:
            await handlers.handle(payload)

        if kind == "marked":
            self._rescue()
        async with self._app.open_async():
            worker = asyncio.create_task(
                self._app.run_worker_async(
                    concurrency=CONCURRENCY, install_signal_handlers=False, shutdown_graceful_timeout=10
                )
            )
            await stop.wait()
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    def _rescue(self) -> None:
        """Jobs of dead workers run again, as its documentation has it; looked for more often than there."""

        @self._app.periodic(cron="* * * * * */10")  # type: ignore[untyped-decorator, unused-ignore]
        @self._app.task(queueing_lock="retry_stalled_jobs", queue="bench")  # type: ignore[untyped-decorator, unused-ignore]
        async def retry_stalled_jobs(timestamp: int) -> None:  # noqa: ARG001 - its signature
            for job in await self._app.job_manager.get_stalled_jobs():
                await self._app.job_manager.retry_job(job)

    async def left(self) -> int:
        async with self._app.open_async():
            jobs = await self._app.job_manager.list_jobs_async()
        return sum(1 for each in jobs if each.status != "succeeded")


if __name__ == "__main__":
    main(Procrastinate)
