"""Exports on demand: what is due is tried before anything is said of it, by the command line and over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.db.connect import Connection
from tests.core.cli.conftest import Rowmill, rowmill  # noqa: F401 - a fixture
from tests.running import Workers
from tests.serving import Client, Site
from tests.workers.work_orders.exporting import EXPORT, add
from tests.workers.work_orders.google import FakeGoogle
from tests.workers.work_orders.orders import Orders

ONCE = ("work-orders", "export", "--limit", "10", "--once", "--json")
PAUSE = "select rowmill.pause_limit('sheet:sheet-1', $1, 'quota')"


@pytest.fixture(autouse=True)
def no_watchdog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWMILL_WATCHDOG_S", "0")  # it writes to the real stderr, which a test has not


@pytest.fixture
async def due(orders: Orders) -> Orders:
    """An order whose export has failed twice and is due again."""
    await add(orders, "1")
    await orders.db.execute("update export_jobs set attempts = 2, last_error = 'trouble', next_attempt_at = now()")
    return orders


async def test_what_has_failed_before_is_tried_again(rowmill: Rowmill, due: Orders, google: FakeGoogle) -> None:  # noqa: F811
    assert (await rowmill(*ONCE)).json() == {"processed": 1, "failed": 0, "quota_error": False}
    assert len(google.table("sheet-1")) == 2


async def test_what_fails_once_more_is_said_to_have_failed(
    rowmill: Rowmill,  # noqa: F811
    due: Orders,
    google: FakeGoogle,
) -> None:
    google.faults["sheet-1"].append(503)
    assert (await rowmill(*ONCE)).json() == {"processed": 0, "failed": 1, "quota_error": False}
    job = await due.db.fetchrow("select status, attempts from export_jobs")
    assert job is not None
    assert tuple(job) == ("PENDING", 3)


async def test_a_quota_is_said_and_holds_until_the_pause_is_over(
    rowmill: Rowmill,  # noqa: F811
    due: Orders,
    google: FakeGoogle,
) -> None:
    google.faults["sheet-1"].append(429)
    told = {"processed": 0, "failed": 0, "quota_error": True}
    assert (await rowmill(*ONCE)).json() == told
    calls = len(google.calls)
    assert (await rowmill(*ONCE)).json() == told
    assert len(google.calls) == calls
    await due.db.execute("delete from rowmill.limits")
    await due.db.execute("update task_queue set scheduled_for = now() where status = 'pending'")
    assert (await rowmill(*ONCE)).json() == {"processed": 1, "failed": 0, "quota_error": False}


async def test_the_counts_are_of_so_many_and_their_spreadsheets_are_whole(
    rowmill: Rowmill,  # noqa: F811
    orders: Orders,
    google: FakeGoogle,
) -> None:
    async with orders.db.transaction():
        await add(orders, *map(str, range(15)))
    assert (await rowmill(*ONCE)).json()["processed"] == 10
    assert len(google.table("sheet-1")) == 16
    assert "Invalid value" in (await rowmill("work-orders", "export", "--limit", "0", "--once")).err


async def test_over_http_what_is_due_is_tried_as_well(
    site: Site, db: Connection, due: Orders, google: FakeGoogle, workers: Workers, store: Path
) -> None:
    client: Client = await site.client("operate")
    member = "insert into workspace_members (workspace_id, user_id) values ($1, $2)"
    await db.execute(member, due.workspace_id, await site.user_id(client))
    await db.execute(PAUSE, 60)
    await workers.start(EXPORT)
    told = (await client.post("/api/exports/process", {"limit": 10})).ok()
    assert told == {"processed": 0, "failed": 0, "quota_error": True, "waiting": 0}
    await db.execute("delete from rowmill.limits")
    await db.execute("update task_queue set scheduled_for = now() where status = 'pending'")
    told = (await client.post("/api/exports/process", {"limit": 10})).ok()
    assert told == {"processed": 1, "failed": 0, "quota_error": False, "waiting": 0}
