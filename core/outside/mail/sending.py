"""Sends a mail at most once. What comes back is a receipt, or one of three plain answers: not now (nothing accepted),
never (the server said so), unknown (it may have been accepted, and nobody sends it again by himself)."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

import aiosmtplib

from core.errors import RowmillError
from core.outside.mail.trust import told
from core.outside.mail.writing import MailRefused, OutgoingMail, plain_address, written

PERMANENT: Final = 500
REFUSALS: Final = range(400, 600)
_NO_ANSWER: Final = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError, TimeoutError, EOFError)


class MailNotNow(RowmillError):
    """The server accepted nothing: it may be tried again."""


class MailUncertain(RowmillError):
    """The mail was handed over and no answer came: it may have been accepted. Only a person may send it again."""


class Mailer(Protocol):
    """A way for mails to leave."""

    async def send(self, mail: OutgoingMail) -> str:
        """What the server answered. Raises MailNotNow, MailRefused or MailUncertain."""
        ...

    async def has_sent(self, message_id: str) -> bool | None:
        """Whether a mail of this id has left already; None where nobody can tell."""
        ...


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server. `tls` is `implicit` (port 465), `starttls` (required), or `none` for a server on this machine."""

    host: str
    port: int
    tls: str = "starttls"
    user: str | None = None
    password: str | None = None
    limit_s: float = 30.0
    context: ssl.SSLContext | None = None

    async def send(self, mail: OutgoingMail) -> str:
        content = written(mail, datetime.now(UTC))
        client = self._client()
        try:
            await self._prepared(client, mail)
            return await self._handed_over(client, content)
        finally:
            client.close()

    async def has_sent(self, message_id: str) -> bool | None:  # noqa: ARG002 - a mail server does not tell
        return None

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            use_tls=self.tls == "implicit",
            start_tls=self.tls == "starttls",
            tls_context=self.context,
            timeout=self.limit_s,
        )

    async def _prepared(self, client: aiosmtplib.SMTP, mail: OutgoingMail) -> None:
        """Up to RCPT: whatever fails here, nothing was accepted."""
        try:
            await client.connect()
            await client.mail(plain_address(mail.sender))
            await client.rcpt(plain_address(mail.recipient))
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPRecipientRefused) as error:
            raise _answered(error.code, error.message) from error
        except aiosmtplib.SMTPAuthenticationError as error:
            raise _login_refused(error) from error
        except (aiosmtplib.SMTPException, ValueError, *_NO_ANSWER) as error:
            raise MailNotNow(f"the mail server {self.host} cannot be used ({told(error)})") from error

    async def _handed_over(self, client: aiosmtplib.SMTP, content: bytes) -> str:
        """From DATA on a missing answer says nothing about the mail, and no more does one that is no refusal."""
        try:
            code, reply = await client.data(content)
        except aiosmtplib.SMTPResponseException as error:
            if error.code not in REFUSALS:  # the library's -1 for what it cannot read, or 2xx to DATA or to the text
                said = _one_line(error.code, error.message)
                raise MailUncertain(f"the mail server gave no clear answer to the mail: {said}") from error
            raise _answered(error.code, error.message) from error
        except (aiosmtplib.SMTPException, *_NO_ANSWER) as error:
            raise MailUncertain(f"no answer came after the mail was handed over ({type(error).__name__})") from error
        return _one_line(code, reply)


def _answered(code: int, reply: str) -> RowmillError:
    if code >= PERMANENT:
        return MailRefused(f"the mail server refused it: {_one_line(code, reply)}")
    return MailNotNow(f"the mail server says not now: {_one_line(code, reply)}")


def _login_refused(error: aiosmtplib.SMTPAuthenticationError) -> RowmillError:
    """A wrong password stays wrong; to try it again may lock the account."""
    if error.code < PERMANENT:
        return _answered(error.code, error.message)
    said = _one_line(error.code, error.message)
    return MailRefused(
        f"the mail server refused the login: {said}; correct ROWMILL_MAIL_URL or ROWMILL_MAIL_PASSWORD, then send again"
    )


def _one_line(code: int, reply: str) -> str:
    return f"{code} {' '.join(str(reply).split())}"[:500]


@dataclass(frozen=True, slots=True)
class Folder:
    """Mails as `.eml` files: the default of an installation without a mail server. A name is written once."""

    place: Path

    async def send(self, mail: OutgoingMail) -> str:
        content = written(mail, datetime.now(UTC))
        try:
            self.place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MailNotNow(f"the folder {self.place} cannot be made ({error.strerror})") from error
        target, draft = self._file(mail.message_id), self.place / f".{os.getpid()}-{id(mail)}.part"
        try:
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, target)
            _keep_name(self.place)
        except FileExistsError:
            return f"was already there: {target.name}"
        except OSError as error:
            raise MailNotNow(f"the folder {self.place} cannot be written ({error.strerror})") from error
        finally:
            draft.unlink(missing_ok=True)
        return f"written: {target.name}"

    async def has_sent(self, message_id: str) -> bool | None:
        return self._file(message_id).exists()

    def _file(self, message_id: str) -> Path:
        return self.place / f"{sha256(message_id.encode()).hexdigest()[:32]}.eml"


def _keep_name(folder: Path) -> None:
    """A file outlives a power failure only with its folder's entry."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
