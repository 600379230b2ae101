"""The sheet is kept in step: one job a row, one read and one write an export, exact delays, quotas without attempts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from core import Done, Snooze
from core.db import catalogs
from core.testing import Recorded
from tests.running import Workers, ended, enqueue, until
from tests.workers.work_orders.exporting import EXPORT, add, done, run_export
from tests.workers.work_orders.google import FakeGoogle
from tests.workers.work_orders.orders import Orders, make_orders
from workers.work_orders.model import BeginExport, FailExport, FinishExport, HoldExport
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
    outcome = await run_export({"due_jobs": [{"id": job, "attempts": attempts}]})
    assert isinstance(outcome, Done)
    assert outcome.effects == [FailExport(job, "Google answered 500 (injected)", delay_s)]


async def test_a_quota_pauses_the_destination_to_the_next_minute_and_uses_no_attempt(google: FakeGoogle) -> None:
    google.faults["s"].append(429)
    context, job = Recorded(), UUID(int=1)
    outcome = await run_export({"due_jobs": [{"id": job, "attempts": 3}]}, context)
    assert isinstance(outcome, Snooze)
    assert outcome.after_s == 46.0
    assert context.held_off == {"sheet:s": 46.0}
    assert [type(effect) for effects, _ in context.commits for effect in effects] == [BeginExport, HoldExport]


def test_the_next_minute_is_never_more_than_a_minute_away() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    waits = [to_next_minute_s(at + timedelta(milliseconds=step)) for step in range(0, 120_000, 137)]
    assert all(1 < wait <= 61 for wait in waits)


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


async def test_the_nightly_look_sees_a_changed_cent_and_no_formats(
    orders: Orders, google: FakeGoogle, workers: Workers
) -> None:
    """Google shows 120.5 as 120,5 where the spreadsheet's locale does; what it holds is compared."""
    amounts = {"1": "12345.67", "2": "120.5", "3": "999999999999.99"}
    made = [await orders.ingest(each, work_order_number=each, amount=amount) for each, amount in amounts.items()]
    await workers.start(EXPORT, "work_orders.check_sheet")
    for each in made:
        await done(orders, each["work_order_id"])
    [row] = [row for row in google.table("sheet-1") if row[1] == "1"]
    row[HEADER.index("Amount")] = 12345.71
    task = await enqueue(orders.db, "work_orders.check_sheet", {"spreadsheet_id": "sheet-1"})
    output = json.loads((await ended(orders.db, task))["output"])
    assert output == {"rows": 3, "missing": 0, "different": 1, "unknown": 0, "exported_anew": 1}


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
    assert places(["a"], ["a"]) == {"a": 2}


def test_a_row_is_numbers_and_text() -> None:
    row = dict.fromkeys(FIELDS) | {"amount": Decimal("12.50"), "revision": 2, "signed_at": None}
    made = cells(row | {"description": "=HYPERLINK(1)", "work_order_number": "0815"})
    assert (made[0], made[5], made[10], made[12], len(made)) == ("0815", "=HYPERLINK(1)", 12.5, 2, len(HEADER) - 1)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (["a", 12.5, 3, ""], ["a", "12.5", "3"]),
        (["0815", 1234567.5], ["0815", "1234567.5"]),
        ([120.5, 120.5, 120.5], ["120.5", "120.50", 120.50]),
        ([3, 5.0, "", ""], [3.0, 5, None, ""]),
        (["12345678901234567890", "2026-01-31"], ["12345678901234567890", "2026-01-31"]),
        ([999999999999.99], [999999999999.99]),
    ],
)
def test_a_sheet_may_write_numbers_its_own_way(ours: list[Any], theirs: list[Any]) -> None:
    assert same(ours, theirs)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("0815", "815"),
        ("0815", 815),
        (12345.67, 12345.71),
        (12345.67, "12345.71"),
        (123456.1, 123456.4),
        (123456.1, "123456.4"),
        (999999999999.99, 999999999999.98),
        ("12345678901234567890", "12345678901234567891"),
        ("12345678901234567890", 12345678901234567890.0),
        ("1e2", "100"),
        ("2026-01-31", 46053),
        (1, True),
        (1, ""),
        (0, None),
        (1, "nan"),
        (1, "sNaN"),
        (1, "one"),
        ("", 0),
        ("", "x"),
    ],
)
def test_a_cell_that_holds_anything_else_differs(ours: Any, theirs: Any) -> None:
    assert not same([ours], [theirs])


def test_the_receipt_names_the_version_that_was_read() -> None:
    assert FinishExport(UUID(int=1), 7).target() == ("export_jobs", UUID(int=1))
