"""Ingestion by SQL: idempotent, one order of a number, revisions instead of second orders."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from core.db.connect import Connection
from tests.running import Database
from tests.workers.work_orders.orders import Orders, make_orders, sha

FIELDS: dict[str, Any] = {
    "work_order_number": "WO-0815",
    "fm_key": "acme",
    "customer_name": "Mill Lane",
    "amount": "120.5",
}


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("WO-0815", "0815"),
        ("wo 0815", "0815"),
        ("#0815", "0815"),
        ("Work Order No. 0815", "0815"),
        ("ＷＯ－０８１５", "0815"),
        ("815", "815"),
        ("NG-1001", "NG1001"),
        ("SW/2026/7", "SW20267"),
        ("North 5", "NORTH5"),
        (" - ", None),
        (None, None),
    ],
)
async def test_spellings_of_one_number_have_one_key(db: Connection, written: str | None, key: str | None) -> None:
    assert await db.fetchval("select work_orders_number_key($1)", written) == key


async def test_the_same_bytes_answer_the_same_order_and_are_not_new(orders: Orders) -> None:
    first, again = [await orders.ingest("a", **FIELDS) for _ in range(2)]
    assert (first["is_new"], again["is_new"]) == (True, False)
    assert (first["work_order_id"], first["source_id"]) == (again["work_order_id"], again["source_id"])
    order = await orders.order(first["work_order_id"])
    assert (order["status"], order["revision"], order["number_key"], str(order["amount"])) == (
        *("READY", 1, "0815"),
        "120.50",
    )


async def test_64_identical_uploads_at_once_make_one_row(database: Database, orders: Orders) -> None:
    sessions = [await database.connect() for _ in range(64)]
    answers = await asyncio.gather(*(orders.ingest("a", session, **FIELDS) for session in sessions))
    assert len({each["work_order_id"] for each in answers}) == 1
    assert sum(each["is_new"] for each in answers) == 1
    assert [await orders.count(table) for table in ("work_orders", "work_order_sources", "extraction_runs")] == [1] * 3


async def test_64_identical_signed_documents_at_once_make_one_row(database: Database, orders: Orders) -> None:
    sessions = [await database.connect() for _ in range(64)]
    answers = await asyncio.gather(*(orders.signed("s", "1", session) for session in sessions))
    assert len({each["signed_document_id"] for each in answers}) == 1
    assert sum(each["is_new"] for each in answers) == 1


async def test_32_different_pdfs_of_one_number_at_once_are_revisions_of_one_order(
    database: Database, orders: Orders
) -> None:
    sessions = [await database.connect() for _ in range(32)]
    calls = [orders.ingest(f"pdf {at}", session, **FIELDS) for at, session in enumerate(sessions)]
    answers = await asyncio.gather(*calls)
    assert len({each["work_order_id"] for each in answers}) == 1
    assert await orders.count("work_orders") == 1
    assert (await orders.order(answers[0]["work_order_id"]))["revision"] == 32
    revisions = await orders.db.fetch("select revision from work_order_sources order by revision")
    assert [row["revision"] for row in revisions] == list(range(1, 33))


async def test_the_same_bytes_in_another_workspace_are_its_own(orders: Orders) -> None:
    """A hash that is unique for all would tell one workspace what another one has."""
    other = await make_orders(orders.db, "sheet-2", "eve@example.org")
    mine, theirs = await orders.ingest("a", **FIELDS), await other.ingest("a", **FIELDS)
    assert (mine["is_new"], theirs["is_new"]) == (True, True)
    assert mine["work_order_id"] != theirs["work_order_id"]


async def test_a_revised_pdf_fills_in_what_was_empty_and_asks_about_what_differs(orders: Orders) -> None:
    first = await orders.ingest("a", **FIELDS)
    later = await orders.ingest("b", **{**FIELDS, "amount": "130", "contact": "Ada", "work_order_number": "wo 0815"})
    assert later["work_order_id"] == first["work_order_id"]
    order = await orders.order(first["work_order_id"])
    assert (order["revision"], order["status"], str(order["amount"]), order["contact"]) == (
        2,
        "REVIEW",
        "120.50",
        "Ada",
    )
    review = await orders.review("fields_differ")
    assert review["details"] == {"revision": 2, "fields": {"amount": {"is": 120.50, "read": 130.00}}}


@pytest.mark.parametrize(("decision", "amount"), [("accepted", "130.00"), ("kept", "120.50")])
async def test_a_person_decides_between_two_readings(orders: Orders, decision: str, amount: str) -> None:
    first = await orders.ingest("a", **FIELDS)
    await orders.ingest("b", **{**FIELDS, "amount": "130"})
    review = await orders.review("fields_differ")
    author = f'{{"user_id": "{orders.user_id}"}}'
    await orders.db.execute("select work_orders_resolve($1, $2, '{}', $3)", review["id"], decision, author)
    order = await orders.order(first["work_order_id"])
    assert (str(order["amount"]), order["status"], await orders.reviews()) == (amount, "READY", [])
    with pytest.raises(asyncpg.PostgresError, match=f"is {decision} already"):
        await orders.db.execute("select work_orders_resolve($1, 'kept', '{}', $2)", review["id"], author)
    actions = await orders.db.fetch("select action, user_id from audit_events where user_id is not null order by id")
    assert {row["user_id"] for row in actions} == {orders.user_id}
    assert decision in [row["action"] for row in actions]


@pytest.mark.parametrize(
    ("kind", "decision", "fields", "sentence"),
    [
        ("no_number", "accepted", "{}", "nothing was read that could be accepted"),
        ("no_number", "accepted", '{"work_order_number": "7", "amount": "much"}', "amount cannot be 'much'"),
        ("no_number", "accepted", '{"dueOn": "soon"}', "due_on cannot be 'soon'; write a date as 2026-01-31"),
        ("no_number", "kept", '{"contact": "Ada"}', "fields are written only where"),
        ("signed_missing", "accepted", '{"work_order_number": "7"}', "answered by matching it with its order"),
    ],
)
async def test_an_answer_that_does_not_fit_its_question_is_refused_and_the_question_stays(
    orders: Orders, kind: str, decision: str, fields: str, sentence: str
) -> None:
    await orders.ingest("a", customer_name="Mill Lane")
    await orders.signed("s", "404")
    review = await orders.review(kind)
    with pytest.raises(asyncpg.PostgresError, match=sentence) as refused:
        await orders.db.execute("select work_orders_resolve($1, $2, $3, '{}')", review["id"], decision, fields)
    assert refused.value.sqlstate == "RM002"
    assert await orders.reviews() == ["no_number", "signed_missing"]


async def test_fields_may_be_named_as_the_callers_language_does(orders: Orders) -> None:
    made = await orders.ingest("a", workOrderNumber="WO-1", customerName="Mill Lane", fmKey="acme", dueOn="2026-01-31")
    order = await orders.order(made["work_order_id"])
    assert (order["work_order_number"], order["customer_name"], order["fm_key"]) == ("WO-1", "Mill Lane", "acme")
    assert (order["due_on"].isoformat(), order["extra"]) == ("2026-01-31", "{}")
    signed = await orders.db.fetchrow(
        "select * from ingest_signed($1, $2, 'b', 1, p_extraction_result => $3)",
        *(orders.workspace_id, sha("s"), '{"workOrderNumber": "1", "siteCode": "x"}'),
    )
    assert signed is not None
    assert signed["matched_work_order_id"] == made["work_order_id"]
    later = await orders.order((await orders.ingest("b", workOrderNumber="2", siteCode="x"))["work_order_id"])
    assert later["extra"] == '{"siteCode": "x"}'


async def test_an_order_without_a_number_waits_for_a_person_who_gives_it(orders: Orders) -> None:
    made = await orders.ingest("a", customer_name="Mill Lane", due_on="soon")
    assert await orders.reviews() == ["no_number"]
    waiting = await orders.signed("s", "77")
    review = await orders.review("no_number")
    given = '{"work_order_number": "77"}'
    await orders.db.execute("select work_orders_resolve($1, 'accepted', $2, '{}')", review["id"], given)
    order = await orders.order(made["work_order_id"])
    assert (order["number_key"], order["status"], order["extra"]) == ("77", "READY", '{"due_on_as_written": "soon"}')
    assert (await orders.document(waiting["signed_document_id"]))["state"] == "MATCHED"


async def test_a_number_given_by_a_person_joins_the_order_of_that_facility_manager(orders: Orders) -> None:
    """The profile knew him, though it found no number."""
    first = await orders.ingest("a", **FIELDS)
    later = await orders.ingest("b", fm_key="acme", amount="130", contact="Ada")
    assert (await orders.order(later["work_order_id"]))["fm_key"] == "acme"
    await orders.resolve("no_number", "accepted", work_order_number="wo 0815")
    [order] = await orders.db.fetch("select id, revision, contact, number_key, fm_key from work_orders")
    assert tuple(order) == (first["work_order_id"], 2, "Ada", "0815", "acme")
    assert await orders.reviews() == ["fields_differ"]
    assert (await orders.ingest("b"))["work_order_id"] == first["work_order_id"]


@pytest.mark.parametrize(("known", "unknown"), [("acme", ""), ("", "acme")])
async def test_a_number_given_by_a_person_never_makes_a_silent_second_order(
    orders: Orders, known: str, unknown: str
) -> None:
    """Where one of the two has no facility manager he is asked, and accepting the question makes the two one."""
    first = await orders.ingest("a", **{**FIELDS, "fm_key": known})
    later = await orders.ingest("b", fm_key=unknown, contact="Ada")
    await orders.resolve("no_number", "accepted", work_order_number="0815")
    assert await orders.reviews() == ["same_number"]
    review = await orders.review("same_number")
    assert (review["work_order_id"], review["details"]["work_orders"]) == (
        later["work_order_id"],
        [str(first["work_order_id"])],
    )
    assert (await orders.signed("s", "0815"))["matched_work_order_id"] is None
    await orders.resolve("same_number", "accepted")
    [order] = await orders.db.fetch("select id, fm_key, contact, revision, status from work_orders")
    assert tuple(order) == (first["work_order_id"], "acme", "Ada", 2, "READY")
    assert await orders.reviews() == []
    assert (await orders.signed("s", "0815"))["matched_work_order_id"] == first["work_order_id"]


@pytest.mark.parametrize("decision", ["kept", "dismissed"])
async def test_two_orders_of_one_number_stay_two_where_a_person_says_so(orders: Orders, decision: str) -> None:
    await orders.ingest("a", **FIELDS)
    await orders.ingest("b", **{**FIELDS, "fm_key": ""})
    await orders.resolve("same_number", decision)
    assert (await orders.count("work_orders"), await orders.reviews()) == (2, [])


async def test_a_person_says_whose_order_it_is(orders: Orders) -> None:
    """And of several it may be, which one: it is no other order then, or that one."""
    ids = [(await orders.ingest(fm, **{**FIELDS, "fm_key": fm}))["work_order_id"] for fm in ("acme", "other")]
    third = await orders.ingest("b", contact="Ada")
    await orders.resolve("no_number", "accepted", work_order_number="0815", fm_key="third")
    assert (await orders.order(third["work_order_id"]))["fm_key"] == "third"
    assert (await orders.count("work_orders"), await orders.reviews()) == (3, [])
    await orders.ingest("c", **{**FIELDS, "fm_key": ""})
    with pytest.raises(asyncpg.PostgresError, match="of this number: 3; accept with the fm_key of the right one"):
        await orders.resolve("same_number", "accepted")
    await orders.resolve("same_number", "accepted", fm_key="other")
    assert (await orders.order(ids[1]))["revision"] == 2
    assert [
        row["revision"]
        for row in await orders.db.fetch(
            "select revision from work_order_sources where work_order_id = $1 order by 1", ids[1]
        )
    ] == [1, 2]
    assert (await orders.count("work_orders"), await orders.reviews()) == (3, [])


async def test_a_second_number_that_another_order_has_is_refused_with_the_next_step(orders: Orders) -> None:
    await orders.ingest("a", **FIELDS)
    later = await orders.ingest("b", **{**FIELDS, "work_order_number": "9"})
    await orders.db.execute(
        "select work_orders_record_reading($1, 'robot', 'acme', 1, 'OK', $2, '{}', '[]', 1, '{}')",
        *(later["source_id"], '{"work_order_number": "0815"}'),
    )
    with pytest.raises(asyncpg.PostgresError, match="has the number 0815 already; give the right one") as refused:
        await orders.resolve("other_number", "accepted")
    assert refused.value.sqlstate == "RM003"
    await orders.resolve("other_number", "accepted", work_order_number="10")
    assert (await orders.order(later["work_order_id"]))["number_key"] == "10"


async def test_a_number_by_a_person_and_one_by_a_pdf_at_once_make_one_order(database: Database, orders: Orders) -> None:
    sessions = [await database.connect() for _ in range(2)]
    for at in range(25):
        await orders.ingest(f"without {at}", fm_key="acme")
        given = orders.resolve("no_number", "accepted", sessions[0], work_order_number=f"77{at}")
        await asyncio.gather(
            given, orders.ingest(f"with {at}", sessions[1], work_order_number=f"77{at}", fm_key="acme")
        )
    assert (await orders.count("work_orders"), await orders.reviews()) == (25, [])


@pytest.mark.parametrize("taken", [False, True])
async def test_a_match_by_a_person_goes_with_an_order_that_proves_to_be_a_revision(orders: Orders, taken: bool) -> None:
    first = await orders.ingest("a", **FIELDS)
    if taken:
        await orders.signed("own", "0815")
    later = await orders.ingest("b", customer_name="no number was found")
    signed = (await orders.signed("s", None))["signed_document_id"]
    await orders.db.execute("select work_orders_rematch($1, $2, false, '{}')", signed, later["work_order_id"])
    await orders.db.execute(
        "select work_orders_record_reading($1, 'robot', 'acme', 1, 'OK', $2, '{}', '[]', 1, '{}')",
        *(later["source_id"], '{"work_order_number": "wo 0815"}'),
    )
    [match] = await orders.db.fetch("select work_order_id, signed_document_id = $1 as ours from signed_match", signed)
    assert (match["work_order_id"], match["ours"]) == (first["work_order_id"], not taken)
    assert (await orders.document(signed))["state"] == ("REFUSED" if taken else "MATCHED")
    assert await orders.count("work_orders") == 1


async def test_what_cannot_be_stored_as_a_date_or_number_keeps_its_words(orders: Orders) -> None:
    long, key = "9" * 201, "k" * 101
    made = await orders.ingest("a", work_order_number="1", amount="about 5", due_on="03/04/2026", currency="Euro")
    order = await orders.order(made["work_order_id"])
    assert (order["amount"], order["due_on"], order["currency"]) == (None, None, None)
    assert order["extra"] == (
        '{"amount_as_written": "about 5", "due_on_as_written": "03/04/2026", "currency_as_written": "Euro"}'
    )
    other = await orders.order(
        (await orders.ingest("b", work_order_number=long, amount="NaN", fm_key=key))["work_order_id"]
    )
    assert (other["number_key"], other["amount"], other["status"]) == (None, None, "REVIEW")
    assert other["extra"] == f'{{"amount_as_written": "NaN", "work_order_number_as_written": "{long}"}}'
    third = await orders.order((await orders.ingest("c", work_order_number="3", fm_key=key))["work_order_id"])
    assert third["fm_key"] == key[:100]


async def test_one_number_of_two_facility_managers_is_two_orders_and_of_an_unknown_one_a_question(
    orders: Orders,
) -> None:
    ids = [(await orders.ingest(fm, **{**FIELDS, "fm_key": fm}))["work_order_id"] for fm in ("acme", "other")]
    assert len(set(ids)) == 2
    assert await orders.reviews() == []
    await orders.ingest("unknown", **{**FIELDS, "fm_key": ""})
    assert await orders.reviews() == ["same_number"]


async def test_without_fields_the_pdf_is_read_by_a_task_of_its_workspace(orders: Orders) -> None:
    made = await orders.ingest("a")
    assert (await orders.order(made["work_order_id"]))["status"] == "RECEIVED"
    [task] = await orders.db.fetch("select task_type, payload, workspace_id from task_queue")
    assert (task["task_type"], task["workspace_id"]) == ("work_orders.read", orders.workspace_id)
    assert str(made["source_id"]) in task["payload"]


@pytest.mark.parametrize("given", ["", "ABC", sha("x").upper(), None])
async def test_a_hash_that_is_none_is_refused(orders: Orders, given: Any) -> None:
    call = orders.db.execute("select ingest_work_order($1, $2, 'b', 1)", orders.workspace_id, given)
    with pytest.raises(asyncpg.PostgresError, match="SHA-256"):
        await call


async def test_a_workspace_without_work_orders_is_refused(orders: Orders) -> None:
    call = orders.db.execute("select ingest_work_order(rowmill.default_workspace(), $1, 'b', 1)", sha("x"))
    with pytest.raises(asyncpg.PostgresError, match="get_or_create_workspace"):
        await call


# --- workspaces ------------------------------------------------------------------------------------------------------


async def test_32_callers_at_once_make_one_workspace(database: Database, db: Connection) -> None:
    await make_orders(db, "elsewhere")
    sessions = [await database.connect() for _ in range(32)]
    query = "select get_or_create_workspace('new-sheet', 'ada@example.org', 'folder')"
    assert len(set(await asyncio.gather(*(session.fetchval(query) for session in sessions)))) == 1
    [row] = await db.fetch("select * from workspaces_d0 where spreadsheet_id = 'new-sheet'")
    assert row["drive_folder_id"] == "folder"


async def test_naming_a_spreadsheet_makes_nobody_a_member_of_its_workspace(orders: Orders) -> None:
    await make_orders(orders.db, "sheet-2", "eve@example.org")
    query = "select get_or_create_workspace('sheet-1', 'eve@example.org', null, $1)"
    members = "select count(*) from workspace_members where workspace_id = $1"
    assert await orders.db.fetchval(query, False) == orders.workspace_id
    assert await orders.db.fetchval(members, orders.workspace_id) == 1
    assert await orders.db.fetchval(query, True) == orders.workspace_id
    assert await orders.db.fetchval(members, orders.workspace_id) == 2


async def test_an_unknown_user_makes_no_workspace(db: Connection) -> None:
    with pytest.raises(asyncpg.PostgresError, match="there is no user 'nobody'"):
        await db.execute("select get_or_create_workspace('s', 'nobody')")


async def test_a_workspace_has_its_nightly_schedules(orders: Orders) -> None:
    rows = await orders.db.fetch("select name, task_type, cron, workspace_id from rowmill.schedules order by name")
    assert [row["task_type"] for row in rows] == ["work_orders.check_sheet", "work_orders.forget_runs"]
    assert {row["workspace_id"] for row in rows} == {orders.workspace_id}
    assert [row["cron"].split()[1:] for row in rows] == [["3", "*", "*", "*"], ["4", "*", "*", "*"]]
