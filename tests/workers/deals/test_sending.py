"""An approved draft leaves once. What nobody knows is left to a person; nothing is sent a second time by itself."""

from __future__ import annotations

import asyncio
import json
import signal
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from core import Cancel
from core.db.connect import Connection
from core.testing import Recorded, run_operator
from tests.running import Database, Workers, all_ended, ended, enqueue, until
from tests.workers.deals.conftest import SetMail
from tests.workers.deals.mailserver import MailServer, mail_server
from tests.workers.deals.seeds import Seeded, add_draft, add_email, approve, draft_row, seed
from workers.deals.effects import BeginDelivery
from workers.deals.operators import send_draft
from workers.deals.rules.outgoing import Answer, key_of, sha256_of

SEND = "deals.send_draft"
BODY = "Hi Sarah,\n\nThe Foundry has parking.\n\nBest regards"


@pytest.fixture
async def seeded(db: Connection) -> Seeded:
    return await seed(db)


async def approved(db: Connection, seeded: Seeded, body: str = BODY, **columns: Any) -> int:
    draft_id = await add_draft(db, seeded, body, **columns)
    await approve(db, draft_id)
    return draft_id


async def ask(db: Connection, draft_id: int, **columns: Any) -> UUID:
    """As the command does it."""
    return await enqueue(db, SEND, {"draft_id": draft_id}, concurrency_key=f"deals.send {draft_id}", **columns)


async def delivery(db: Connection, draft_id: int) -> dict[str, Any]:
    row = await db.fetchrow("select * from email_deliveries where draft_id = $1", draft_id)
    assert row is not None
    return dict(row)


async def soon(db: Connection) -> None:
    """What waits for its next try is due now."""
    await db.execute("update task_queue set scheduled_for = now() where status = 'pending'")


async def test_a_mail_leaves_and_its_row_the_draft_and_the_receipt_commit_together(
    db: Connection, workers: Workers, seeded: Seeded, use_mail_server: SetMail
) -> None:
    thread = {"message_id": "<q2@acme.example>", "in_reply_to": "<q1@acme.example>"}
    email_id = await add_email(
        db, seeded.deal_id, subject="RE: re: Tour", reference_ids=["<q1@acme.example>"], **thread
    )
    draft_id = await approved(db, seeded, inbound_email_id=email_id)
    async with mail_server() as server:
        use_mail_server(server.url)
        await workers.start(SEND)
        task = await ask(db, draft_id)
        assert (await ended(db, task))["status"] == "completed"
        [got] = server.accepted
    draft, sent = await draft_row(db, draft_id), await delivery(db, draft_id)
    mail = await db.fetchrow("select * from emails where id = $1", draft["sent_email_id"])
    assert mail is not None
    assert (draft["status"], sent["state"], sent["reply"]) == ("sent", "sent", "250 kept")
    assert (mail["to"], mail["subject"], mail["body"], mail["ai_generated"]) == (
        "sarah@acme.example",
        "Re: Tour",
        BODY,
        True,
    )
    assert (got["To"], got["Subject"], got["Message-ID"]) == (mail["to"], mail["subject"], mail["message_id"])
    assert (got["In-Reply-To"], got["References"]) == ("<q2@acme.example>", "<q1@acme.example> <q2@acme.example>")
    assert json.loads(mail["ai_metadata"])["confidence"] == 80
    assert mail["direction"] == "outbound"
    actions = [
        row["action"] for row in await db.fetch("select action from audit_events where entity = 'draft' order by id")
    ]
    assert actions[-3:] == ["send_asked", "sending", "sent"]


async def test_many_tasks_for_one_draft_send_one_mail(
    db: Connection, workers: Workers, seeded: Seeded, use_mail_server: SetMail
) -> None:
    draft_id = await approved(db, seeded)
    async with mail_server() as server:
        use_mail_server(server.url)
        await workers.start(SEND)
        for _ in range(10):
            await enqueue(db, SEND, {"draft_id": draft_id})
        await all_ended(db)
        assert len(server.accepted) == 1
    assert (await draft_row(db, draft_id))["status"] == "sent"
    assert (await delivery(db, draft_id))["state"] == "sent"


