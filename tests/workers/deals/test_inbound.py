"""Which deal a mail belongs to: its thread, then the sender's one open deal, otherwise a person says it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from core import Done
from core.db import catalogs
from core.db.connect import Connection
from core.db.workspace import DEFAULT_WORKSPACE
from core.outside import read_mail
from core.testing import run_operator
from tests.running import Workers, all_ended, ended, enqueue
from tests.workers.deals.seeds import Seeded, add_email, seed
from workers.deals.adapter.mail import read_inbound, taken_in
from workers.deals.effects import FileEmail, LeaveUnassigned, TakeIn
from workers.deals.operators import receive_email

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
RECEIVE = "deals.receive_email"


def eml(**headers: str) -> bytes:
    given = {"From": "Sarah <Sarah@Acme.example>", "To": "agent@rowmill.example", "Subject": "Hello"}
    named = {name.replace("_", "-"): value for name, value in {**given, **headers}.items()}
    return "".join(f"{name}: {value}\n" for name, value in named.items()).encode() + b"\nIs parking included?\n"


async def take_in(db: Connection, mail: TakeIn) -> None:
    await db.execute(
        'insert into inbound_emails (id, workspace_id, message_id, in_reply_to, reference_ids, "from", "to", subject, '
        "body, sent_at, source, automatic) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'sql', $11) "
        "on conflict do nothing",
        *(mail.inbound_id, mail.workspace_id, mail.message_id, mail.in_reply_to, json.dumps(mail.reference_ids)),
        *(mail.from_address, mail.to_address, mail.subject, mail.body, mail.sent_at, mail.automatic),
    )


async def received(db: Connection, workers: Workers, raw: bytes) -> dict[str, Any]:
    """The mail's row after its task has ended."""
    mail = await read_inbound(raw, DEFAULT_WORKSPACE, "cli", NOW)
    await take_in(db, mail)
    await workers.start(RECEIVE)
    task = await enqueue(db, RECEIVE, {"inbound_id": str(mail.inbound_id)})
    assert (await ended(db, task))["status"] == "completed"
    row = await db.fetchrow("select * from inbound_emails where id = $1", mail.inbound_id)
    assert row is not None
    return dict(row)


@pytest.fixture
async def seeded(db: Connection) -> Seeded:
    return await seed(db)


async def test_a_mail_of_a_sender_with_one_open_deal_goes_on_its_thread_and_a_draft_is_asked_for(
    db: Connection, workers: Workers, seeded: Seeded
) -> None:
    row = await received(db, workers, eml(Message_ID="<new@acme.example>"))
    filed = await db.fetchrow("select * from emails where id = $1", row["email_id"])
    assert filed is not None
    assert (filed["deal_id"], filed["direction"], filed["message_id"]) == (
        seeded.deal_id,
        "inbound",
        "<new@acme.example>",
    )
    payload = await db.fetchval("select payload from task_queue where task_type = 'deals.generate_draft'")
    assert json.loads(payload) == {"email_id": row["email_id"]}


async def test_the_thread_decides_before_the_sender(db: Connection, workers: Workers, seeded: Seeded) -> None:
    other = await seed(db, seeker_email="else@example.org")
    await add_email(db, other.deal_id, message_id="<known@example.org>")
    row = await received(db, workers, eml(Message_ID="<n@x>", In_Reply_To="<known@example.org>"))
    assert await db.fetchval("select deal_id from emails where id = $1", row["email_id"]) == other.deal_id


async def test_of_a_thread_of_several_deals_the_mail_it_answers_decides(
    db: Connection, workers: Workers, seeded: Seeded
) -> None:
    other = await seed(db, seeker_email="else@example.org")
    await add_email(db, other.deal_id, message_id="<one@example.org>")
    await add_email(db, seeded.deal_id, message_id="<two@example.org>")
    both = "<one@example.org> <two@example.org>"
    row = await received(db, workers, eml(Message_ID="<n@x>", In_Reply_To="<one@example.org>", References=both))
    assert await db.fetchval("select deal_id from emails where id = $1", row["email_id"]) == other.deal_id


async def test_a_mail_that_fits_no_deal_waits_for_a_person(db: Connection, workers: Workers, seeded: Seeded) -> None:
    row = await received(db, workers, eml(From="stranger@example.org"))
    assert row["email_id"] is None
    assert row["unassigned_reason"] == "no thread and no open deal of this sender is known"


