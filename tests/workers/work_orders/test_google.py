"""Exports to Google's own client and a stand-in of its API: requests, faults, quotas, logins."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core import Done, Enqueue
from core.outside import google_account
from core.outside.google import BURST, GoogleAccount
from tests.running import Workers, all_ended, ended, enqueue, until
from tests.workers.work_orders.exporting import EXPORT, add, done, run_export, soon
from tests.workers.work_orders.google import APPLIED, DROP, DROP_AFTER, FakeGoogle
from tests.workers.work_orders.orders import Orders, make_orders
from workers.work_orders.adapter.sheets.google import GoogleSheet
from workers.work_orders.model import FailExport
from workers.work_orders.rules.exports import HEADER

ALL_LATER = """
select not exists (select from task_queue
                   where status = 'processing' or (status = 'pending' and scheduled_for <= clock_timestamp()))
"""


async def test_rows_reach_google_with_one_read_and_one_write_and_a_real_login(
    orders: Orders, google: FakeGoogle, workers: Workers
) -> None:
    async with orders.db.transaction():  # due at one moment, however slow this machine is
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


async def test_of_more_rows_than_one_export_takes_none_is_forgotten_when_it_fails(google: FakeGoogle) -> None:
    """Their tasks were coalesced into this one."""
    google.refused["s"] = (403, "PERMISSION_DENIED", "The caller does not have permission")
    outcome = await run_export({"due_jobs": [{"id": UUID(int=n), "attempts": 0} for n in range(1, 1001)]})
    assert isinstance(outcome, Done)
    assert len(outcome.effects) == 1001
    assert outcome.effects[-1] == Enqueue(EXPORT, {"spreadsheet_id": "s"}, concurrency_key="work_orders.export:s")


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


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 0, 1), (1, 2)])
async def test_a_sheet_sorted_with_its_header_or_without_one_loses_no_row(google: FakeGoogle, order: list[int]) -> None:
    """The header's row is moved to the top with what else stands in it; where there is none, one is made."""
    table = [[*HEADER, "Notes"], ["a", "one"], ["b", "two"]]
    google.docs["s"]["Work orders"].rows = {number: table[at] for number, at in enumerate(order, start=1)}
    account = google_account()
    assert account is not None
    sheet = GoogleSheet(account, "s", "Work orders", _at_once)
    for _ in range(2):
        await sheet.upsert(HEADER, {"b": ["changed"], "c": ["three"]})
    shown = google.table("s")
    assert shown[0][: len(HEADER)] == list(HEADER)
    assert shown[0][len(HEADER) :] == (["Notes"] if 0 in order else [])
    assert sorted(shown[1:]) == [["a", "one"], ["b", "changed"], ["c", "three"]]
    assert sum(call[1] == "about" for call in google.calls) == 1


async def test_a_header_further_down_is_no_row_of_its_own(google: FakeGoogle) -> None:
    google.docs["s"]["Work orders"].rows = {1: ["a", "one"], 2: list(HEADER), 3: ["b", "two"]}
    account = google_account()
    assert account is not None
    assert await GoogleSheet(account, "s", "Work orders", _at_once).rows() == {"a": ["one"], "b": ["two"]}


async def _at_once(_name: str, _rate: float, _burst: float) -> float:
    return 0.0


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
    orders: Orders, google: FakeGoogle, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.work_orders.rules.exports.to_next_minute_s", lambda _: 60.0)  # also at second 59
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
        await until(lambda: orders.db.fetchval(ALL_LATER), what="the task's next look at the pause")
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
    account = GoogleAccount("a", {}, None, 54.0)
    assert BURST + 60 * account.rate <= 54.0
    taken = "select rowmill.take_token('google write:a', $1, $2, true)"
    waits = [await orders.db.fetchval(taken, account.rate, BURST) for _ in range(8)]
    assert waits[:5] == [0] * 5
    assert all(wait > 0 for wait in waits[5:])


async def test_in_no_minute_of_a_busy_hour_the_fleet_makes_more_than_60_calls_of_a_kind(orders: Orders) -> None:
    """Every 200 ms somebody asks; the clock of the bucket is moved on instead of waiting."""
    step, account = 0.2, GoogleAccount("a", {}, None, 54.0)
    granted: list[float] = []
    take = "select rowmill.take_token('google write:a', $1, $2, true)"
    later = """update rowmill.limits set filled_at = filled_at - $1 * interval '1 s',
               told_until = told_until - $1 * interval '1 s' where name = 'google write:a'"""
    for at in range(1500):  # five minutes
        if not await orders.db.fetchval(take, account.rate, BURST):
            granted.append(at * step)
        await orders.db.execute(later, step)
    most = max(sum(begin <= at < begin + 60 for at in granted) for begin in granted)
    assert 48 <= most <= 60


async def test_the_addresses_of_a_signed_document_are_kept_and_never_fetched(
    orders: Orders, workers: Workers, store: Path
) -> None:
    """Whoever names an address makes nobody here ask for it."""
    asked: list[Any] = []

    async def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(heard, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/latest/meta-data"
    try:
        made = await orders.db.fetchrow(
            """select * from ingest_signed($1, $2, 'sha256/x', 1, p_signed_pdf_url => $3,
                   p_signed_preview_image_url => $3)""",
            *(orders.workspace_id, "a" * 64, url),
        )
        await orders.db.execute("update task_queue set max_attempts = 1")
        await workers.start("work_orders.read_signed")
        await all_ended(orders.db)
    finally:
        server.close()
        await server.wait_closed()
    assert made is not None
    assert (await orders.document(made["signed_document_id"]))["signed_pdf_url"] == url
    assert asked == []


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


async def test_a_login_that_cannot_be_reached_is_trouble_that_passes(
    google: FakeGoogle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, job = google.key_file(tmp_path), UUID(int=1)
    key = json.loads(file.read_text())
    file.write_text(json.dumps({**key, "client_email": "away@example.org", "token_uri": "http://127.0.0.1:9/token"}))
    google_account.cache_clear()
    outcome = await run_export({"due_jobs": [{"id": job, "attempts": 0}]})
    assert isinstance(outcome, Done)
    assert outcome.effects == [FailExport(job, "Google gave no token; it may be in trouble", 2.0)]


async def test_a_task_without_its_key_hands_over(orders: Orders, google: FakeGoogle, workers: Workers) -> None:
    [order_id] = (await add(orders, "1")).values()
    await soon(orders.db)
    await workers.start(EXPORT)
    task = await enqueue(orders.db, EXPORT, {"spreadsheet_id": "sheet-1"})
    assert (await ended(orders.db, task))["status"] == "completed"
    await done(orders, order_id)
