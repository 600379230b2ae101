"""A mailbox that is polled over IMAP: what nobody has seen yet, and what is marked once it is kept.

Blocks: call it in a thread. A mail that cannot be kept is flagged: a person finds it, and no poll meets it again."""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

from core.db.workspace import DEFAULT_WORKSPACE
from core.errors import RowmillError
from core.outside.mail.box import MailSettingsWrong
from core.outside.mail.reading import MAX_BYTES
from core.outside.mail.trust import told
from core.settings import Settings

PORTS: Final = {"imaps": 993, "imap": 143}
ADDRESS: Final = "imaps://user@host/INBOX, or imap://user@127.0.0.1:143/INBOX?tls=none"
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")


class MailboxUnreachable(RowmillError):
    """The mailbox cannot be read right now."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """A mail by its number in the mailbox; `raw` is None where it is too large to be kept."""

    uid: str
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One folder of one account."""

    host: str
    port: int
    user: str
    password: str
    folder: str = "INBOX"
    encrypted: bool = True
    limit_s: float = 30.0

    def unseen(self, most: int) -> list[Unseen]:
        """The oldest first. Reading marks nothing. Raises MailboxUnreachable."""
        with self._open() as session:
            found = _answer(session.uid("SEARCH", "UNSEEN", "UNFLAGGED"))
            uids = found[0].split() if found and isinstance(found[0], bytes) else []
            return [self._read(session, uid.decode("ascii")) for uid in uids[:most]]

    def settle(self, seen: Sequence[str], flagged: Sequence[str]) -> None:
        """Marks what is kept as seen, and what a person must look at. Raises MailboxUnreachable."""
        with self._open() as session:
            for uids, flag in ((seen, r"(\Seen)"), (flagged, r"(\Flagged)")):
                if uids:
                    _answer(session.uid("STORE", ",".join(uids), "+FLAGS.SILENT", flag))

    def _read(self, session: imaplib.IMAP4, uid: str) -> Unseen:
        size = _SIZE.search(b" ".join(_flat(_answer(session.uid("FETCH", uid, "(RFC822.SIZE)")))))
        if size is not None and int(size[1]) > MAX_BYTES:
            return Unseen(uid, None)
        parts = _answer(session.uid("FETCH", uid, "(BODY.PEEK[])"))
        raw = next((part[1] for part in parts if isinstance(part, tuple)), None)
        return Unseen(uid, raw)

    @contextmanager
    def _open(self) -> Iterator[imaplib.IMAP4]:
        try:
            session = self._session()
            try:
                self._login(session)
                _answer(session.select(f'"{self.folder}"'))
                yield session
            finally:
                session.shutdown()
        except (imaplib.IMAP4.error, OSError, EOFError) as error:
            raise MailboxUnreachable(f"the mailbox at {self.host} cannot be read ({told(error)})") from error

    def _login(self, session: imaplib.IMAP4) -> None:
        """The library's own error may repeat what was sent; a server's answer to a login is not shown."""
        try:
            session.login(self.user, self.password)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            raise MailboxUnreachable(
                f"the mailbox at {self.host} refused the login of {self.user}; "
                "correct ROWMILL_MAILBOX_URL or ROWMILL_MAILBOX_PASSWORD"
            ) from None

    def _session(self) -> imaplib.IMAP4:
        if not self.encrypted:
            return imaplib.IMAP4(self.host, self.port, timeout=self.limit_s)
        return imaplib.IMAP4_SSL(self.host, self.port, ssl_context=ssl.create_default_context(), timeout=self.limit_s)


def _answer(given: tuple[str, Any]) -> list[bytes | tuple[bytes, bytes] | None]:
    status, parts = given[0], list(given[1])
    if status != "OK":
        raise imaplib.IMAP4.error(status)
    return parts


def _flat(parts: Sequence[bytes | tuple[bytes, bytes] | None]) -> list[bytes]:
    return [each if isinstance(each, bytes) else each[0] for each in parts if each is not None]


@cache
def mailbox() -> Mailbox | None:
    """That of the settings, read once; None where none is named. Raises MailSettingsWrong."""
    settings = Settings()
    if settings.mailbox_url is None:
        return None
    return mailbox_of(settings.mailbox_url, settings.mailbox_password, settings.mail_limit_s)


def mailbox_workspace() -> UUID:
    """Whose the mails of that mailbox are: nobody else may have it polled."""
    return Settings().mailbox_workspace or DEFAULT_WORKSPACE


def mailbox_of(url: str, password: str | None, limit_s: float) -> Mailbox:
    """The mailbox of an address. Raises MailSettingsWrong."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError) as error:
        raise MailSettingsWrong(f"ROWMILL_MAILBOX_URL is no address of a mailbox; write {ADDRESS}") from error
    plain = parts.scheme == "imap"
    if not parts.hostname or not parts.username or (plain and parse_qs(parts.query).get("tls") != ["none"]):
        raise MailSettingsWrong(f"ROWMILL_MAILBOX_URL is no address of a mailbox; write {ADDRESS}")
    if plain and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise MailSettingsWrong("ROWMILL_MAILBOX_URL would send the password in the clear; write imaps://")
    secret = password or unquote(parts.password or "")
    folder = unquote(parts.path.strip("/")) or "INBOX"
    return Mailbox(parts.hostname, port, unquote(parts.username), secret, folder, not plain, limit_s)
