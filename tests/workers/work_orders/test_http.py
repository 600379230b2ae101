"""Work orders over HTTP: uploads, letters, previews, reviews, the export queue; each workspace for itself."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from tests.running import Workers, until
from tests.serving import Client, Reply, Site
from tests.workers.work_orders.letters import letter
from tests.workers.work_orders.orders import sha
from tests.workers.work_orders.pdfs import PDFS, PROFILES, pdf

READ = "work_orders.read"


@pytest.fixture
async def client(site: Site, store: Path) -> Client:
    return await site.client("operate")


def without_file() -> aiohttp.FormData:
    made = aiohttp.FormData()
    made.add_field("parameters", "{}", content_type="application/json")
    return made


def form(data: bytes | io.BytesIO, name: str = "order.pdf", **parameters: Any) -> aiohttp.FormData:
    made = aiohttp.FormData()
    made.add_field("file", data, filename=name, content_type="application/pdf")
    made.add_field("parameters", json.dumps(parameters), content_type="application/json")
    return made


async def send(client: Client, path: str, data: bytes, key: Any = None, **parameters: Any) -> Reply:
    given = {"spreadsheet_id": "sheet-1"} | parameters if "workspace_id" not in parameters else parameters
    return await client.ask("POST", path, data=form(data, **given), **({"key": key} if key else {}))


async def ingest(client: Client, data: bytes, **parameters: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await send(client, "/api/work-orders/ingest", data, **parameters)).ok()
    return answer


async def workspace_of(site: Site) -> UUID:
    found: UUID = await site.db.fetchval("select workspace_id from work_order_settings")
    return found


async def test_a_pdf_with_parsed_fields_is_an_order_at_once(site: Site, client: Client) -> None:
    parsed = {"work_order_number": "WO-1", "customer_name": "Mill Lane", "fm_key": "acme"}
    answer = await ingest(client, b"%PDF some", parsed_work_order=parsed, source_type="GMAIL")
    assert (answer["is_new"], answer["status"]) == (True, "READY")
    row = await site.db.fetchrow("select * from extraction_runs")
    assert row is not None
    assert row["source"] == "caller"
    again = await ingest(client, b"%PDF some", parsed_work_order=parsed)
    assert (again["is_new"], again["work_order_id"]) == (False, answer["work_order_id"])


async def test_the_documented_names_are_taken_as_well(client: Client) -> None:
    answer = await send(
        client,
        "/api/work-orders/ingest",
        b"%PDF some",
        parsedWorkOrder={"work_order_number": "1"},
        sourceType="GMAIL",
        sourceMetadata={"messageId": "m"},
    )
    assert answer.ok()["is_new"] is True


async def test_one_idempotency_key_hears_one_answer(client: Client) -> None:
    key = uuid4()
    answers = [(await send(client, "/api/work-orders/ingest", b"a", key)).ok() for _ in range(2)]
    assert answers[0] == answers[1]
    (await send(client, "/api/work-orders/ingest", b"b", key)).refusal(409, "reused")


async def test_64_identical_uploads_at_once_make_one_order(site: Site, client: Client) -> None:
    await ingest(client, b"first")
    parsed = {"work_order_number": "1"}
    answers = await asyncio.gather(*(ingest(client, b"same", parsed_work_order=parsed) for _ in range(64)))
    assert len({each["work_order_id"] for each in answers}) == 1
    assert sum(each["is_new"] for each in answers) == 1
    assert await site.db.fetchval("select count(*) from work_order_sources where file_hash = $1", sha("same")) == 1


async def test_a_signed_document_is_matched_and_answers_its_order(client: Client) -> None:
    order = await ingest(client, b"a", parsed_work_order={"work_order_number": "WO-7"})
    sent = await send(
        client, "/api/signed/ingest", b"s", work_order_number="7", signed_pdf_url="https://x.example/s.pdf"
    )
    answer = sent.ok()
    assert (answer["matched_work_order_id"], answer["state"]) == (order["work_order_id"], "MATCHED")
    second = (await send(client, "/api/signed/ingest", b"s2", work_order_number="7")).ok()
    assert (second["matched_work_order_id"], second["state"]) == (None, "REFUSED")
    assert second["reason"] == "the work order 7 has a signed document already"


async def test_a_letter_brings_its_pdfs_with_what_gmail_knows(site: Site, client: Client) -> None:
    sent = letter(("one.pdf", b"%PDF 1"), ("zwei.pdf", b"%PDF 2"))
    answer = (await send(client, "/api/work-orders/letters", sent)).ok()
    assert [each["is_new"] for each in answer["work_orders"]] == [True, True]
    rows = await site.db.fetch("select source_type, source_metadata from work_order_sources order by id")
    assert {row["source_type"] for row in rows} == {"GMAIL"}
    assert sorted(json.loads(row["source_metadata"])["filename"] for row in rows) == ["one.pdf", "zwei.pdf"]
    assert json.loads(rows[0]["source_metadata"]) | {"filename": ""} == {
        "message_id": "<abc@mail.example>",
        "email_subject": "Neue Aufträge",
        "sender": "orders@northgate.example",
        "filename": "",
    }
    (await send(client, "/api/work-orders/letters", letter())).refusal(422, "no_letter")
    signed = (await send(client, "/api/work-orders/letters", sent, kind="signed")).ok()
    assert len(signed["signed_documents"]) == 2


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"data": b"x", "headers": {"Content-Type": "application/json"}}, 415, "not_multipart"),
        ({"data": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "invalid"),
        ({"data": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=y"}}, 400, "invalid"),
        ({"data": without_file()}, 400, "invalid"),
        ({"data": form(b"", spreadsheet_id="s")}, 422, "empty"),
        ({"data": form(b"x")}, 422, "nowhere"),
        ({"data": form(b"x", spreadsheet_id=" ")}, 422, "nowhere"),
        ({"data": form(b"x", spreadsheet_id="s", workspace_id=str(uuid4()))}, 404, "not_found"),
        ({"data": form(b"x", workspace_id=str(uuid4()))}, 404, "not_found"),
        ({"data": form(io.BytesIO(b"x" * 25_100_000), spreadsheet_id="s")}, 413, "too_large"),
    ],
)
async def test_what_is_no_upload_is_refused(client: Client, given: dict[str, Any], status: int, code: str) -> None:
    (await client.ask("POST", "/api/work-orders/ingest", **given)).refusal(status, code)


async def test_an_order_is_read_shown_and_drawn(site: Site, client: Client, workers: Workers) -> None:
    first = await ingest(client, b"%PDF broken")
    await client.post(
        "/api/work-orders/profiles", {"workspace_id": str(await workspace_of(site)), "profile": PROFILES["northgate"]}
    )
    made = await ingest(client, pdf("NG-5"))
    path = f"/api/work-orders/orders/{made['work_order_id']}"
    await workers.start(READ)

    async def ready() -> Any:
        order = (await client.get(path)).ok()
        return order if order["status"] == "READY" else None

    order = await until(ready, what="the order")
    assert order["fields"]["work_order_number"] == "NG-5"
    [source] = order["sources"]
    assert (source["outcome"], source["fm_key"], source["profile_version"]) == ("OK", "northgate", 1)
    assert source["fields"]["amount"]["value"] == "120.50"
    assert (await client.get(f"{path}/pdf")).body == pdf("NG-5")
    image = await client.get(f"{path}/boxes")
    assert (image.status, image.headers["Content-Type"], image.body[:4]) == (200, "image/png", b"\x89PNG")
    (await client.get(f"{path}/boxes?page=2")).refusal(422, "undrawable")
    (await client.get(f"/api/work-orders/orders/{first['work_order_id']}/boxes")).refusal(422, "undrawable")
    preview = (await client.get("/api/db/preview")).ok()
    assert [each["id"] for each in preview["work_orders"]] == [made["work_order_id"], first["work_order_id"]]
    assert preview["work_orders"][0]["export_status"] == "PENDING"
    assert preview["exports"]["PENDING"] >= 1


async def test_the_answered_id_leads_to_the_order_that_it_became(client: Client) -> None:
    first = await ingest(client, b"a", parsed_work_order={"work_order_number": "1"})
    later = await ingest(client, b"b", parsed_work_order={"work_order_number": "1"})
    assert first["work_order_id"] == later["work_order_id"]
    order = (await client.get(f"/api/work-orders/orders/{later['work_order_id']}")).ok()
    assert (order["revision"], len(order["sources"])) == (2, 2)


async def test_a_person_answers_questions(site: Site, client: Client) -> None:
    await ingest(client, b"a", parsed_work_order={"work_order_number": "1", "amount": "5"})
    order = await ingest(client, b"b", parsed_work_order={"work_order_number": "1", "amount": "6"})
    [review] = (await client.get("/api/work-orders/reviews")).ok()["reviews"]
    assert (review["kind"], review["details"]["fields"]) == ("fields_differ", {"amount": {"is": 5.00, "read": 6.00}})
    path = f"/api/work-orders/reviews/{review['id']}"
    (await client.post(path, {"decision": "accepted", "fields": {"contact": "Ada"}})).ok()
    shown = (await client.get(f"/api/work-orders/orders/{order['work_order_id']}")).ok()
    assert (shown["status"], shown["fields"]["amount"], shown["fields"]["contact"]) == ("READY", 6.00, "Ada")
    (await client.post(path, {"decision": "kept"})).refusal(422)
    audit = await site.db.fetchval("select user_id from audit_events where action = 'accepted'")
    assert audit == await site.user_id(client)


async def test_a_person_matches_a_signed_document(client: Client) -> None:
    order = await ingest(client, b"a", parsed_work_order={"work_order_number": "1"})
    signed = (await send(client, "/api/signed/ingest", b"s", work_order_number="404")).ok()
    path = f"/api/signed/{signed['signed_document_id']}/match"
    (await client.post(path, {"work_order_id": order["work_order_id"]})).ok()
    shown = (await client.get(f"/api/work-orders/orders/{order['work_order_id']}")).ok()
    assert shown["signed_document_id"] == signed["signed_document_id"]
    assert (await client.get("/api/work-orders/reviews")).ok()["reviews"] == []


async def test_exports_are_processed_on_demand_and_begin_anew(site: Site, client: Client, workers: Workers) -> None:
    await ingest(client, b"a", parsed_work_order={"work_order_number": "1"})
    await workers.start("work_orders.export")
    told = (await client.post("/api/exports/process", {"limit": 10})).ok()
    assert told == {"processed": 1, "failed": 0, "quota_error": False, "waiting": 0}
    [export] = (await client.get("/api/exports?status=DONE")).ok()["exports"]
    (await client.post(f"/api/exports/{export['id']}/retry")).ok()
    query = "select count(*) = 2 from task_queue where task_type = 'work_orders.export' and status = 'completed'"
    await until(lambda: site.db.fetchval(query), what="the second export")
    assert (await client.post("/api/exports/process", {})).ok()["processed"] == 0


async def test_a_profile_that_cannot_work_is_refused_with_its_field(site: Site, client: Client) -> None:
    await ingest(client, b"a")
    body = {"workspace_id": str(await workspace_of(site)), "profile": {"fm_key": "x", "fields": {"amount": {}}}}
    error = (await client.post("/api/work-orders/profiles", body)).refusal(422, "profile")
    assert error["field"] == "profile.fields.amount"
    profile = {"fm_key": "x", "fields": {"work_order_number": {"label": "No"}}}
    for _ in range(2):
        (await client.post("/api/work-orders/profiles", {**body, "profile": profile})).ok()
    listed = (await client.get("/api/work-orders/profiles")).ok()["profiles"]
    assert [(each["fm_key"], each["profile_version"]) for each in listed] == [("x", 2), ("x", 1)]


async def test_a_stranger_sees_and_changes_nothing_of_another_workspace(site: Site, client: Client) -> None:
    order = await ingest(client, b"a", parsed_work_order={"work_order_number": "1"})
    await ingest(client, b"b", parsed_work_order={"work_order_number": "1", "contact": "x"})
    signed = (await send(client, "/api/signed/ingest", b"s", work_order_number="404")).ok()
    [review] = (await client.get("/api/work-orders/reviews")).ok()["reviews"]
    [export] = (await client.get("/api/exports")).ok()["exports"]
    eve = await site.client("operate")
    workspace = str(await workspace_of(site))
    assert (await eve.get("/api/db/preview")).ok() == {"work_orders": [], "exports": {}}
    assert (await eve.get("/api/work-orders/reviews")).ok()["reviews"] == []
    assert (await eve.get("/api/exports")).ok()["exports"] == []
    for path in ("", "/pdf", "/boxes"):
        (await eve.get(f"/api/work-orders/orders/{order['work_order_id']}{path}")).refusal(404)
    (await eve.post(f"/api/work-orders/reviews/{review['id']}", {"decision": "kept"})).refusal(404)
    (await eve.post(f"/api/exports/{export['id']}/retry")).refusal(404)
    match = {"work_order_id": order["work_order_id"]}
    (await eve.post(f"/api/signed/{signed['signed_document_id']}/match", match)).refusal(404)
    (await eve.post("/api/work-orders/profiles", {"workspace_id": workspace, "profile": {}})).refusal(404)
    for where in ({"workspace_id": workspace}, {"spreadsheet_id": "sheet-1"}):
        (await send(eve, "/api/work-orders/ingest", b"a", **where)).refusal(404)
    query = "select count(*) from workspace_members where workspace_id = $1"
    assert await site.db.fetchval(query, await workspace_of(site)) == 1


async def test_a_file_of_the_demo_goes_all_the_way(site: Site, client: Client, workers: Workers) -> None:
    await ingest(client, b"first")
    workspace = str(await workspace_of(site))
    for profile in PROFILES.values():
        (await client.post("/api/work-orders/profiles", {"workspace_id": workspace, "profile": profile})).ok()
    made = await ingest(client, (PDFS / "CL-001001.pdf").read_bytes())
    signed = await send(client, "/api/signed/ingest", (PDFS / "signed-CL-001001.pdf").read_bytes())
    assert signed.ok()["state"] == "PENDING"
    await workers.start(READ, "work_orders.read_signed", "work_orders.export")

    async def matched() -> Any:
        order = (await client.get(f"/api/work-orders/orders/{made['work_order_id']}")).ok()
        return order if order["signed_document_id"] and order["export_status"] == "DONE" else None

    order = await until(matched, what="the match and its export")
    assert order["signed_document_id"] == signed.ok()["signed_document_id"]
