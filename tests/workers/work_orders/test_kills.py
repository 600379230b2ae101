"""kill -9 in each window of an export: before the call, while it is under way, after it was applied, before the
receipt. Whoever comes next finishes it, and every row stands once."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.outside import google_account
from tests.running import Database, Workers, until
from tests.workers.work_orders.google import HANG_AFTER, HANG_S, FakeGoogle, serving_google
from tests.workers.work_orders.orders import Orders

EXPORT = "work_orders.export"


@pytest.fixture
async def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeGoogle]:
    async with serving_google() as fake:
        monkeypatch.setenv("ROWMILL_GOOGLE_CREDENTIALS", str(fake.key_file(tmp_path)))
        monkeypatch.setenv("ROWMILL_GOOGLE_URL", fake.url)
        google_account.cache_clear()
        yield fake
        google_account.cache_clear()


@pytest.mark.parametrize("window", ["intent", "read", "write", "applied", "receipt"])
async def test_a_worker_killed_in_any_window_leaves_every_row_once(
    database: Database, orders: Orders, google: FakeGoogle, workers: Workers, window: str
) -> None:
    async with orders.db.transaction():
        ids = [(await orders.ingest(f"pdf {n}", work_order_number=n))["work_order_id"] for n in "123"]
    faults: dict[str, list[Any]] = {"read": [HANG_S], "write": [None, HANG_S], "applied": [None, HANG_AFTER]}
    google.faults["sheet-1"].extend(faults.get(window, []))
    calls = {"intent": 0, "read": 1, "write": 2, "applied": 2, "receipt": 2}[window]
    locker = await database.connect()
    lock = locker.transaction()
    await lock.start()
    if window == "intent":
        await locker.execute("select from export_jobs for update")
    elif window == "receipt":

        async def hold() -> None:
            google.on_write = None
            await locker.execute("select from export_jobs for update")

        google.on_write = hold
    worker = await workers.spawn(domains="workers.work_orders", lease_s="3")

    async def there() -> bool:
        running = await orders.db.fetchval("select count(*) from task_queue where status = 'processing'")
        written = window not in {"applied", "receipt"} or len(google.table("sheet-1")) == 4
        return bool(running) and len(google.calls) >= calls and written

    await until(there, what=f"the window {window}")
    worker.signal(signal.SIGKILL)
    await worker.wait()
    await lock.rollback()
    states = {row["status"] for row in await orders.db.fetch("select status from export_jobs")}
    assert states == {"PENDING"} if window == "intent" else {"PROCESSING"}
    await workers.start(EXPORT, lease_s=3)
    query = "select bool_and(status = 'DONE' and attempts = 0) from export_jobs"
    await until(lambda: orders.db.fetchval(query), what="the export after the kill")
    table = google.table("sheet-1")
    assert sorted(row[0] for row in table[1:]) == sorted(map(str, ids))
    assert len(table) == 4
