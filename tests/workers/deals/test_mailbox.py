"""A polled mailbox: every mail is taken in once, whatever dies in between; what cannot be read waits for a person."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from core.db.connect import Connection
from core.outside import MailSettingsWrong, mailbox, mailbox_of
from tests.core.outside.imapserver import imap_server
from tests.running import Workers, all_ended, ended, enqueue
from tests.workers.deals.conftest import SetMail
from tests.workers.deals.seeds import Seeded, seed

POLL = "deals.poll_mailbox"
MAIL = b"From: sarah@acme.example\nTo: a@b.example\nSubject: Hello\nMessage-ID: <%d@x>\n\nIs parking included?\n"


@pytest.fixture
def use_mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[SetMail]:
    def use(url: str) -> None:
        monkeypatch.setenv("ROWMILL_MAILBOX_URL", url)
        monkeypatch.setenv("ROWMILL_MAILBOX_PASSWORD", "secret")
        monkeypatch.setenv("ROWMILL_MAIL_LIMIT_S", "5")
        mailbox.cache_clear()

    mailbox.cache_clear()
    yield use
    mailbox.cache_clear()


@pytest.fixture
async def seeded(db: Connection) -> Seeded:
    return await seed(db)


async def test_new_mails_become_drafts_and_are_marked_as_seen(
    db: Connection, workers: Workers, seeded: Seeded, use_mailbox: SetMail
) -> None:
    async with imap_server(MAIL % 1, MAIL % 2) as server:
        use_mailbox(server.url)
        await workers.start(POLL, "deals.receive_email", "deals.generate_draft")
        task = await enqueue(db, POLL, {})
        assert json.loads((await ended(db, task))["output"]) == {"mails": 2, "left_for_a_person": 0}
        await all_ended(db)
        assert server.flags == {1: {"Seen"}, 2: {"Seen"}}
        again = await enqueue(db, POLL, {})
        assert json.loads((await ended(db, again))["output"]) == {"mails": 0, "left_for_a_person": 0}
    assert await db.fetchval("select count(*) from email_drafts") == 2


async def test_a_poll_that_dies_before_the_mark_takes_nothing_in_twice(
    db: Connection, workers: Workers, seeded: Seeded, use_mailbox: SetMail
) -> None:
    async with imap_server(MAIL % 1) as server:
        use_mailbox(server.url)
        server.drop_store = True
        await workers.start(POLL, "deals.receive_email")
        first = await enqueue(db, POLL, {}, max_attempts=1)
        assert (await ended(db, first))["status"] == "failed"
        server.drop_store = False
        await ended(db, await enqueue(db, POLL, {}))
        assert server.flags == {1: {"Seen"}}
    assert await db.fetchval("select count(*) from inbound_emails") == 1
    assert await db.fetchval("select count(*) from task_queue where task_type = 'deals.receive_email'") == 1


async def test_what_is_too_large_or_no_mail_is_flagged_and_does_not_stop_the_others(
    db: Connection, workers: Workers, seeded: Seeded, use_mailbox: SetMail
) -> None:
    async with imap_server(MAIL % 1, b"no mail at all", MAIL % 3) as server:
        server.sizes[1] = 99_000_000
        use_mailbox(server.url)
        await workers.start(POLL)
        task = await enqueue(db, POLL, {})
        assert json.loads((await ended(db, task))["output"]) == {"mails": 1, "left_for_a_person": 2}
        assert server.flags == {1: {"Flagged"}, 2: {"Flagged"}, 3: {"Seen"}}


async def test_a_mailbox_that_cannot_be_read_is_tried_again_and_none_is_said_so(
    db: Connection, workers: Workers, use_mailbox: SetMail
) -> None:
    await workers.start(POLL)
    row = await ended(db, await enqueue(db, POLL, {}))
    assert (row["status"], "ROWMILL_MAILBOX_URL" in row["error_message"]) == ("cancelled", True)
    async with imap_server() as server:
        server.refuse_login = True
        use_mailbox(server.url)
        row = await ended(db, await enqueue(db, POLL, {}, max_attempts=1))
    assert row["status"] == "failed"
    assert "secret" not in row["error_message"]


@pytest.mark.parametrize(
    "url", ["", "http://x", "imaps://host", "imap://u@host/INBOX", "imap://u@far.example/X?tls=none"]
)
def test_what_is_no_address_of_a_mailbox_is_refused(url: str) -> None:
    with pytest.raises(MailSettingsWrong, match="ROWMILL_MAILBOX_URL"):
        mailbox_of(url, None, 5)


async def test_a_task_of_another_workspace_takes_nothing_of_the_mailbox(
    db: Connection, workers: Workers, seeded: Seeded, use_mailbox: SetMail, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await db.fetchval("insert into workspaces (name) values ('other') returning id")
    async with imap_server(MAIL % 1) as server:
        use_mailbox(server.url)
        await workers.start(POLL)
        row = await ended(db, await enqueue(db, POLL, {}, workspace_id=other))
        assert (row["status"], "ROWMILL_MAILBOX_WORKSPACE" in row["error_message"]) == ("cancelled", True)
        assert server.flags.get(1, set()) == set()
        monkeypatch.setenv("ROWMILL_MAILBOX_WORKSPACE", str(other))
        assert (await ended(db, await enqueue(db, POLL, {})))["status"] == "cancelled"
        task = await enqueue(db, POLL, {}, workspace_id=other)
        assert json.loads((await ended(db, task))["output"])["mails"] == 1
    assert await db.fetchval("select workspace_id from inbound_emails") == other
