"""The sheet is kept in step: one job a row, one read and one write an export, exact delays, quotas without attempts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core import Done, Snooze
from core.db import catalogs
from core.db.connect import Connection
from core.outside import google_account
from core.testing import Recorded, run_operator_async
from tests.running import Workers, ended, enqueue, until
from tests.workers.work_orders.google import APPLIED, DROP, DROP_AFTER, FakeGoogle, serving_google
from tests.workers.work_orders.orders import Orders, make_orders
from workers.work_orders.model import BeginExport, FailExport, FinishExport, HoldExport
from workers.work_orders.operators import export
from workers.work_orders.rules.exports import (
    FIELDS,
    HEADER,
    cells,
    guarded,
    next_delay_s,
    places,
    same,
    to_next_minute_s,
)

EXPORT = "work_orders.export"


@pytest.fixture
async def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeGoogle]:
    async with serving_google() as fake:
        monkeypatch.setenv("ROWMILL_GOOGLE_CREDENTIALS", str(fake.key_file(tmp_path)))
        monkeypatch.setenv("ROWMILL_GOOGLE_URL", fake.url)
        google_account.cache_clear()
        yield fake
        google_account.cache_clear()


async def add(orders: Orders, *numbers: str) -> dict[str, UUID]:
    return {
        number: (await orders.ingest(f"pdf {number}", work_order_number=number, fm_key="acme"))["work_order_id"]
        for number in numbers
    }


async def done(orders: Orders, order_id: UUID, status: str = "DONE") -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        job = await orders.job(order_id)
        return job if job["status"] == status else None

    return await until(look, what=f"{status} of {order_id}")


async def soon(db: Connection) -> None:
    """As if the time of every waiting job and task had come."""
    await db.execute("update export_jobs set next_attempt_at = now() where status = 'PENDING'")
    await db.execute("update task_queue set scheduled_for = now() where status = 'pending'")


# --- jobs ------------------------------------------------------------------------------------------------------------


async def test_a_change_makes_its_job_and_its_task_in_the_same_transaction(orders: Orders) -> None:
    async with orders.db.transaction():
        [order_id] = (await add(orders, "1")).values()
        job = await orders.job(order_id)
        at = await orders.db.fetchval("select now()")
        tasks = await orders.db.fetch("select * from task_queue where task_type = $1", EXPORT)
    assert (job["status"], job["attempts"], job["next_attempt_at"] - at) == ("PENDING", 0, timedelta(seconds=1))
    assert [(task["concurrency_key"], task["scheduled_for"] - at, task["max_attempts"]) for task in tasks] == [
        ("work_orders.export:sheet-1", timedelta(seconds=1), 5)
    ]
    assert tasks[0]["workspace_id"] == orders.workspace_id


async def test_a_change_rolled_back_leaves_no_job(orders: Orders) -> None:
    transaction = orders.db.transaction()
    await transaction.start()
    await add(orders, "1")
    await transaction.rollback()
    assert await orders.count("export_jobs") == 0
    assert await orders.db.fetchval("select count(*) from task_queue") == 0


async def test_many_changes_of_a_row_are_one_job(orders: Orders) -> None:
    [order_id] = (await add(orders, "1")).values()
    for at in range(5):
        await orders.db.execute("update work_orders set contact = $1 where id = $2", f"c{at}", order_id)
    await orders.signed("s", "1")
    assert await orders.count("export_jobs") == 1
    tasks = await orders.db.fetchval("select count(*) from task_queue where task_type = $1", EXPORT)
    assert tasks == 1


@pytest.mark.parametrize("status", ["DONE", "FAILED"])
async def test_a_change_after_the_end_begins_anew(orders: Orders, status: str) -> None:
    [order_id] = (await add(orders, "1")).values()
    await orders.db.execute("update export_jobs set status = $1, attempts = 5, last_error = 'x'", status)
    await orders.db.execute("update work_orders set contact = 'new' where id = $1", order_id)
    job = await orders.job(order_id)
    assert (job["status"], job["attempts"]) == ("PENDING", 0)
    assert await orders.db.fetchval("select count(*) from task_queue where task_type = $1", EXPORT) == 2


async def test_an_order_that_is_not_read_yet_is_not_exported(orders: Orders) -> None:
    await orders.ingest("a")
    assert await orders.count("export_jobs") == 0


# --- delays ----------------------------------------------------------------------------------------------------------


def test_five_attempts_have_five_delays() -> None:
    """The first second stands in the trigger; a test above sees it."""
    assert [1.0, *(next_delay_s(failed) for failed in range(1, 6))] == [1.0, 2.0, 4.0, 8.0, 16.0, None]


async def test_every_delay_is_exact_by_the_clock_it_is_given(orders: Orders) -> None:
    """The statements take the time of a failure, and which jobs are due then."""
    [order_id] = (await add(orders, "1")).values()
    job, statements = await orders.job(order_id), catalogs.of_package("workers.work_orders")
    clock, gaps, after = job["next_attempt_at"], [], job
    for attempt in range(5):
        early = {"spreadsheet_id": ["sheet-1"], "now": [clock - timedelta(microseconds=1)]}
        assert await statements["due_jobs"].fetch(orders.db, **early) == []
        [due] = await statements["due_jobs"].fetch(orders.db, spreadsheet_id=["sheet-1"], now=[clock])
        assert (due["id"], due["attempts"]) == (job["id"], attempt)
        delay_s = next_delay_s(attempt + 1)
        failed = {"job_id": [job["id"]], "error": ["no"], "delay_s": [delay_s], "at": [clock]}
        await statements["fail_export"].fetch(orders.db, **failed)
        after = await orders.job(order_id)
        gaps.append((after["next_attempt_at"] - clock).total_seconds())
        clock = after["next_attempt_at"]
    assert gaps == [2, 4, 8, 16, 0]
    assert (after["status"], after["attempts"], after["last_error"]) == ("FAILED", 5, "no")
    tasks = await orders.db.fetch("select scheduled_for from task_queue where task_type = $1 order by 1", EXPORT)
    assert [(row["scheduled_for"] - tasks[0]["scheduled_for"]).total_seconds() for row in tasks] == [0, 2, 6, 14, 30]


@pytest.mark.parametrize(("attempts", "delay_s"), [(0, 2.0), (1, 4.0), (2, 8.0), (3, 16.0), (4, None)])
async def test_the_operator_asks_for_that_delay(google: FakeGoogle, attempts: int, delay_s: float | None) -> None:
    google.faults["s"].append(500)
    job = UUID(int=1)
    outcome = await _run({"due_jobs": [{"id": job, "attempts": attempts}]})
    assert isinstance(outcome, Done)
    assert outcome.effects == [FailExport(job, "Google answered 500 (injected)", delay_s)]


async def _run(rows: dict[str, Any], context: Recorded | None = None, now: datetime | None = None) -> Any:
    known = {"sheet_of": [{"workspace_id": UUID(int=0), "sheet_name": "Work orders"}], "export_row": []} | rows
    context = context or Recorded()
    context._rows = known
    moment = now or datetime(2026, 1, 2, 3, 4, 15, tzinfo=UTC)
    key = "work_orders.export:s"
    return await run_operator_async(export, {"spreadsheet_id": "s"}, context=context, now=moment, concurrency_key=key)


async def test_a_quota_pauses_the_destination_to_the_next_minute_and_uses_no_attempt(google: FakeGoogle) -> None:
    google.faults["s"].append(429)
    context, job = Recorded(), UUID(int=1)
    outcome = await _run({"due_jobs": [{"id": job, "attempts": 3}]}, context)
    assert isinstance(outcome, Snooze)
    assert outcome.after_s == 46.0
    assert context.held_off == {"sheet:s": 46.0}
    assert [type(effect) for effects, _ in context.commits for effect in effects] == [BeginExport, HoldExport]


def test_the_next_minute_is_never_more_than_a_minute_away() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    waits = [to_next_minute_s(at + timedelta(milliseconds=step)) for step in range(0, 120_000, 137)]
    assert all(1 < wait <= 61 for wait in waits)


# --- Google ----------------------------------------------------------------------------------------------------------


async def test_rows_reach_google_with_one_read_and_one_write_and_a_real_login(
    orders: Orders, google: FakeGoogle, workers: Workers
) -> None:
    ids = await add(orders, "1", "2", "3")
    await workers.start(EXPORT)
    for order_id in ids.values():
        await done(orders, order_id)
    assert [call[:2] for call in google.calls] == [("GET", "batchGet"), ("POST", "batchUpdate")]
    assert len(google.tokens) == 1
    table = google.table("sheet-1")
    assert table[0] == list(HEADER)
    assert {row[0]: row[1] for row in table[1:]} == {str(order_id): number for number, order_id in ids.items()}

    await orders.signed("s", "2")
    job = await done(orders, ids["2"])
    table = google.table("sheet-1")
    assert len(table) == 4
    assert next(row for row in table if row[1] == "2")[-1] == job["exported_at"].date().isoformat()


async def test_a_thousand_rows_are_exported_with_two_requests(
    orders: Orders, google: FakeGoogle, workers: Workers
) -> None:
    google.docs["sheet-1"]["Work orders"].limit = 1001
    await orders.db.execute(
        """insert into work_orders (workspace_id, work_order_number, number_key, status)
           select $1, 'N' || n, 'N' || n, 'READY' from generate_series(1, 1000) n""",
        orders.workspace_id,
    )
    await workers.start(EXPORT)
    query = "select count(*) = 1000 from export_jobs where status = 'DONE'"
    await until(lambda: orders.db.fetchval(query), what="1,000 rows")
    assert len(google.calls) == 2
    assert len({row[0] for row in google.table("sheet-1")}) == 1001


async def test_a_slow_answer_is_waited_for(orders: Orders, google: FakeGoogle, workers: Workers) -> None:
    [order_id] = (await add(orders, "1")).values()
    google.faults["sheet-1"].extend([1.0, 1.0])
    await workers.start(EXPORT)
    assert (await done(orders, order_id))["attempts"] == 0
    assert len(google.calls) == 2


async def test_a_full_sheet_gets_more_rows(orders: Orders, google: FakeGoogle, workers: Workers) -> None:
    google.docs["sheet-1"]["Work orders"].limit = 2
    ids = await add(orders, "1", "2", "3")
    await workers.start(EXPORT)
    for order_id in ids.values():
        await done(orders, order_id)
    assert len(google.table("sheet-1")) == 4


@pytest.mark.parametrize("trouble", [APPLIED, DROP_AFTER, DROP, 500, 503])
async def test_a_repeat_after_trouble_leaves_each_row_once(
    orders: Orders, google: FakeGoogle, workers: Workers, trouble: Any
) -> None:
    """Also where the write was applied and the answer lost."""
    async with orders.db.transaction():
        ids = await add(orders, "1", "2")
    google.faults["sheet-1"].extend([None, trouble])
    await workers.start(EXPORT)
    await until(lambda: orders.db.fetchval("select min(attempts) = 1 from export_jobs"), what="a failed attempt")
    assert {row["status"] for row in await orders.db.fetch("select status from export_jobs")} == {"PENDING"}
    await soon(orders.db)
    for order_id in ids.values():
        assert (await done(orders, order_id))["last_error"] is None
    assert sorted(row[0] for row in google.table("sheet-1")[1:]) == sorted(map(str, ids.values()))


@pytest.mark.parametrize(
    ("refusal", "step"),
    [
        ((403, "PERMISSION_DENIED", "The caller does not have permission"), "share the spreadsheet with rowmill@"),
        ((404, "NOT_FOUND", "Requested entity was not found."), "correct the workspace's spreadsheet id"),
        ((400, "INVALID_ARGUMENT", "Unable to parse range: 'Work orders'!A1:A"), "has no sheet named 'Work orders'"),
        ((400, "INVALID_ARGUMENT", "Something else"), "correct the spreadsheet"),
    ],
)
async def test_what_cannot_heal_fails_at_once_with_the_next_step(
    orders: Orders, google: FakeGoogle, workers: Workers, refusal: tuple[int, str, str], step: str
) -> None:
    [order_id] = (await add(orders, "1")).values()
    google.refused["sheet-1"] = refusal
    await workers.start(EXPORT)
    job = await done(orders, order_id, "FAILED")
    assert (job["attempts"], step in job["last_error"], job["last_error"].endswith("then retry")) == (1, True, True)


async def test_a_quota_stops_one_spreadsheet_and_no_other_and_the_wait_is_explained(
    orders: Orders, google: FakeGoogle, workers: Workers
) -> None:
    other = await make_orders(orders.db, "sheet-2")
    google.faults["sheet-1"].append(429)
    [mine], [theirs] = (await add(orders, "1")).values(), (await add(other, "1")).values()
    await workers.start(EXPORT)
    await done(other, theirs)
    job = await done(orders, mine, "PENDING")

    async def held() -> bool:
        return (await orders.job(mine))["last_error"] is not None

    await until(held, what="the pause")
    for at in range(3):  # further changes make no further call
        await orders.db.execute("update work_orders set contact = $1 where id = $2", str(at), mine)
        await orders.db.execute("update task_queue set scheduled_for = now() where status = 'pending'")
        await asyncio.sleep(0.3)
    job = await orders.job(mine)
    assert (job["status"], job["attempts"], job["last_error"][:6]) == ("PENDING", 0, "quota:")
    assert [call for call in google.calls if call[2] == "sheet-1"] == [("GET", "batchGet", "sheet-1")]
    paused = await orders.db.fetchrow("select * from rowmill.limits where name = 'sheet:sheet-1'")
    assert paused is not None
    assert paused["paused_until"] - datetime.now(UTC) < timedelta(seconds=62)

    async def explained() -> str | None:
        said: str = await orders.db.fetchval(
            "select explain_task(id) from task_queue where status = 'pending' and workspace_id = $1 limit 1",
            orders.workspace_id,
        )
        return said if said and ("pause" in said or "quota" in said) else None

    assert "sheet" in await until(explained, what="the reason of the wait")


async def test_the_account_never_makes_more_calls_in_a_minute_than_google_allows(orders: Orders) -> None:
    """Burst and rate together, in any minute."""
    from core.outside.google import BURST, GoogleAccount

    account = GoogleAccount("a", {}, None, 54.0)
    assert BURST + 60 * account.rate <= 54.0
    taken = "select rowmill.take_token('google write:a', $1, $2, true)"
    waits = [await orders.db.fetchval(taken, account.rate, BURST) for _ in range(8)]
    assert waits[:5] == [0] * 5
    assert all(wait > 0 for wait in waits[5:])


async def test_a_row_that_changes_during_its_export_is_exported_again(
    orders: Orders, google: FakeGoogle, workers: Workers
) -> None:
    [order_id] = (await add(orders, "1")).values()

    async def change() -> None:
        google.on_write = None
        await orders.db.execute("update work_orders set contact = 'meanwhile' where id = $1", order_id)

    google.on_write = change
    await workers.start(EXPORT)

    async def shown() -> bool:
        return any("meanwhile" in row for row in google.table("sheet-1"))

    await until(shown, what="the later content")
    await done(orders, order_id)


async def test_an_account_that_google_does_not_accept_fails_with_the_next_step(
    orders: Orders, google: FakeGoogle, workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = google.key_file(tmp_path)
    key = json.loads(file.read_text())
    file.write_text(json.dumps({**key, "private_key": stranger.decode()}))
    google_account.cache_clear()
    [order_id] = (await add(orders, "1")).values()
    await workers.start(EXPORT)
    job = await done(orders, order_id, "FAILED")
    assert "check its key and the clock" in job["last_error"]


async def test_a_task_without_its_key_hands_over(orders: Orders, google: FakeGoogle, workers: Workers) -> None:
    [order_id] = (await add(orders, "1")).values()
    await soon(orders.db)
    await workers.start(EXPORT)
    task = await enqueue(orders.db, EXPORT, {"spreadsheet_id": "sheet-1"})
    assert (await ended(orders.db, task))["status"] == "completed"
    await done(orders, order_id)


# --- the nightly look ------------------------------------------------------------------------------------------------


async def test_the_nightly_look_puts_right_what_people_broke(
    orders: Orders, google: FakeGoogle, workers: Workers
) -> None:
    ids = await add(orders, "1", "2", "3")
    await workers.start(EXPORT, "work_orders.check_sheet")
    for order_id in ids.values():
        await done(orders, order_id)
    before = [list(row) for row in google.table("sheet-1")]
    tab = google.docs["sheet-1"]["Work orders"]
    tab.rows[2][1] = "changed by hand"
    tab.rows[3] = []
    tab.rows[9] = ["not ours", "x"]
    task = await enqueue(orders.db, "work_orders.check_sheet", {"spreadsheet_id": "sheet-1"})
    output = json.loads((await ended(orders.db, task))["output"])
    assert output == {"rows": 3, "missing": 1, "different": 1, "unknown": 1, "exported_anew": 2}

    async def right() -> bool:
        rows = {row[0]: row for row in google.table("sheet-1") if row}
        return all(rows.get(row[0]) == row for row in before)

    await until(right, what="the rows as they were")
    [audit] = await orders.db.fetch("select distinct action, task_id from audit_events where entity = 'export_job'")
    assert (audit["action"], audit["task_id"]) == ("restarted", task)


async def test_old_runs_are_forgotten_but_for_the_newest_of_a_document(orders: Orders, workers: Workers) -> None:
    made = await orders.ingest("a", work_order_number="1")
    other = await make_orders(orders.db, "sheet-2")
    await other.ingest("a", work_order_number="1")
    insert = """insert into extraction_runs (workspace_id, work_order_source_id, source, outcome, created_at)
                values ($1, $2, 'robot', 'OK', now() - interval '1 day' * $3)"""
    for days in (400, 300, 10):
        await orders.db.execute(insert, orders.workspace_id, made["source_id"], days)
    await workers.start("work_orders.forget_runs")
    task = await enqueue(orders.db, "work_orders.forget_runs", {}, workspace_id=orders.workspace_id)
    assert (await ended(orders.db, task))["status"] == "completed"
    assert await orders.count("extraction_runs") == 2
    assert await other.count("extraction_runs") == 1


# --- rules -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "＝1"])
def test_what_looks_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert guarded(text) == "'" + text


def test_plain_cells_stay_as_they_are() -> None:
    assert [guarded(each) for each in ("a=b", -5.0, 3, "")] == ["a=b", -5.0, 3, ""]


def test_a_row_keeps_its_place_and_a_new_one_goes_below_the_last() -> None:
    assert places(["Id", "b", "", "a", "b"], ["a", "new", "b", "newer"]) == {"a": 4, "new": 6, "b": 2, "newer": 7}
    assert places([], ["a"]) == {"a": 2}


def test_a_row_is_numbers_and_text() -> None:
    row = dict.fromkeys(FIELDS) | {"amount": Decimal("12.50"), "revision": 2, "signed_at": None}
    made = cells(row | {"description": "=HYPERLINK(1)", "work_order_number": "0815"})
    assert (made[0], made[5], made[10], made[12], len(made)) == ("0815", "=HYPERLINK(1)", 12.5, 2, len(HEADER) - 1)


def test_a_sheet_may_write_numbers_its_own_way() -> None:
    assert same(["a", 12.5, 3, ""], ["a", "12.5", "3"])
    assert same(["0815", 1234567.5], ["0815", "1234567.5"])
    assert not same(["0815"], ["815"])


def test_the_receipt_names_the_version_that_was_read() -> None:
    assert FinishExport(UUID(int=1), 7).target() == ("export_jobs", UUID(int=1))