async def test_a_mail_that_fits_several_deals_is_never_guessed(
    db: Connection, workers: Workers, seeded: Seeded
) -> None:
    second = await seed(db)
    row = await received(db, workers, eml())
    assert row["unassigned_reason"] == "the sender has several open deals"
    assert json.loads(row["candidates"]) == [seeded.deal_id, second.deal_id]
    assert await db.fetchval("select count(*) from task_queue where task_type = 'deals.generate_draft'") == 0


@pytest.mark.parametrize("change", ["stage = 'closed'", "deleted_at = now()"])
async def test_closed_and_deleted_deals_do_not_count(
    db: Connection, workers: Workers, seeded: Seeded, change: str
) -> None:
    second = await seed(db)
    await db.execute(f"update deals set {change} where id = $1", second.deal_id)
    row = await received(db, workers, eml())
    assert await db.fetchval("select deal_id from emails where id = $1", row["email_id"]) == seeded.deal_id


async def test_the_same_mail_twice_is_one_row_however_it_comes(
    db: Connection, workers: Workers, seeded: Seeded
) -> None:
    first = await received(db, workers, eml(Message_ID="<same@x>"))
    raw = eml(Message_ID="<same@x>", Received="by another way")
    mail = await read_inbound(raw, DEFAULT_WORKSPACE, "imap", NOW)
    assert mail.inbound_id == first["id"]
    await take_in(db, mail)
    task = await enqueue(db, RECEIVE, {"inbound_id": str(mail.inbound_id)})
    assert json.loads((await ended(db, task))["output"]) == {"known": True, "email_id": first["email_id"]}
    assert await db.fetchval("select count(*) from emails where message_id = '<same@x>'") == 1


async def test_an_automatic_mail_is_kept_and_not_answered(db: Connection, workers: Workers, seeded: Seeded) -> None:
    row = await received(db, workers, eml(Auto_Submitted="auto-replied"))
    assert row["email_id"] is not None
    await all_ended(db)
    assert await db.fetchval("select count(*) from task_queue where task_type = 'deals.generate_draft'") == 0


def test_a_mail_without_a_message_id_is_known_by_its_bytes() -> None:
    one, again, other = (
        taken_in(read_mail(raw), raw, DEFAULT_WORKSPACE, "cli", NOW) for raw in (eml(), eml(), eml(Subject="Other"))
    )
    assert one.inbound_id == again.inbound_id != other.inbound_id
    assert one.sent_at == NOW


def test_our_own_mail_that_comes_back_is_left_alone() -> None:
    inbound = uuid4()
    mail = {"id": inbound, "email_id": None, "is_ours": True, "automatic": False}
    rows = {"inbound_email": [mail], "deals_of_thread": [{"deal_id": 1, "directly": True}], "open_deals_of_sender": []}
    assert run_operator(receive_email, {"inbound_id": str(inbound)}, rows=rows) == Done([], {"ours": True})


def test_the_decision_needs_no_database() -> None:
    inbound = uuid4()
    mail = {"id": inbound, "email_id": None, "is_ours": False, "automatic": False}
    rows: dict[str, Any] = {"inbound_email": [mail], "deals_of_thread": [], "open_deals_of_sender": [{"deal_id": 7}]}
    outcome = run_operator(receive_email, {"inbound_id": str(inbound)}, rows=rows)
    assert isinstance(outcome, Done)
    assert outcome.effects == [FileEmail(inbound, 7, "the sender's one open deal", wants_draft=True)]
    several = {**rows, "open_deals_of_sender": [{"deal_id": 7}, {"deal_id": 8}]}
    left = run_operator(receive_email, {"inbound_id": str(inbound)}, rows=several)
    assert isinstance(left, Done)
    assert left.effects == [LeaveUnassigned(inbound, "the sender has several open deals", [7, 8])]  # type: ignore[arg-type]


async def test_a_mail_is_not_guessed_because_others_are_asked_about_with_it(db: Connection, seeded: Seeded) -> None:
    """Reads of many tasks go out as one question: each mail hears of all the deals of its own sender."""
    busy = "busy@example.org"
    for at in range(120):
        await seed(db, seeker_email=busy if at else "sarah@acme.example")  # a second deal of Sarah's, and 119 of his
    senders = (busy, "sarah@acme.example")
    mails = [await read_inbound(eml(From=sender), DEFAULT_WORKSPACE, "cli", NOW) for sender in senders]
    for mail in mails:
        await take_in(db, mail)
    statement = catalogs.of_package("workers.deals")["open_deals_of_sender"]
    rows = await statement.fetch(db, inbound_id=[mail.inbound_id for mail in mails])
    assert Counter(row["ord"] for row in rows) == {1: 100, 2: 2}
