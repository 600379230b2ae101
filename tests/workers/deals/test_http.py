"""Deals over HTTP: the whole way of a mail, refusals with sentences, and two people at one draft."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from core.cli.acting import Acting
from core.db import catalogs
from core.db.connect import Connection, Slots
from core.settings import Settings
from tests.running import Database, Workers, all_ended
from tests.serving import Client, Site
from tests.workers.deals.seeds import FOUNDRY, SARAH, Seeded, add_draft, add_email, draft_row, seed
from workers.deals.desk import Desk

TYPES = ("deals.receive_email", "deals.generate_draft", "deals.regenerate_draft", "deals.send_draft")
MAIL = b"""From: Sarah Chen <sarah@acme.example>
To: agent@rowmill.example
Subject: Parking
Message-ID: <first@acme.example>

Is parking included at The Foundry, and what does it cost?
"""


@pytest.fixture
async def seeded(db: Connection) -> Seeded:
    return await seed(db)


@pytest.fixture
async def person(site: Site) -> Client:
    return await site.client("operate", email="rita@example.org")


async def act(person: Client, draft_id: int, verb: str, **body: Any) -> Any:
    """With the version that the draft has now, unless told."""
    if "version" not in body:
        body["version"] = (await person.get(f"/api/drafts/{draft_id}")).ok()["version"]
    return await person.post(f"/api/drafts/{draft_id}/{verb}", body)


async def test_from_a_mail_to_a_sent_answer(
    db: Connection, site: Site, person: Client, workers: Workers, outbox: Path
) -> None:
    new_deal = {name: value for name, value in SARAH.items() if name != "stage"}
    deal_id = (await person.post("/api/deals", new_deal)).ok()["id"]
    space_id = (await person.post("/api/spaces", FOUNDRY)).ok()["id"]
    (await person.post(f"/api/deals/{deal_id}/spaces", {"space_id": space_id})).ok()
    await workers.start(*TYPES)
    (await person.post("/api/emails/inbound", {"eml_base64": base64.b64encode(MAIL).decode()})).ok()
    await all_ended(db)
    [listed] = (await person.get("/api/drafts")).ok()["drafts"]
    assert (listed["deal_id"], listed["status"], listed["validation"]["status"]) == (deal_id, "pending", "passed")
    shown = (await person.get(f"/api/drafts/{listed['id']}")).ok()
    assert "costs $250 per month" in shown["final_body"]
    (await act(person, listed["id"], "approve")).ok()
    (await act(person, listed["id"], "send")).ok()
    await all_ended(db)
    whole = (await person.get(f"/api/deals/{deal_id}")).ok()
    assert [each["direction"] for each in whole["thread"]] == ["inbound", "outbound"]
    assert [each["status"] for each in whole["drafts"]] == ["sent"]
    assert [each["name"] for each in whole["spaces"]] == ["The Foundry"]
    assert len(list(outbox.iterdir())) == 1
    history = (await person.get(f"/api/drafts/{listed['id']}/history")).ok()["events"]
    assert [each["action"] for each in history] == ["generated", "approved", "send_asked", "sending", "sent"]
    assert [each["by"] for each in history if each["action"] in {"approved", "send_asked"}] == ["rita@example.org"] * 2


async def test_any_other_text_takes_the_approval_back(db: Connection, person: Client, seeded: Seeded) -> None:
    draft_id = await add_draft(db, seeded)
    (await act(person, draft_id, "approve")).ok()
    (await act(person, draft_id, "edit", body="Hi Sarah, The Foundry has parking.")).ok()
    draft = await draft_row(db, draft_id)
    assert (draft["status"], draft["approved_sha256"], draft["reviewed_by"]) == ("pending", None, None)
    assert (draft["final_body"], draft["edited_body"]) == ("Hi Sarah, The Foundry has parking.",) * 2
    (await act(person, draft_id, "approve")).ok()
    (await act(person, draft_id, "switch", to_version=0)).ok()
    draft = await draft_row(db, draft_id)
    assert (draft["status"], draft["current_version"], draft["edited_body"]) == ("pending", 0, None)
    assert draft["final_body"] == "Hi Sarah,\n\nThank you."
    versions = json.loads(draft["draft_versions"])
    assert [each.get("editedBy") for each in versions] == [None, "rita@example.org"]


async def test_a_draft_that_fails_the_check_needs_an_override_that_is_audited(
    db: Connection, person: Client, seeded: Seeded
) -> None:
    draft_id = await add_draft(db, seeded, "Hi Sarah, The Foundry rents for $7,200 per month.")
    error = (await act(person, draft_id, "approve")).refusal(409, "failed_validation")
    assert "spaces." in error["message"]
    assert "$8,200" in error["message"]
    (await act(person, draft_id, "approve", override="the host offers it for this client")).ok()
    row = await db.fetchrow("select * from audit_events where action = 'approved_by_override'")
    assert row is not None
    assert json.loads(row["after"])["overrideReason"] == "the host offers it for this client"
    assert row["user_id"] is not None


async def test_the_check_is_made_against_what_the_database_says_at_the_approval(
    db: Connection, person: Client, seeded: Seeded
) -> None:
    draft_id = await add_draft(db, seeded, "Hi Sarah, The Foundry rents for $8,200 per month.")
    await db.execute("update spaces set monthly_rate = 9900 where id = $1", seeded.foundry_id)
    (await act(person, draft_id, "approve")).refusal(409, "failed_validation")
    (await act(person, draft_id, "check")).ok()
    assert json.loads((await draft_row(db, draft_id))["validation"])["status"] == "failed"


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("approve", {}),
        ("edit", {"body": "x"}),
        ("regenerate", {"instruction": "x"}),
        ("switch", {"to_version": 0}),
        ("send", {}),
        ("restore", {}),
        ("resolve", {"arrived": True}),
        ("check", {}),
    ],
)
async def test_a_move_that_the_state_does_not_allow_is_a_409_with_a_sentence(
    db: Connection, person: Client, seeded: Seeded, verb: str, body: dict[str, Any]
) -> None:
    draft_id = await add_draft(db, seeded)
    if verb != "restore":
        (await act(person, draft_id, "archive", reason="not needed")).ok()
    error = (await act(person, draft_id, verb, **body)).refusal(409)
    assert error["code"] in {"wrong_state", "refused"}
    assert error["message"].startswith(("draft ", "the delivery of draft "))


async def test_of_two_edits_at_once_the_second_hears_the_newer_version(
    db: Connection, site: Site, person: Client, seeded: Seeded
) -> None:
    other = await site.client("operate")
    draft_id = await add_draft(db, seeded)
    version = (await draft_row(db, draft_id))["version"]
    replies = await asyncio.gather(
        act(person, draft_id, "edit", version=version, body="Hi Sarah, one."),
        act(other, draft_id, "edit", version=version, body="Hi Sarah, two."),
    )
    assert sorted(each.status for each in replies) == [200, 409]
    [late] = [each for each in replies if each.status == 409]
    now = late.refusal(409, "stale")["details"]["draft"]
    draft = await draft_row(db, draft_id)
    assert (now["version"], now["final_body"]) == (draft["version"], draft["final_body"])


async def test_three_regenerations_then_a_day_and_never_more_at_once(
    db: Connection, person: Client, seeded: Seeded
) -> None:
    draft_id = await add_draft(db, seeded)
    version = (await draft_row(db, draft_id))["version"]
    both = await asyncio.gather(
        *(act(person, draft_id, "regenerate", version=version, instruction="shorter") for _ in range(8))
    )
    assert sorted(each.status for each in both)[:2] == [200, 409]
    for _ in range(2):
        (await act(person, draft_id, "regenerate", instruction="shorter")).ok()
    error = (await act(person, draft_id, "regenerate", instruction="shorter")).refusal(429, "regeneration_limit")
    assert "3 times" in error["message"]
    assert "24 hours" in error["message"]
    assert await db.fetchval("select count(*) from task_queue where task_type = 'deals.regenerate_draft'") == 3
    await db.execute("update email_drafts set last_regeneration_at = now() - interval '23 hours 59 minutes'")
    (await act(person, draft_id, "regenerate", instruction="shorter")).refusal(429)
    await db.execute("update email_drafts set last_regeneration_at = now() - interval '24 hours'")
    (await act(person, draft_id, "regenerate", instruction="shorter")).ok()
    assert (await draft_row(db, draft_id))["regeneration_count"] == 1


async def test_archived_drafts_leave_the_lists_with_their_reason_and_come_back(
    db: Connection, person: Client, seeded: Seeded
) -> None:
    draft_id = await add_draft(db, seeded)
    (await act(person, draft_id, "approve")).ok()
    (await act(person, draft_id, "archive", reason="wrong tone")).ok()
    assert (await person.get("/api/drafts?status=approved")).ok()["drafts"] == []
    [archived] = (await person.get("/api/drafts?status=archived")).ok()["drafts"]
    assert (archived["archived_by"], archived["archive_reason"]) == ("rita@example.org", "wrong tone")
    assert (await person.get("/api/drafts/reasons")).ok()["reasons"][0]["reason"] == "wrong tone"
    (await act(person, draft_id, "restore")).ok()
    assert (await draft_row(db, draft_id))["status"] == "approved"


async def test_a_repeated_request_hears_its_answer_and_does_nothing(
    db: Connection, person: Client, seeded: Seeded
) -> None:
    draft_id = await add_draft(db, seeded)
    version, key = (await draft_row(db, draft_id))["version"], uuid4()
    path = f"/api/drafts/{draft_id}/approve"
    first = (await person.post(path, {"version": version}, key=key)).ok()
    again = (await person.post(path, {"version": version}, key=key)).ok()
    assert first == again
    assert await db.fetchval("select count(*) from audit_events where action = 'approved'") == 1
    (await person.post(f"/api/drafts/{draft_id}/archive", {"version": version}, key=key)).refusal(409, "reused")
    key, new = uuid4(), {name: value for name, value in SARAH.items() if name != "stage"}
    assert (await person.post("/api/deals", new, key=key)).ok() == (await person.post("/api/deals", new, key=key)).ok()


async def test_lists_by_needs_and_what_fits_a_deal(db: Connection, person: Client, seeded: Seeded) -> None:
    await seed(db, requirements={"afterHours": True}, seeker_email="o@example.org")
    deals = (await person.get("/api/deals?needs=parking&needs=dogFriendly")).ok()["deals"]
    assert [each["id"] for each in deals] == [seeded.deal_id]
    fitting = (await person.get(f"/api/spaces?deal={seeded.deal_id}")).ok()["spaces"]
    assert {each["name"] for each in fitting} == {"The Foundry"}
    assert {each["name"] for each in (await person.get("/api/spaces?has=afterHours")).ok()["spaces"]} == {
        "The Foundry",
        "Harbor Loft",
    }


MANY: dict[str, tuple[str, dict[str, Any], str]] = {
    "deals": ("list_deals", {"needs": '{"rare": true}', "stage": None, "before": None}, "idx_deals_requirements"),
    "spaces": ("find_spaces", {"needs": '{"rare": true}', "deal_id": None}, "idx_spaces_amenities"),
    "email_drafts": (
        "list_drafts",
        {"status": "pending", "deal_id": None, "used_space": 7, "before": None},
        "idx_email_drafts_reasoning",
    ),
}


@pytest.mark.parametrize("table", MANY)
async def test_the_statements_of_the_lists_use_the_gin_indexes(db: Connection, seeded: Seeded, table: str) -> None:
    """The very statements of routes and commands, also once the server may plan without knowing the values."""
    await add_draft(db, seeded)
    await db.execute("drop index email_drafts_one_live_key; alter table email_drafts disable trigger user")
    names = await db.fetchval(
        "select string_agg(quote_ident(column_name), ', ') from information_schema.columns where table_name = $1 "
        "and column_name not in ('id', 'version') and table_schema = 'public'",
        table,
    )
    await db.execute(
        f"insert into {table} ({names}) select {names} from {table} cross join generate_series(1, 20000) "
        f"where id = (select min(id) from {table})"
    )
    await db.execute(f"vacuum analyze {table}")
    await db.execute("load 'auto_explain'; set auto_explain.log_min_duration = 0")
    await db.execute("set client_min_messages = log; set auto_explain.log_level = notice")
    name, values, index = MANY[table]
    plan: list[str] = []
    db.add_log_listener(lambda _, message: plan.append(str(message)))
    for _ in range(8):  # five times with the values, then by what was cheaper
        plan.clear()
        await catalogs.of_package("workers.deals")[name].fetch(db, visible=None, most=51, **values)
    assert any(index in each for each in plan), plan


async def test_a_deal_a_draft_and_a_list_take_one_question_however_much_there_is(
    db: Connection, database: Database, seeded: Seeded
) -> None:
    """No N+1: what is said on the wire is counted, for one mail of a thread and for thirty."""
    slots = Slots(database.dsn, Settings(), "test", 1)
    asked: list[str] = []
    async with slots.acquire() as connection:
        connection.add_query_logger(lambda query: asked.append(query.query))
    person = Acting(slots, "workers.deals", None, "")
    desk = Desk(person.read, person.apply, "", None)
    await desk.deal(seeded.deal_id)  # the first time it learns the types
    counts = []
    for more in (0, 29):
        for _ in range(more):
            email_id = await add_email(db, seeded.deal_id)
            await add_draft(db, seeded, inbound_email_id=email_id)
        await asyncio.sleep(0)
        asked.clear()
        whole = await desk.deal(seeded.deal_id)
        await desk.read(
            "list_drafts", visible=None, status="pending", deal_id=None, used_space=None, before=None, most=50
        )
        await desk.read("list_deals", visible=None, needs="{}", stage=None, before=None, most=50)
        await asyncio.sleep(0)  # asyncpg tells its loggers in the loop's next turn
        counts.append((len(asked), len(json.loads(whole["thread"]))))
    await slots.close()
    assert counts == [(3, 1), (3, 30)]


async def test_a_thread_is_shown_in_the_order_it_was_sent(db: Connection, person: Client, seeded: Seeded) -> None:
    late, early = (datetime(2030, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC))
    last = await add_email(db, seeded.deal_id, sent_at=late)
    first = await add_email(db, seeded.deal_id, sent_at=early)
    thread = (await person.get(f"/api/deals/{seeded.deal_id}")).ok()["thread"]
    assert [each["id"] for each in thread] == [first, seeded.email_id, last]


async def test_drafts_that_stand_on_a_space_are_found_when_it_changes(
    db: Connection, person: Client, seeded: Seeded
) -> None:
    used = {"dataUsed": [{"dataPoint": "rent", "sourceType": "space", "sourceId": seeded.foundry_id, "value": 8200}]}
    draft_id = await add_draft(db, seeded, reasoning=used)
    await add_draft(db, seeded, inbound_email_id=await add_email(db, seeded.deal_id))
    found = (await person.get(f"/api/drafts?space={seeded.foundry_id}")).ok()["drafts"]
    assert [each["id"] for each in found] == [draft_id]


async def test_nothing_is_sent_or_listed_for_a_deleted_deal(db: Connection, person: Client, seeded: Seeded) -> None:
    draft_id = await add_draft(db, seeded)
    (await act(person, draft_id, "approve")).ok()
    version = (await person.get(f"/api/deals/{seeded.deal_id}")).ok()["version"]
    (await person.post(f"/api/deals/{seeded.deal_id}/delete", {"version": version})).ok()
    assert (await person.get("/api/drafts?status=approved")).ok()["drafts"] == []
    error = (await act(person, draft_id, "send")).refusal(409, "wrong_state")
    assert "the deal of draft" in error["message"]
    (await person.get(f"/api/spaces?deal={seeded.deal_id}")).refusal(404, "not_found")


async def test_many_at_once_never_take_more_than_is_left(db: Connection, site: Site, seeded: Seeded) -> None:
    """Each reads the draft anew and asks again until it is told the limit: one is left, and one of six gets it."""
    draft_id = await add_draft(db, seeded, regeneration_count=2)
    people = [await site.client("operate") for _ in range(6)]

    async def insist(person: Client) -> int:
        while (reply := await act(person, draft_id, "regenerate", instruction="shorter")).status == 409:
            pass
        return int(reply.status)

    assert sorted(await asyncio.gather(*map(insist, people))) == [200, *[429] * 5]
    assert (await draft_row(db, draft_id))["regeneration_count"] == 3
    assert await db.fetchval("select count(*) from task_queue where task_type = 'deals.regenerate_draft'") == 1


async def test_unassigned_mails_are_listed_and_assigned_by_hand(
    db: Connection, person: Client, workers: Workers, seeded: Seeded
) -> None:
    raw = MAIL.replace(b"sarah@acme.example>\nTo", b"stranger@example.org>\nTo")
    await workers.start(*TYPES)
    mail_id = (await person.post("/api/emails/inbound", {"eml_base64": base64.b64encode(raw).decode()})).ok()[
        "inbound_id"
    ]
    await all_ended(db)
    [waiting] = (await person.get("/api/emails/unassigned")).ok()["mails"]
    assert (waiting["id"], waiting["from_address"]) == (mail_id, "stranger@example.org")
    (await person.post(f"/api/emails/unassigned/{mail_id}/assign", {"deal_id": seeded.deal_id})).ok()
    await all_ended(db)
    assert (await person.get("/api/emails/unassigned")).ok()["mails"] == []
    assert await db.fetchval("select count(*) from email_drafts where deal_id = $1", seeded.deal_id) == 1
    (await person.post(f"/api/emails/unassigned/{mail_id}/assign", {"deal_id": seeded.deal_id})).refusal(409)


async def test_the_unassigned_list_has_pages_and_what_belongs_to_no_deal_is_dismissed(
    db: Connection, person: Client, workers: Workers, seeded: Seeded
) -> None:
    await workers.start(*TYPES)
    ids = []
    for at in range(3):
        raw = MAIL.replace(b"sarah@acme.example>\nTo", b"stranger%d@example.org>\nTo" % at) + b"x" * 20_000
        raw = raw.replace(b"Message-ID: <", b"Message-ID: <%d" % at)
        sent = await person.post("/api/emails/inbound", {"eml_base64": base64.b64encode(raw).decode()})
        ids.append(sent.ok()["inbound_id"])
        await all_ended(db)
    page = (await person.get("/api/emails/unassigned?limit=2")).ok()
    assert ([mail["id"] for mail in page["mails"]], page["more"]) == (ids[:2], True)
    assert len(page["mails"][0]["body"]) == 10_000
    page = (await person.get(f"/api/emails/unassigned?limit=2&after={ids[1]}")).ok()
    assert ([mail["id"] for mail in page["mails"]], page["more"]) == (ids[2:], False)
    (await person.post(f"/api/emails/unassigned/{ids[1]}/dismiss", {})).ok()
    assert [mail["id"] for mail in (await person.get("/api/emails/unassigned")).ok()["mails"]] == [ids[0], ids[2]]
    (await person.post(f"/api/emails/unassigned/{ids[1]}/dismiss", {})).refusal(409)
    audited = "select before ->> 'reason' from audit_events where entity_id = $1 and action = 'dismissed'"
    assert "no open deal" in await db.fetchval(audited, ids[1])
    (await person.post(f"/api/emails/unassigned/{ids[1]}/assign", {"deal_id": seeded.deal_id})).ok()


async def test_html_and_headers_in_a_text_stay_a_text(
    db: Connection, person: Client, workers: Workers, seeded: Seeded, outbox: Path
) -> None:
    email_id = await add_email(db, seeded.deal_id, subject="Hello\r\nBcc: victim@example.org")
    draft_id = await add_draft(db, seeded, inbound_email_id=email_id)
    text = "Hi Sarah,\n\nBcc: victim@example.org\n\n<script>alert(1)</script> <img src=x onerror=y>"
    (await act(person, draft_id, "edit", body=text)).ok()
    (await act(person, draft_id, "approve", override="a test")).ok()
    (await act(person, draft_id, "send")).ok()
    await workers.start("deals.send_draft")
    await all_ended(db)
    [file] = list(outbox.iterdir())
    head, _, body = file.read_text(encoding="utf-8").partition("\n\n")
    assert "\nBcc:" not in head
    assert "Content-Type: text/plain" in head
    assert "<script>alert(1)</script>" in body
    shown = await person.get(f"/api/drafts/{draft_id}")
    assert shown.headers["Content-Type"].startswith("application/json")
    assert shown.headers["X-Content-Type-Options"] == "nosniff"


async def test_other_workspaces_are_nowhere_to_be_seen(db: Connection, site: Site, seeded: Seeded) -> None:
    other = await db.fetchval("insert into workspaces (name) values ('other') returning id")
    stranger = await site.client("operate", workspaces=(other,))
    draft_id = await add_draft(db, seeded)
    assert (await stranger.get("/api/deals")).ok()["deals"] == []
    assert (await stranger.get("/api/drafts")).ok()["drafts"] == []
    for path in (f"/api/deals/{seeded.deal_id}", f"/api/drafts/{draft_id}", f"/api/spaces/{seeded.foundry_id}"):
        (await stranger.get(path)).refusal(404, "not_found")
    (await stranger.post(f"/api/drafts/{draft_id}/approve", {"version": 1})).refusal(404, "not_found")
    (await stranger.post(f"/api/deals/{seeded.deal_id}/spaces", {"space_id": seeded.loft_id})).refusal(404)
    reader = await site.client("read")
    (await reader.post(f"/api/drafts/{draft_id}/approve", {"version": 1})).refusal(403)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"eml_base64": "!!!"}, 422),
        ({"eml_base64": base64.b64encode(b"no mail").decode()}, 422),
        ({"eml_base64": ""}, 400),
        ({}, 400),
    ],
)
async def test_what_is_no_mail_is_refused(person: Client, body: dict[str, str], status: int) -> None:
    (await person.post("/api/emails/inbound", body)).refusal(status)
