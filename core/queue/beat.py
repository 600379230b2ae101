"""The heartbeat of a process: its lease, its claims, and the watchdog that ends it when its loop is blocked."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import random
import socket
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

import asyncpg

from core import log
from core.db import catalogs
from core.db.connect import TROUBLE, Connection, close, connect
from core.queue.pool import Pool
from core.settings import Settings

FRESH_PART: Final = 0.7  # of the lease: older than this, no claims
ABSENCE_PART: Final = 0.5  # of the lease: an outage this short leaves everybody who lives the time to beat again
TRY_PART: Final = 1 / 3  # of the lease: the limit of one try to beat
RETRY_S: Final = 0.5  # after a beat that failed: who is late with his beats can neither claim nor reap


class Beat:
    """Tells the database that this process lives, and hears what the database says it owns."""

    def __init__(
        self, dsn: str, settings: Settings, worker_id: str, code_version: str, on_drain: Callable[[], None]
    ) -> None:
        self._dsn, self._settings, self.worker_id, self._code_version = dsn, settings, worker_id, code_version
        self._on_drain = on_drain
        self._soon = asyncio.Event()
        self._connection: Connection | None = None
        self._last = float("-inf")
        self.reaps_from = float("inf")  # loop time
        self.draining = False
        self.woken_by = "bells"
        self._log = log.get("beat")

    def fresh(self) -> bool:
        """Whether the lease is young enough to claim. By this process's clock; only the database decides expiry."""
        return asyncio.get_running_loop().time() - self._last <= FRESH_PART * self._settings.lease_s

    def may_reap(self) -> bool:
        """Whether this process may say that others are gone. Whoever was away himself, because of the database or
        because he was stopped, cannot tell. A short outage ends no lease of those who live, and orphans shall not wait
        for another lease after each."""
        now = asyncio.get_running_loop().time()
        return not self._was_away(now) and now >= self.reaps_from

    def _was_away(self, now: float) -> bool:
        return now - self._last > ABSENCE_PART * self._settings.lease_s

    def _others_need_s(self, now: float, server_up_s: float) -> float:
        """How long those who live may take to beat again. Where the server itself was away, and where this process has
        just begun, all have been trying: a try that hangs, the longest pause, and as much again as between two
        beats."""
        lease_s = self._settings.lease_s
        if server_up_s < now - self._last:
            return min(lease_s * TRY_PART + 2 * RETRY_S + self._settings.heartbeat_s, lease_s)
        return lease_s

    def drains(self) -> None:
        """Tells the database now and not with the next beat: somebody may be waiting for the answer."""
        self.draining = True
        self._soon.set()

    async def first(self, pools: Sequence[Pool]) -> None:
        """Registers the worker before its first claim."""
        await self._beat(pools)

    async def run(self, pools: Sequence[Pool]) -> None:
        """Beats until cancelled."""
        every_s = self._settings.heartbeat_s
        pause_s = every_s
        while True:
            await self._pause(pause_s)
            try:
                await self._beat(pools)
                pause_s = every_s
            except TROUBLE as error:
                self._drop()
                self._log.warning("beat_failed", error=str(error))
                pause_s = min(RETRY_S, every_s) * random.uniform(1.0, 2.0)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._soon.wait()
        except TimeoutError:
            pass
        self._soon.clear()

    async def _beat(self, pools: Sequence[Pool]) -> None:
        async with asyncio.timeout(self._settings.lease_s * TRY_PART):
            connection = await self._ready()
            before = asyncio.get_running_loop().time()
            found = await self._register(connection, [pool.task_type for pool in pools])
            if found["is_new"] and self._last != float("-inf"):  # reaped while it stood still, with its gate rows
                for pool in pools:
                    pool.reopen()
            if self._was_away(asyncio.get_running_loop().time()) or not found["in_time"]:
                self.reaps_from = before + self._others_need_s(before, found["server_up_s"])
            self._last = before
            await self._extend_gate(connection)  # not before: what the row said of an absence it says once
            if found["drain_asked"] and not self.draining:
                self._on_drain()
            await self._compare_claims(connection, pools)

    async def _extend_gate(self, connection: Connection) -> None:
        statement = catalogs.engine()["beat_gate"]
        await statement.fetch(connection, worker_id=self.worker_id, lease_s=self._settings.lease_s)

    async def _register(self, connection: Connection, task_types: list[str]) -> asyncpg.Record:
        engine, lease = catalogs.engine(), self._settings.lease_s
        rows = await engine["beat"].fetch(
            connection,
            worker_id=self.worker_id,
            host=socket.gethostname(),
            pid=os.getpid(),
            lease_s=lease,
            code_version=self._code_version,
            task_types=task_types,
            draining=self.draining,
            woken_by=self.woken_by,
        )
        return rows[0]

    async def _compare_claims(self, connection: Connection, pools: Sequence[Pool]) -> None:
        """Gives back what the table says is mine and memory does not hold; passes on asked cancellations."""
        rows = await catalogs.engine()["my_claims"].fetch(
            connection, worker_id=self.worker_id, grace_s=self._settings.claim_timeout_s
        )
        held: set[UUID] = set().union(*(pool.holds() for pool in pools)) if pools else set()
        stranded = [row for row in rows if row["settled"] and row["id"] not in held]
        for row in rows:
            if row["cancel_asked"]:
                for pool in pools:
                    pool.cancel(row["id"])
        if stranded:
            self._log.warning("stranded_claims", count=len(stranded))
            await self._give_back(connection, stranded, started=False, reason="the claim's answer was lost; given back")

    async def _ready(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._dsn, self._settings, f"beat {self.worker_id[:8]}")
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()

    async def leave(self) -> None:
        """Takes the worker off the list. What it could not end goes back unburnt; a shutdown is no crash."""
        async with asyncio.timeout(self._settings.lease_s / 3):
            connection = await self._ready()
            rows = await catalogs.engine()["my_claims"].fetch(connection, worker_id=self.worker_id, grace_s=0.0)
            await self._give_back(connection, rows, started=True, reason="worker shut down during the run")
            await catalogs.engine()["gate_leave"].fetch(connection, listener=self.worker_id)
            await catalogs.engine()["leave"].fetch(connection, worker_id=self.worker_id)
            await close(connection)

    async def _give_back(
        self, connection: Connection, rows: Sequence[asyncpg.Record], *, started: bool, reason: str
    ) -> None:
        await catalogs.engine()["give_back"].fetch(
            connection,
            worker_id=self.worker_id,
            ids=[row["id"] for row in rows],
            run_nos=[row["run_no"] for row in rows],
            started=[started] * len(rows),
            reason=reason,
        )


async def watch(limit_s: float) -> None:
    """Ends the process with a traceback when the loop stands still for `limit_s` seconds.

    A C-level timer, because a thread of ours would never run under a held interpreter lock. Re-armed by the loop
    alone, independent of the database.
    """
    if not limit_s:
        return
    loop = asyncio.get_running_loop()
    try:
        while True:
            armed = loop.time()
            faulthandler.dump_traceback_later(limit_s, exit=True)
            await asyncio.sleep(min(1.0, limit_s / 3))
            if loop.time() - armed > limit_s:  # stopped and woken: the timer is due, arming it anew would disarm it
                await asyncio.Event().wait()
    finally:
        faulthandler.cancel_dump_traceback_later()