@pytest.mark.parametrize("status", ["pending", "archived", "sent"])
async def test_only_an_approved_draft_is_sent(
    db: Connection, workers: Workers, seeded: Seeded, outbox: Path, status: str
) -> None:
    draft_id = await add_draft(db, seeded)
    if status == "sent":
        await approve(db, draft_id)
        await db.execute(
            "update email_drafts set status = 'sent', sent_at = now(), sent_email_id = $1", seeded.email_id
        )
    if status == "archived":
        await approve(db, draft_id)
        await db.execute(
            "update email_drafts set status = 'archived', archived_from = 'approved', archived_at = now(), "
            "archived_by = 'me'"
        )
    await workers.start(SEND)
    row = await ended(db, await ask(db, draft_id))
    assert (row["status"], f"is {status}" in row["error_message"]) == ("cancelled", True)
    assert not outbox.exists()


async def test_a_temporary_refusal_is_tried_again_with_the_same_message_id(
    db: Connection, workers: Workers, seeded: Seeded, use_mail_server: SetMail
) -> None:
    draft_id = await approved(db, seeded)
    async with mail_server(rcpt=["451 greylisted"], body=["452 full"]) as server:
        use_mail_server(server.url)
        await workers.start(SEND)
        task = await ask(db, draft_id, max_attempts=5)

        async def look() -> bool:
            await soon(db)
            return str((await draft_row(db, draft_id))["status"]) == "sent"

        await until(look)
        assert (await ended(db, task))["attempts"] == 3
        [got] = server.accepted
    sent = await delivery(db, draft_id)
    assert (sent["state"], sent["tries"], got["Message-ID"]) == ("sent", 3, sent["message_id"])


async def test_a_permanent_refusal_ends_it_and_the_draft_stays_approved(
    db: Connection, workers: Workers, seeded: Seeded, use_mail_server: SetMail
) -> None:
    draft_id = await approved(db, seeded)
    async with mail_server(rcpt=["550 no such user"]) as server:
        use_mail_server(server.url)
        await workers.start(SEND)
        row = await ended(db, await ask(db, draft_id))
        assert (row["status"], row["attempts"]) == ("failed", 1)
        assert "550 no such user" in row["error_message"]
        assert (await delivery(db, draft_id))["state"] == "refused"
        assert (await draft_row(db, draft_id))["status"] == "approved"
        again = await ask(db, draft_id)
        assert (await ended(db, again))["status"] == "completed"
        assert len(server.accepted) == 1
    assert await db.fetchval("select count(*) from email_deliveries") == 1


async def test_what_was_refused_is_sent_again_to_the_address_as_it_is_then(
    db: Connection, workers: Workers, seeded: Seeded, use_mail_server: SetMail
) -> None:
    draft_id = await approved(db, seeded)
    async with mail_server(rcpt=["550 no such user"]) as server:
        use_mail_server(server.url)
        await workers.start(SEND)
        await ended(db, await ask(db, draft_id))
        refused = await delivery(db, draft_id)
        await db.execute("update deals set seeker_email = 'sarah@new.example' where id = $1", seeded.deal_id)
        await ended(db, await ask(db, draft_id))
        [got] = server.accepted
    sent = await delivery(db, draft_id)
    told = await db.fetchval("select after from audit_events where action = 'send_asked' order by id desc limit 1")
    assert (refused["recipient"], sent["recipient"], got["To"]) == ("sarah@acme.example", *["sarah@new.example"] * 2)
    assert json.loads(told) == {"messageId": got["Message-ID"], "to": got["To"]}
    assert sent["message_id"] == got["Message-ID"] != refused["message_id"]


@pytest.mark.parametrize("state", ["ready", "sending", "uncertain", "sent", "refused"])
@pytest.mark.parametrize("column", ["message_id", "recipient", "subject", "body"])
async def test_a_mail_is_fixed_unless_it_becomes_ready_after_a_refusal(
    db: Connection, seeded: Seeded, state: str, column: str
) -> None:
    draft_id = await approved(db, seeded)
    await db.execute(
        "insert into email_deliveries (draft_id, state, message_id, sender, recipient, subject, body, body_sha256) "
        "values ($1, $2, '<x@y>', 'a', 'b', 's', 'b', 'h')",
        draft_id,
        state,
    )
    with pytest.raises(asyncpg.PostgresError, match="is fixed once it is made"):
        await db.execute(f"update email_deliveries set {column} = '<z@y>'")
    if state == "refused" and column != "body":
        await db.execute(f"update email_deliveries set state = 'ready', {column} = '<z@y>'")
        assert (await delivery(db, draft_id))[column] == "<z@y>"


