"""Mails leave whole, once, with the headers they were given and no others; each fault of a server has one meaning."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.outside import Folder, MailNotNow, MailRefused, MailSettingsWrong, MailUncertain, OutgoingMail, Smtp, written
from core.outside.mail.box import smtp_of
from tests.workers.deals.mailserver import MailServer, mail_server

NOW = datetime(2026, 11, 2, 10, tzinfo=UTC)


def mail(**given: object) -> OutgoingMail:
    about: dict[str, object] = {
        "message_id": "<a@example.org>",
        "sender": "Rowmill <agent@example.org>",
        "recipient": "sarah@acme.example",
        "subject": "Re: Päket",
        "text": "Grüße\n.\nfrom a line with a dot",
    }
    return OutgoingMail(**{**about, **given})  # type: ignore[arg-type]


def smtp(server: MailServer, limit_s: float = 5.0) -> Smtp:
    return Smtp("127.0.0.1", server.port, tls="none", limit_s=limit_s)


async def test_a_mail_arrives_as_it_was_written() -> None:
    async with mail_server() as server:
        reply = await smtp(server).send(mail(in_reply_to="<b@x>", references=("<c@x>", "<b@x>")))
    assert reply == "250 kept"
    [got] = server.accepted
    assert (got["From"], got["To"], got["Subject"]) == (
        "Rowmill <agent@example.org>",
        "sarah@acme.example",
        "Re: Päket",
    )
    assert (got["Message-ID"], got["In-Reply-To"], got["References"]) == ("<a@example.org>", "<b@x>", "<c@x> <b@x>")
    assert got.get_content().replace("\r\n", "\n").strip() == "Grüße\n.\nfrom a line with a dot"


@pytest.mark.parametrize("step", ["connect", "ehlo", "mail", "rcpt"])
@pytest.mark.parametrize("fault", ["421 too busy", "drop", "silent"])
async def test_what_fails_before_the_text_is_handed_over_may_be_tried_again(step: str, fault: str) -> None:
    async with mail_server(**{step: [fault, fault, fault]}) as server:
        with pytest.raises(MailNotNow):
            await smtp(server, 0.3).send(mail())
        assert server.accepted == []


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "body"])
async def test_a_permanent_refusal_is_one(step: str) -> None:
    async with mail_server(**{step: ["550 no such user"]}) as server:
        with pytest.raises(MailRefused, match="550 no such user"):
            await smtp(server).send(mail())


@pytest.mark.parametrize("step", ["data", "body"])
async def test_a_temporary_answer_is_definite_even_behind_the_text(step: str) -> None:
    async with mail_server(**{step: ["451 greylisted"]}) as server:
        with pytest.raises(MailNotNow, match="451 greylisted"):
            await smtp(server).send(mail())


@pytest.mark.parametrize("fault", ["drop", "keep drop", "silent", "keep silent"])
async def test_no_answer_behind_the_text_is_unknown_whether_it_was_kept_or_not(fault: str) -> None:
    async with mail_server(body=[fault]) as server:
        with pytest.raises(MailUncertain):
            await smtp(server, 0.3).send(mail())
        assert len(server.accepted) == fault.startswith("keep")


@pytest.mark.parametrize("answer", ["252 kept", "354 go on", "999 kept", "kept", f"250 {'k' * 9000}"])
async def test_an_answer_behind_the_text_that_is_neither_receipt_nor_refusal_is_unknown(answer: str) -> None:
    async with mail_server(body=[f"keep {answer}"]) as server:
        with pytest.raises(MailUncertain, match="no clear answer"):
            await smtp(server).send(mail())
        assert len(server.accepted) == 1


async def test_a_server_that_offers_no_encryption_gets_no_mail_unless_told_so() -> None:
    async with mail_server() as server:
        with pytest.raises(MailNotNow):
            await Smtp("127.0.0.1", server.port, limit_s=2).send(mail())
        assert server.accepted == []


async def test_nobody_there_is_not_now() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    with pytest.raises(MailNotNow):
        await Smtp("127.0.0.1", port, tls="none").send(mail())


INJECTIONS = ("\r\nBcc: victim@example.org", "\nBcc: victim@example.org\n\nother body", "\u2028Bcc: x", "\x00\x0bX: y")


@pytest.mark.parametrize("injected", INJECTIONS)
def test_nothing_in_a_subject_or_a_name_becomes_a_header(injected: str) -> None:
    raw = (
        written(mail(subject=f"Hello{injected}", sender=f'"Agent{injected}" <agent@example.org>'), NOW)
        if ("\r" not in injected and "\n" not in injected)
        else written(mail(subject=f"Hello{injected}"), NOW)
    )
    got = message_from_bytes(raw, policy=policy.default)
    assert set(got.keys()) <= {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type"),
        *("Content-Transfer-Encoding", "MIME-Version"),
    }
    assert got["Bcc"] is None


@pytest.mark.parametrize(
    "given",
    [
        {"recipient": "a@example.org\r\nBcc: b@example.org"},
        {"recipient": "a@example.org, b@example.org"},
        {"recipient": "nobody"},
        {"recipient": ""},
        {"sender": "x <a@example.org>\nBcc: b@example.org"},
        {"message_id": "<a@b>\r\nX: y"},
        {"message_id": "a@b"},
        {"in_reply_to": "<a b@c>"},
    ],
)
def test_an_address_or_an_id_that_is_more_than_one_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(MailRefused):
        written(mail(**given), NOW)


def test_html_in_a_text_stays_a_text() -> None:
    got = message_from_bytes(written(mail(text="<script>alert(1)</script><b>hi</b>"), NOW), policy=policy.default)
    assert got.get_content_type() == "text/plain"
    assert not got.is_multipart()


@given(subject=st.text(max_size=200), text=st.text(max_size=500, alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_as_it_was(subject: str, text: str) -> None:
    plain = subject.encode("utf-8", "replace").decode()
    got = message_from_bytes(written(mail(subject=plain, text=text), NOW), policy=policy.default)
    assert got["To"] == "sarah@acme.example"
    assert len(got.get_all("Subject") or []) == 1
    want = text.replace("\r\n", "\n").replace("\r", "\n")
    body = got.get_content().replace("\r\n", "\n")
    assert (
        body.rstrip("\n") == want.rstrip("\n")
        or "\x00" in text
        or any(c in text for c in "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
    )


async def test_the_folder_keeps_a_mail_once_and_knows_it(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "out")
    assert await folder.has_sent("<a@example.org>") is False
    first = await folder.send(mail())
    again = await folder.send(mail(text="another text"))
    assert await folder.has_sent("<a@example.org>") is True
    [file] = list((tmp_path / "out").iterdir())
    assert (first.startswith("written"), again.startswith("was already there")) == (True, True)
    assert "dot" in message_from_bytes(file.read_bytes(), policy=policy.default).get_content()


async def test_a_folder_that_cannot_be_written_is_not_now(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(MailNotNow):
        await Folder(tmp_path / "out").send(mail())


@pytest.mark.parametrize(
    ("url", "made"),
    [
        ("smtp://resend@smtp.resend.com", ("smtp.resend.com", 587, "starttls", "resend")),
        ("smtps://u%40x@mail.example:4465", ("mail.example", 4465, "implicit", "u@x")),
        ("smtp://127.0.0.1:25?tls=none", ("127.0.0.1", 25, "none", None)),
    ],
)
def test_addresses_of_mail_servers(url: str, made: tuple[object, ...]) -> None:
    found = smtp_of(url, "secret", 5)
    assert (found.host, found.port, found.tls, found.user) == made


@pytest.mark.parametrize(
    "url", ["", "http://x", "smtp://", "smtp://h:x", "smtp://h?tls=maybe", "smtp://u@far.example?tls=none"]
)
def test_what_is_no_address_of_one_is_refused(url: str) -> None:
    with pytest.raises(MailSettingsWrong, match="ROWMILL_MAIL_URL"):
        smtp_of(url, None, 5)
