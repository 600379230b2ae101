"""Mail over TLS, with real servers and certificates of a CA that this test makes: what is not trusted hears nothing."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from core.outside import MailboxUnreachable, MailNotNow, MailRefused, OutgoingMail, mailbox_of
from core.outside.mail.box import smtp_of
from tests.core.outside.imapserver import imap_server

# aiosmtpd does not know that its transport is encrypted from the start
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")

MAIL = OutgoingMail("<a@example.org>", "agent@example.org", "sarah@acme.example", "Re: Päket", "Grüße aus 東京")
NOT_TRUSTED = r"its certificate is not trusted: .*SSL_CERT_FILE"
INBOUND = b"From: sarah@acme.example\nMessage-ID: <1@x>\n\nIs parking included?\n"


@dataclass
class Kept:
    """What the server saw: contents with whether they came encrypted, and logins."""

    contents: list[tuple[bytes, bool]] = field(default_factory=list)
    logins: list[bool] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name
        assert isinstance(envelope.content, bytes)
        self.contents.append((envelope.content, session.ssl is not None))
        return "250 kept"

    def authenticate(self, _server: Any, session: Session, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        self.logins.append(session.ssl is not None)
        right = isinstance(given, LoginPassword) and (given.login, given.password) == (b"agent", b"secret")
        return AuthResult(success=right, handled=right)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a person makes a CA of his own known."""
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def certified(ca: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(name).configure_cert(context)
    return context


@asynccontextmanager
async def smtp_server(context: ssl.SSLContext, *, implicit: bool) -> AsyncIterator[tuple[Kept, int]]:
    """One that takes mails of who is logged in and encrypted alone."""
    kept = Kept()
    about: dict[str, Any] = {"authenticator": kept.authenticate, "auth_required": True, "hostname": "localhost"}
    if not implicit:
        about |= {"tls_context": context, "require_starttls": True}
    else:
        about |= {"auth_require_tls": False}  # it does not know that it is encrypted already
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(kept, **about), "127.0.0.1", 0, ssl=context if implicit else None
    )
    try:
        yield kept, server.sockets[0].getsockname()[1]
    finally:
        server.close()


def url(port: int, *, implicit: bool) -> str:
    return f"{'smtps' if implicit else 'smtp'}://agent@127.0.0.1:{port}"


@pytest.mark.parametrize("implicit", [True, False])
async def test_a_mail_leaves_encrypted_and_logged_in(ca: trustme.CA, trusted: None, implicit: bool) -> None:
    async with smtp_server(certified(ca), implicit=implicit) as (kept, port):
        assert await smtp_of(url(port, implicit=implicit), "secret", 5).send(MAIL) == "250 kept"
    [(content, encrypted)] = kept.contents
    assert (encrypted or implicit, len(kept.logins)) == (True, 1)  # it is asked over STARTTLS alone whether it was
    assert content.isascii()  # 7 bit: no server has to take more


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("wrong", ["unknown CA", "other host"])
async def test_a_certificate_that_is_not_trusted_gets_no_mail_and_no_password(
    ca: trustme.CA, trusted: None, implicit: bool, wrong: str
) -> None:
    context = certified(trustme.CA()) if wrong == "unknown CA" else certified(ca, "mail.elsewhere.example")
    async with smtp_server(context, implicit=implicit) as (kept, port):
        with pytest.raises(
            MailNotNow, match=r"127\.0\.0\.1 cannot be used \(its certificate is not trusted: .*SSL_CERT_FILE"
        ):
            await smtp_of(url(port, implicit=implicit), "secret", 5).send(MAIL)
    assert (kept.contents, kept.logins) == ([], [])


@pytest.mark.parametrize("implicit", [True, False])
async def test_a_wrong_password_is_not_tried_again_and_stands_in_no_message(
    ca: trustme.CA, trusted: None, implicit: bool
) -> None:
    async with smtp_server(certified(ca), implicit=implicit) as (kept, port):
        with pytest.raises(MailRefused, match=r"refused the login: 535 .*ROWMILL_MAIL_PASSWORD") as refused:
            await smtp_of(url(port, implicit=implicit), "wrong-secret", 5).send(MAIL)
    assert "wrong-secret" not in str(refused.value)
    assert kept.contents == []


async def test_a_mailbox_is_read_over_tls(ca: trustme.CA, trusted: None) -> None:
    async with imap_server(INBOUND, context=certified(ca)) as server:
        box = mailbox_of(server.url, "secret", 5)
        [found] = await asyncio.to_thread(box.unseen, 10)
        await asyncio.to_thread(box.settle, [found.uid], [])
        assert (found.raw, server.flags) == (INBOUND.replace(b"\n", b"\r\n"), {1: {"Seen"}})


async def test_a_mailbox_whose_certificate_is_not_trusted_hears_no_password(ca: trustme.CA) -> None:
    async with imap_server(INBOUND, context=certified(ca)) as server:
        with pytest.raises(
            MailboxUnreachable, match=r"cannot be read \(its certificate is not trusted: .*SSL_CERT_FILE"
        ):
            await asyncio.to_thread(mailbox_of(server.url, "secret", 5).unseen, 10)


async def test_a_mailbox_that_refuses_the_login_says_whose(ca: trustme.CA, trusted: None) -> None:
    async with imap_server(INBOUND, context=certified(ca)) as server:
        server.refuse_login = True
        with pytest.raises(
            MailboxUnreachable, match="refused the login of agent; correct ROWMILL_MAILBOX_URL"
        ) as refused:
            await asyncio.to_thread(mailbox_of(server.url, "hidden-word", 5).unseen, 10)
    assert "hidden-word" not in str(refused.value)
