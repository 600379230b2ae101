"""How soon a change is on a live client, how fast the first sync is, how many live clients a web process holds."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import aiohttp

from benchmarks.turns.ground import Figures, Ground, database, ground, quantile

WRITES = 200
PAUSE_S = 0.05


class Live:
    """A client that only listens; `seen` is when each text came."""

    def __init__(self, on: Ground, session: aiohttp.ClientSession) -> None:
        self._url, self._session = f"{on.web.url}/v1/shape", session
        self._headers = {"Authorization": f"Bearer {on.token}"}
        self._query = {"table": "turns", "columns": '"id","wo_number","version"'}
        self.handle, self.offset = "", "-1"
        self.seen: dict[str, float] = {}
        self.is_live = asyncio.Event()

    async def step(self, *, live: bool) -> bool:
        query = {**self._query, "offset": self.offset}
        query |= {"handle": self.handle} if self.handle else {}
        query |= {"live": "true"} if live else {}
        async with self._session.get(self._url, params=query, headers=self._headers) as answer:
            body = await answer.read()
            now = time.perf_counter()
            if answer.status != 200:  # noqa: PLR2004 - OK
                raise RuntimeError(f"{answer.status}: {body[:200]!r}")
            self.handle, self.offset = answer.headers["electric-handle"], answer.headers["electric-offset"]
        for message in json.loads(body) if live else ():
            text = message.get("value", {}).get("wo_number")
            if text is not None:
                self.seen.setdefault(text, now)
        return "electric-up-to-date" in answer.headers

    async def run(self) -> None:
        while not await self.step(live=False):
            pass
        self.is_live.set()
        while True:
            await self.step(live=True)


def latency(folder: Path, clients: int) -> Figures:
    folder.mkdir(parents=True, exist_ok=True)
    with database("figures_turns_latency") as dsn:
        return asyncio.run(_latency(dsn, folder, clients))


async def _latency(dsn: str, folder: Path, clients: int) -> Figures:
    async with ground(dsn, folder) as on, _session() as session:
        await on.fill(100)
        ids = [row["id"] for row in await on.db.fetch("select id from turns")]
        listening = [Live(on, session) for _ in range(clients)]
        running = [asyncio.create_task(each.run()) for each in listening]
        await asyncio.gather(*(each.is_live.wait() for each in listening))
        committed: dict[str, float] = {}
        for at in range(WRITES):
            text = f"L-{at}"
            await on.db.execute("update turns set wo_number = $2 where id = $1", ids[at % len(ids)], text)
            committed[text] = time.perf_counter()
            await asyncio.sleep(PAUSE_S)
        await asyncio.sleep(1)
        await _end(running)
        taken = [
            1000 * (each.seen[text] - at) for each in listening for text, at in committed.items() if text in each.seen
        ]
        missed = clients * WRITES - len(taken)
    return {
        "live_clients": clients,
        "changes": WRITES,
        "p50_ms": round(quantile(taken, 0.5), 1),
        "p99_ms": round(quantile(taken, 0.99), 1),
        "max_ms": round(max(taken), 1),
        "missed": missed,
    }


def initial(folder: Path, rows: int) -> Figures:
    folder.mkdir(parents=True, exist_ok=True)
    with database("figures_turns_initial") as dsn:
        return asyncio.run(_initial(dsn, folder, rows))


async def _initial(dsn: str, folder: Path, rows: int) -> Figures:
    async with ground(dsn, folder, ROWMILL_STATEMENT_TIMEOUT_S="600", ROWMILL_WEB_TIME_LIMIT_S="600") as on:
        await on.fill(rows)
        first = await _whole(on)
        again = await _whole(on)
        copied_bytes, begun = 0, time.perf_counter()

        async def sink(data: bytes) -> None:
            nonlocal copied_bytes
            copied_bytes += len(data)

        await on.db.copy_from_query("select * from turns where is_active", output=sink, timeout=600)
        copy_s = time.perf_counter() - begun
    return {
        "rows": rows,
        "megabytes": round(first[2] / 1e6, 1),
        "first_client_s": round(first[0], 2),
        "first_client_rows_per_s": round(rows / first[0]),
        "next_client_s": round(again[0], 2),
        "next_client_rows_per_s": round(rows / again[0]),
        "requests": first[1],
        "copy_s": round(copy_s, 2),
        "copy_rows_per_s": round(rows / copy_s),
        "copy_megabytes": round(copied_bytes / 1e6, 1),
    }


async def _whole(on: Ground) -> tuple[float, int, int]:
    """Seconds, requests and bytes from nothing to up-to-date, all columns."""
    headers = {"Authorization": f"Bearer {on.token}"}
    begun, requests, size = time.perf_counter(), 0, 0
    query = {"table": "turns", "offset": "-1"}
    async with _session() as session:
        while True:
            async with session.get(f"{on.web.url}/v1/shape", params=query, headers=headers) as answer:
                size += len(await answer.read())
                requests += 1
                if answer.status != 200:  # noqa: PLR2004 - OK
                    raise RuntimeError(f"the server answered {answer.status}")
                if "electric-up-to-date" in answer.headers:
                    return time.perf_counter() - begun, requests, size
                query |= {"offset": answer.headers["electric-offset"], "handle": answer.headers["electric-handle"]}


def many(folder: Path, clients: int) -> Figures:
    folder.mkdir(parents=True, exist_ok=True)
    with database("figures_turns_live") as dsn:
        return asyncio.run(_many(dsn, folder, clients))


async def _many(dsn: str, folder: Path, clients: int) -> Figures:
    async with ground(dsn, folder) as on, _session() as session:
        await on.fill(100)
        turn = await on.db.fetchval("select id from turns limit 1")
        first = Live(on, session)
        while not await first.step(live=False):
            pass
        before_mb = on.web.memory_mb
        listening = [Live(on, session) for _ in range(clients)]
        for each in listening:
            each.handle, each.offset = first.handle, first.offset
        running = [asyncio.create_task(each.step(live=True)) for each in listening]
        await asyncio.sleep(5)
        held_mb = on.web.memory_mb
        waiting = sum(not each.done() for each in running)
        await on.db.execute("update turns set wo_number = 'to all' where id = $1", turn)
        committed = time.perf_counter()
        await asyncio.gather(*running, return_exceptions=True)
        taken = [1000 * (each.seen["to all"] - committed) for each in listening if "to all" in each.seen]
        after_mb = on.web.memory_mb
    return {
        "live_clients": waiting,
        "memory_before_mb": round(before_mb, 1),
        "memory_held_mb": round(held_mb, 1),
        "kb_per_client": round((held_mb - before_mb) * 1024 / max(1, waiting), 1),
        "memory_after_mb": round(after_mb, 1),
        "reached": len(taken),
        "p50_ms": round(quantile(taken, 0.5), 1) if taken else None,
        "p99_ms": round(quantile(taken, 0.99), 1) if taken else None,
    }


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=600), read_bufsize=2**20
    )


async def _end(running: list[asyncio.Task[None]]) -> None:
    for each in running:
        each.cancel()
    await asyncio.gather(*running, return_exceptions=True)
