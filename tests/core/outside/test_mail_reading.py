"""Mails as strangers write them: every one gives plain values or a sentence."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.outside import MailUnreadable, read_mail, read_mail_apart, words_of_html
from core.outside.mail.apart import READER
from core.outside.mail.reading import MAX_BYTES

PLAIN = b"""From: =?utf-8?q?J=C3=B6rg?= <JOERG@example.org>
To: agent@rowmill.example
Subject: =?utf-8?b?UMOka2V0?=
 and more
Message-ID: <a@example.org>
In-Reply-To: <b@example.org> (comment)
References: <c@example.org>
 <b@example.org> <c@example.org>
Date: Mon, 02 Nov 2026 10:00:00 +0100
Content-Type: text/plain; charset=utf-8

Hello.\r
Bye.
"""


def test_a_plain_mail_is_read() -> None:
    mail = read_mail(PLAIN)
    assert (mail.from_name, mail.from_address, mail.to_address) == (
        "Jörg",
        "joerg@example.org",
        "agent@rowmill.example",
    )
    assert mail.subject == "Päket and more"
    assert (mail.message_id, mail.in_reply_to) == ("<a@example.org>", "<b@example.org>")
    assert mail.references == ("<c@example.org>", "<b@example.org>")
    assert mail.text == "Hello.\nBye."
    assert mail.sent_at == datetime(2026, 11, 2, 9, tzinfo=UTC)
    assert not mail.automatic


def test_of_html_alone_the_words_are_kept_and_nothing_that_acts() -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = "a@example.org", "b@example.org"
    mail.set_content(
        "<html><head><style>p {color: red}</style><title>x</title></head><body><script>alert('x')</script>"
        "<p onclick='steal()'>Is <b>parking</b> &amp; wifi included?</p><img src='http://track.example/x'>"
        "<a href='javascript:x'>Tuesday</a></body></html>",
        subtype="html",
    )
    assert read_mail(mail.as_bytes()).text == "Is parking & wifi included?\nTuesday"


def test_the_plain_part_wins_and_attachments_are_named_without_folders() -> None:
    mail = EmailMessage()
    mail["From"] = "a@example.org"
    mail.set_content("plain words")
    mail.add_alternative("<p>other words</p>", subtype="html")
    mail.add_attachment(b"12345", maintype="application", subtype="pdf", filename="../../etc/pass\x07wd.pdf")
    mail.add_attachment(b"1", maintype="application", subtype="x", filename="C:\\windows\\evil.exe")
    read = read_mail(mail.as_bytes())
    assert read.text == "plain words"
    assert [(each.name, each.size) for each in read.attachments] == [("pass_wd.pdf", 5), ("evil.exe", 1)]


@pytest.mark.parametrize(
    "header",
    [
        b"Auto-Submitted: auto-replied",
        b"Precedence: bulk",
        b"Return-Path: <>",
        b"From: MAILER-DAEMON@example.org",
        b"Content-Type: multipart/report; boundary=x",
    ],
)
def test_what_a_machine_sent_is_known_as_such(header: bytes) -> None:
    sender = b"" if header.startswith(b"From") else b"From: a@example.org\n"
    assert read_mail(sender + header + b"\n\nI am away.").automatic
    assert not read_mail(b"From: a@example.org\nAuto-Submitted: no\n\nHello.").automatic


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "names no sender"),
        (b"From: nobody\n\nHello", "names no sender"),
        (b"\x00\xff\xfe" * 10, "names no sender"),
        (b"From: " + b"a" * 300 + b"@example.org\n\nHello", "more than 255"),
        (b"x" * (MAX_BYTES + 1), "larger than 10 MB"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_sentence(raw: bytes, told: str) -> None:
    with pytest.raises(MailUnreadable, match=told):
        read_mail(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@example.org\nSubject: x\r\n\tBcc: victim@example.org\n\nbody",
        b"From: a@example.org\nContent-Type: text/plain; charset=no-such-set\n\n\xff\xfe body",
        b"From: a@example.org\nContent-Type: multipart/mixed; boundary=\n\nbody",
        b"From: a@example.org\nContent-Transfer-Encoding: base64\n\n!!!!",
        b"From: a@example.org\nDate: Mon, 99 Foo 99999 99:99:99 +9999\n\nbody",
        b"From: a@example.org\nMessage-ID: <" + b"x" * 5000 + b">\n\nbody",
        b"From: a@example.org\nSubject: =?utf-8?b?AAAA?= \x00\n\nbody \x00",
    ],
)
def test_broken_mails_are_read_as_far_as_they_go(raw: bytes) -> None:
    mail = read_mail(raw)
    assert mail.from_address == "a@example.org"
    assert "\n" not in mail.subject
    assert "\x00" not in mail.subject + mail.text


@given(st.binary(max_size=2000))
def test_no_bytes_are_a_surprise(raw: bytes) -> None:
    try:
        read = read_mail(b"From: a@example.org\n" + raw)
    except MailUnreadable:
        return
    assert "\n" not in read.subject + read.from_address + (read.message_id or "")


@given(st.text(alphabet="<>/&;=\"' abscript!-", max_size=300))
def test_no_markup_is_a_surprise(markup: str) -> None:
    assert "\x00" not in words_of_html(markup)


async def test_a_mail_read_apart_says_the_same() -> None:
    assert await read_mail_apart(PLAIN) == read_mail(PLAIN)
    for raw in (b"", b"no mail at all", b"x" * (MAX_BYTES + 1)):
        with pytest.raises(MailUnreadable, match="read it by hand"):
            await read_mail_apart(raw)


async def test_markup_that_would_keep_its_reader_busy_for_minutes_is_no_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """And neither the loop stands still meanwhile, nor does the next mail wait for it."""
    await read_mail_apart(PLAIN)  # the child has begun
    monkeypatch.setattr(READER, "limit_s", 1.0)
    trap = b"From: a@example.org\nContent-Type: text/html\n\n" + b"<a" * 400_000
    reading = asyncio.create_task(read_mail_apart(trap))
    turns = 0
    while not reading.done():
        await asyncio.sleep(0.01)
        turns += 1
    with pytest.raises(MailUnreadable, match="it took longer than 1 s"):
        await reading
    assert turns > 10
    monkeypatch.setattr(READER, "limit_s", 10.0)
    assert (await read_mail_apart(PLAIN)).from_name == "Jörg"
