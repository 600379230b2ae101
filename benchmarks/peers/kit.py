"""What the Python adapters share: the verbs, the handlers, and how a worker tells what it has done. Runs in a peer's
own environment: standard library, and asyncpg for the handlers' transactions."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

Payload = dict[str, Any]
REPORT_S = 0.02
STOP_S = 15
CHUNK = 500
CELL_POOL = 10
INSERT_EDIT = "insert into bench_cell_edits (cell_id, after) values ($1, $2)"
INSERT_MARK = "insert into torture_marks (n, pid) values ($1, $2)"
LOOK_S = 0.02
UPDATE_CELL = "update bench_cells set content = $2, version = nextval('bench_version') where id = $1"


class Adapter(ABC):
    """One peer."""

    bulk = 1000  # jobs per call of its bulk API

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    @abstractmethod
    async def setup(self) -> None:
        """Its schema."""

    @abstractmethod
    def producing(self, connections: int) -> Any:
        """A context in which jobs can be enqueued over this many connections."""

    @abstractmethod
    async def enqueue(self, kind: str, payload: Payload) -> None:
        """One job, committed."""

    @abstractmethod
    async def enqueue_many(self, kind: str, payloads: Sequence[Payload]) -> None:
        """Jobs in bulk, committed."""

    @abstractmethod
    async def work(self, kind: str, handlers: Handlers, stop: asyncio.Event) -> None:
        """Runs a worker until it is told to stop."""

    @abstractmethod
    async def left(self) -> int:
        """Jobs that are not done."""


class Handlers:
    """What jobs do, and the count of those done."""

    def __init__(self, kind: str, pool: Any) -> None:
        self._kind, self._pool = kind, pool
        self.first = 0.0
        self.done = 0
        self.starts_ms: list[float] = []

    async def handle(self, payload: Payload) -> None:
        if not self.first:
            self.first = time.monotonic()
        if self._kind == "probe":
            self.starts_ms.append((time.monotonic() - payload["at"]) * 1000)
        elif self._kind == "audited":
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.execute(INSERT_EDIT, payload["cell_id"], payload["content"])
                await connection.execute(UPDATE_CELL, payload["cell_id"], payload["content"])
        elif self._kind == "marked":
            await self._mark(payload)
        self.done += 1

    async def _mark(self, payload: Payload) -> None:
        """A job of the torture suite: kills its process, takes its time, or waits in its first run until a file is
        there; then leaves a mark."""
        if payload.get("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep((payload.get("ms") or 0) / 1000)
        door = payload.get("door")
        if door and _is_first(f"{door}.{payload['n']}"):
            while not Path(door).exists():
                await asyncio.sleep(LOOK_S)
        await self._pool.execute(INSERT_MARK, payload["n"], os.getpid())


def _is_first(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def main(adapter: type[Adapter]) -> None:
    """The program: a verb, an address, options as JSON."""
    verb, dsn, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    made = adapter(dsn)
    verbs: dict[str, Callable[..., Awaitable[Payload]]] = {
        "single": _single,
        "steady": _steady,
        "probe": _probe,
        "load": _load,
        "work": _work,
        "left": _left,
        "mark": _enqueue_marked,
        "setup": _setup,
    }
    with suppress(ImportError):
        import uvloop

        uvloop.install()
    say(asyncio.run(_run(verbs[verb](made, **options))))


async def _run(work: Awaitable[Payload]) -> Payload:
    return await work


def say(line: Payload) -> None:
    print(json.dumps(line), flush=True)


async def _setup(adapter: Adapter) -> Payload:
    await adapter.setup()
    return {"set_up": True}


async def _left(adapter: Adapter) -> Payload:
    return {"left": await adapter.left()}


def payload_of(kind: str, n: int, rows: int) -> Payload:
    return {"cell_id": n % rows + 1, "content": f"v{n + 1}"} if kind == "audited" else {"n": n, "at": 0.0}


async def _load(adapter: Adapter, kind: str, count: int, rows: int) -> Payload:
    async with adapter.producing(1):
        payloads = [payload_of(kind, n, rows) for n in range(count)]
        began = time.monotonic()
        for at in range(0, count, adapter.bulk):
            await adapter.enqueue_many(kind, payloads[at : at + adapter.bulk])
        return {"count": count, "seconds": time.monotonic() - began}


async def _enqueue_marked(adapter: Adapter, first: int, count: int, payload: Payload) -> Payload:
    """Jobs of the torture suite, alike but for their numbers."""
    async with adapter.producing(1):
        await adapter.enqueue_many("marked", [{"n": first + n, **payload} for n in range(count)])
    return {"count": count}


async def _single(adapter: Adapter, connections: int, seconds: float) -> Payload:
    async with adapter.producing(connections):
        took: list[float] = []
        began = time.monotonic()

        async def insert() -> None:
            while (start := time.monotonic()) < began + seconds:
                await adapter.enqueue("noop", {"n": 1})
                took.append((time.monotonic() - start) * 1000)

        await asyncio.gather(*(insert() for _ in range(connections)))
        spent = time.monotonic() - began
    return {"count": len(took), "seconds": spent, "median_ms": sorted(took)[len(took) // 2]}


async def _steady(adapter: Adapter, kind: str, seconds: float, most: int) -> Payload:
    counts = Path(os.environ["BENCH_COUNT_FILE"])
    async with adapter.producing(1):
        began, count = time.monotonic(), 0
        say({"began": began})
        while time.monotonic() < began + seconds:
            done = int(counts.read_text(encoding="ascii") or 0) if counts.exists() else 0
            if most - (count - done) < CHUNK:
                await asyncio.sleep(0.002)
                continue
            await adapter.enqueue_many(kind, [payload_of(kind, count + n, 1) for n in range(CHUNK)])
            count += CHUNK
        return {"count": count, "seconds": time.monotonic() - began}


async def _probe(adapter: Adapter, count: int, spacing_s: float) -> Payload:
    async with adapter.producing(1):
        for n in range(count):
            at = time.monotonic()
            await adapter.enqueue("probe", {"n": n, "at": at})
            await asyncio.sleep(max(spacing_s - (time.monotonic() - at), 0.001))
    return {"count": count}


async def _work(adapter: Adapter, kind: str) -> Payload:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with _cell_pool(adapter.dsn, kind) as pool:
        handlers = Handlers(kind, pool)
        telling = asyncio.create_task(_tell(handlers, stop))
        limit = asyncio.create_task(_end_in_time(stop))
        await adapter.work(kind, handlers, stop)
        limit.cancel()
        stop.set()
        await telling
    return {"done": handlers.done, "at": time.monotonic(), "starts_ms": handlers.starts_ms}


async def _end_in_time(stop: asyncio.Event) -> None:
    """A worker that does not end after it was told to is ended: its server may be gone."""
    await stop.wait()
    signal.alarm(STOP_S)


async def _tell(handlers: Handlers, stop: asyncio.Event) -> None:
    """How many are done, every 20 ms, as a line for the harness and as a file for the producer."""
    told, parent = 0, os.getppid()
    counts = Path(os.environ["BENCH_COUNT_FILE"])
    while not stop.is_set():
        if handlers.done != told:
            told = handlers.done
            say({"first": handlers.first, "done": told, "at": time.monotonic()})
            counts.write_text(str(told), encoding="ascii")
        if os.getppid() != parent:
            os._exit(1)
        await asyncio.sleep(REPORT_S)


@asynccontextmanager
async def _cell_pool(dsn: str, kind: str) -> AsyncIterator[Any]:
    """The handlers' own connections. No reset query when one is given back: it would be a fifth round trip."""
    if kind not in {"audited", "marked"}:
        yield None
        return
    import asyncpg

    async with asyncpg.create_pool(dsn, min_size=CELL_POOL, max_size=CELL_POOL, reset=_no_reset) as pool:
        yield pool


async def _no_reset(_connection: Any) -> None:
    """Nothing is left behind on a handler's connection."""