async def test_the_last_temporary_refusal_gives_up(
    db: Connection, workers: Workers, seeded: Seeded, use_mail_server: SetMail
) -> None:
    draft_id = await approved(db, seeded)
    async with mail_server(mail=["421 busy"]) as server:
        use_mail_server(server.url)
        await workers.start(SEND)
        row = await ended(db, await ask(db, draft_id, max_attempts=1))
    assert row["status"] == "failed"
    assert (await delivery(db, draft_id))["state"] == "refused"


@pytest.mark.parametrize("fault", ["drop", "keep drop", "silent", "keep silent"])
async def test_a_lost_answer_is_uncertain_and_never_sent_again_by_itself(
    db: Connection, workers: Workers, seeded: Seeded, use_mail_server: SetMail, fault: str
) -> None:
    draft_id = await approved(db, seeded)
    async with mail_server(body=[fault]) as server:
        use_mail_server(server.url)
        await workers.start(SEND)
        await ended(db, await ask(db, draft_id))
        assert (await delivery(db, draft_id))["state"] == "uncertain"
        again = await ended(db, await ask(db, draft_id))
        assert (again["status"], "resolve" in again["error_message"]) == ("cancelled", True)
        assert (len(server.accepted), server.tried) == (fault.startswith("keep"), 1)
    assert (await draft_row(db, draft_id))["status"] == "approved"


async def test_a_text_under_way_cannot_be_changed_but_archived_and_keeps_what_became_of_it(
    db: Connection, workers: Workers, seeded: Seeded, use_mail_server: SetMail
) -> None:
    draft_id = await approved(db, seeded)
    async with mail_server(body=["hold"]) as server:
        use_mail_server(server.url)
        await workers.start(SEND)
        task = await ask(db, draft_id)
        await asyncio.wait_for(server.held.wait(), 20)
        with pytest.raises(Exception, match="is being sent, or may have been"):
            await db.execute(
                "update email_drafts set status = 'pending', approved_sha256 = null where id = $1", draft_id
            )
        await db.execute(
            "update email_drafts set status = 'archived', archived_from = 'approved', archived_at = now(), "
            "archived_by = 'me' where id = $1",
            draft_id,
        )
        server.opened.set()
        assert (await ended(db, task))["status"] in {"completed", "pending"}
    draft = await draft_row(db, draft_id)
    assert (draft["status"], draft["archived_from"], draft["sent_at"] is not None) == ("archived", "sent", True)


async def test_another_text_makes_a_ready_delivery_void(db: Connection, seeded: Seeded) -> None:
    draft_id = await approved(db, seeded)
    await db.execute(
        "insert into email_deliveries (draft_id, state, message_id, sender, recipient, subject, body, body_sha256) "
        "values ($1, 'ready', '<x@y>', 'a', 'b', 's', 'b', 'h')",
        draft_id,
    )
    entry = json.dumps([{"version": 0, "body": "Another"}])
    await db.execute(
        "update email_drafts set status = 'pending', final_body = 'Another', draft_versions = $2 where id = $1",
        draft_id,
        entry,
    )
    assert (await delivery(db, draft_id))["state"] == "refused"


async def test_the_default_writes_files_and_finds_them_after_a_crash(
    db: Connection, workers: Workers, seeded: Seeded, outbox: Path
) -> None:
    """The receipt was lost: the file is there, so it is known that the mail has left."""
    draft_id = await approved(db, seeded)
    await workers.start(SEND)
    await ended(db, await ask(db, draft_id))
    [file] = list(outbox.iterdir())
    got = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (got["To"], got["Message-ID"]) == ("sarah@acme.example", (await delivery(db, draft_id))["message_id"])
    other = await approved(db, seeded, inbound_email_id=await add_email(db, seeded.deal_id))
    await db.execute(
        "insert into email_deliveries (draft_id, state, message_id, sender, recipient, subject, body, body_sha256) "
        "select $1, 'sending', '<lost@rowmill.example>', 'agent@rowmill.example', 'sarah@acme.example', 's', "
        "final_body, approved_sha256 from email_drafts where id = $1",
        other,
    )
    await ended(db, await ask(db, other))
    assert (await draft_row(db, other))["status"] == "sent"
    assert len(list(outbox.iterdir())) == 2


WINDOWS = {
    "before the server answers at all": ("connect", "hold"),
    "while the text is on its way": ("data", "hold"),
    "behind the text, before the answer": ("body", "hold"),
    "behind the text, which was kept": ("body", "keep hold"),
}


