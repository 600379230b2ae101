"""Signed documents: one for one, by number, never by guess; a person's word with audit."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from tests.running import Database
from tests.workers.work_orders.orders import Orders


async def test_a_signed_document_finds_the_order_of_its_number_however_it_is_written(orders: Orders) -> None:
    made = await orders.ingest("a", work_order_number="WO-0815", fm_key="acme")
    answer = await orders.signed("s", "wo 0815")
    assert answer["matched_work_order_id"] == made["work_order_id"]
    assert (await orders.document(answer["signed_document_id"]))["state"] == "MATCHED"
    again = await orders.signed("s", "wo 0815")
    assert (again["is_new"], again["matched_work_order_id"]) == (False, made["work_order_id"])


async def test_a_second_signed_document_is_refused_with_a_reason_and_kept(orders: Orders) -> None:
    made = await orders.ingest("a", work_order_number="1")
    first, second = await orders.signed("s1", "1"), await orders.signed("s2", "1")
    assert (first["matched_work_order_id"], second["matched_work_order_id"]) == (made["work_order_id"], None)
    document = await orders.document(second["signed_document_id"])
    assert (document["state"], document["reason"]) == ("REFUSED", "the work order 1 has a signed document already")
    assert await orders.reviews() == ["signed_second"]


async def test_of_32_signed_documents_at_once_one_is_matched_and_31_are_kept(
    database: Database, orders: Orders
) -> None:
    made = await orders.ingest("a", work_order_number="1")
    sessions = [await database.connect() for _ in range(32)]
    calls = [orders.signed(f"s{at}", "1", session) for at, session in enumerate(sessions)]
    matched = [each["matched_work_order_id"] for each in await asyncio.gather(*calls)]
    assert sorted(map(str, matched)) == sorted([str(made["work_order_id"]), *["None"] * 31])
    states = await orders.db.fetch("select state from signed_documents")
    assert sorted(row["state"] for row in states) == ["MATCHED", *["REFUSED"] * 31]


async def test_an_order_and_its_signed_document_that_come_at_once_find_each_other(
    database: Database, orders: Orders
) -> None:
    one, two = await database.connect(), await database.connect()
    for at in range(25):
        order = orders.ingest(f"order {at}", one, work_order_number=f"77{at}")
        signed = orders.signed(f"signed {at}", f"77{at}", two)
        await asyncio.gather(order, signed)
    assert await orders.db.fetchval("select count(*) from signed_match") == 25
    assert await orders.reviews() == []


@pytest.mark.parametrize(
    ("number", "kind"), [("404", "signed_missing"), ("5", "signed_ambiguous"), (None, "signed_no_number")]
)
async def test_what_has_no_one_order_is_a_question(orders: Orders, number: str | None, kind: str) -> None:
    for fm in ("acme", "other"):
        await orders.ingest(fm, work_order_number="5", fm_key=fm)
    answer = await orders.signed("s", number)
    document = await orders.document(answer["signed_document_id"])
    assert (answer["matched_work_order_id"], document["state"], await orders.reviews()) == (None, "REVIEW", [kind])
    assert document["reason"]


async def test_the_facility_manager_decides_between_two_orders_of_one_number(orders: Orders) -> None:
    ids = {fm: (await orders.ingest(fm, work_order_number="5", fm_key=fm))["work_order_id"] for fm in ("acme", "other")}
    assert (await orders.signed("s", "5", fm_key="other"))["matched_work_order_id"] == ids["other"]


async def test_a_document_that_came_first_is_matched_when_its_order_comes(orders: Orders) -> None:
    early = await orders.signed("s", "WO 99")
    made = await orders.ingest("a", work_order_number="99")
    match = await orders.db.fetchrow("select * from signed_match")
    assert match is not None
    assert (match["work_order_id"], match["signed_document_id"]) == (made["work_order_id"], early["signed_document_id"])
    assert await orders.reviews() == []


async def test_the_database_itself_refuses_a_second_match(orders: Orders) -> None:
    made = await orders.ingest("a", work_order_number="1")
    other = await orders.ingest("b", work_order_number="2")
    first, second = await orders.signed("s1", "1"), await orders.signed("s2", "1")
    insert = "insert into signed_match (work_order_id, signed_document_id, workspace_id) values ($1, $2, $3)"
    for order, document in ((made, second), (other, first)):
        with pytest.raises(asyncpg.UniqueViolationError):
            await orders.db.execute(insert, order["work_order_id"], document["signed_document_id"], orders.workspace_id)


async def test_a_person_matches_anew_and_the_audit_says_who_and_from_what(orders: Orders) -> None:
    one = await orders.ingest("a", work_order_number="1")
    two = await orders.ingest("b", work_order_number="2")
    first, second = await orders.signed("s1", "1"), await orders.signed("s2", "2")
    author = f'{{"user_id": "{orders.user_id}"}}'
    query = "select work_orders_rematch($1, $2, $3, $4)"
    with pytest.raises(asyncpg.PostgresError, match=r"has the signed document .* already; say replace"):
        await orders.db.execute(query, first["signed_document_id"], two["work_order_id"], False, author)
    await orders.db.execute(query, first["signed_document_id"], two["work_order_id"], True, author)
    [match] = await orders.db.fetch("select * from signed_match")
    assert (match["work_order_id"], match["signed_document_id"], match["matched_by"]) == (
        *(two["work_order_id"], first["signed_document_id"]),
        orders.user_id,
    )
    assert (await orders.document(second["signed_document_id"]))["state"] == "REFUSED"
    rows = await orders.db.fetch(
        "select action, entity_id, before, after from audit_events where user_id = $1 order by id", orders.user_id
    )
    told = [(row["action"], row["entity_id"] == str(first["signed_document_id"])) for row in rows]
    assert told == [("unmatched", False), ("unmatched", True), ("matched", True)]
    assert str(one["work_order_id"]) in rows[1]["before"]