@pytest.mark.parametrize("window", WINDOWS)
async def test_a_worker_killed_around_smtp_never_sends_twice(
    db: Connection, workers: Workers, seeded: Seeded, window: str
) -> None:
    """Kill -9 in each window; the next worker finds an intent without a receipt and asks a person."""
    draft_id = await approved(db, seeded)
    step, fault = WINDOWS[window]
    async with mail_server(**{step: [fault]}) as server:
        given = _environment(server)
        killed = await workers.spawn(**given)
        task = await ask(db, draft_id)
        await asyncio.wait_for(server.held.wait(), 20)
        killed.signal(signal.SIGKILL)
        await killed.wait()
        await workers.spawn(**given)
        assert (await ended(db, task, 60))["status"] == "completed"
        assert (await delivery(db, draft_id))["state"] == "uncertain"
        assert len(server.accepted) <= 1
        assert server.tried == 1
    assert (await draft_row(db, draft_id))["status"] == "approved"


def _environment(server: MailServer) -> dict[str, str]:
    about = {"mail_url": server.url, "mail_from": "agent@rowmill.example", "lease_s": "3", "mail_limit_s": "60"}
    return {"domains": "workers.deals", **about}


def test_a_mail_whose_approval_is_withdrawn_before_the_intent_is_not_sent(outbox: Path) -> None:
    """The intent has met no delivery: what is read after it says so."""
    approved_text = {"final_body": BODY, "approved_sha256": sha256_of(BODY), "body_sha256": sha256_of(BODY)}
    row = {"draft_id": 7, "status": "approved", "deleted_at": None, "delivery": "ready", **approved_text}
    context = Recorded({"mail_to_send": [row]})
    outcome = run_operator(send_draft, {"draft_id": 7}, context=context, concurrency_key=key_of(7))
    assert isinstance(outcome, Cancel)
    assert "nothing was sent" in outcome.reason
    assert context.commits == [([BeginDelivery(7)], None)]
    assert not outbox.exists()


def test_an_answer_to_an_earlier_try_says_nothing_about_a_later_one() -> None:
    """Another task of the draft may have begun the later one: nobody knows what became of that mail."""
    kept = Answer("ready", "451 greylisted").kept({"tries": 1})
    assert Answer.of(kept, {"tries": 1}) == Answer("ready", "451 greylisted")
    assert Answer.of(kept, {"tries": 2}) is None
    assert Answer.of({}, {"tries": 1}) is Answer.of(None, {"tries": 1}) is None


@pytest.mark.parametrize(("said", "state"), [("keep hold", "sent"), ("552 too large", "refused")])
async def test_what_the_server_said_outlives_a_lock_on_the_draft(
    database: Database,
    db: Connection,
    workers: Workers,
    seeded: Seeded,
    use_mail_server: SetMail,
    said: str,
    state: str,
) -> None:
    draft_id = await approved(db, seeded)
    async with mail_server(body=[said], data=["hold"] if state == "refused" else []) as server:
        use_mail_server(server.url)
        await workers.start(SEND)
        task = await ask(db, draft_id)
        await server.held.wait()
        holder = await database.connect()
        await holder.execute("begin")
        await holder.execute("select from email_drafts where id = $1 for update", draft_id)
        server.opened.set()
        await until(
            lambda: db.fetchval("select status = 'pending' and run_no = 1 from task_queue where id = $1", task),
            what="the run that met the lock gave its task back",
        )
        assert (await delivery(db, draft_id))["state"] == "sending"
        await holder.execute("rollback")
        await soon(db)
        assert (await ended(db, task))["status"] == ("completed" if state == "sent" else "failed")
        assert (server.tried, len(server.accepted)) == (1, state == "sent")
    assert (await delivery(db, draft_id))["state"] == state


async def test_settings_that_name_no_server_fail_before_anything_is_under_way(
    db: Connection, workers: Workers, seeded: Seeded, use_mail_server: SetMail
) -> None:
    draft_id = await approved(db, seeded)
    use_mail_server("smtp.example.org:587")
    await workers.start(SEND)
    row = await ended(db, await ask(db, draft_id))
    assert (row["status"], row["attempts"]) == ("failed", 1)
    assert "ROWMILL_MAIL_URL is no address" in row["error_message"]
    assert await db.fetchval("select count(*) from email_deliveries") == 0
