"""A mail as it goes out: plain text with right headers, or a refusal. Nothing that is given can become a header."""

from __future__ import annotations

import email.policy
import email.utils
import re
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Final

from core.errors import RowmillError

_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253}[A-Za-z0-9])?")
_ID: Final = re.compile(r"<[^<>\s@]{1,400}@[^<>\s@]{1,400}>")
MAX_REFERENCES: Final = 30


class MailRefused(RowmillError):
    """This mail is not sent, now or later: the server refused it for good, or it cannot be written."""


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """`sender` may have a name, as `Rowmill <agent@example.org>`; the ids have their angle brackets."""

    message_id: str
    sender: str
    recipient: str
    subject: str
    text: str
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()


def plain_address(written: str) -> str:
    """The bare address. Raises MailRefused for anything that is not exactly one."""
    found = email.utils.parseaddr(written)[1]
    if not _ADDRESS.fullmatch(found) or "," in written or "\n" in written or "\r" in written or ".." in found:
        raise MailRefused(f"{written[:80]!r} is not one e-mail address; correct it where it was entered")
    return found


def written(mail: OutgoingMail, now: datetime) -> bytes:
    """The bytes to send. Raises MailRefused."""
    for each in (mail.message_id, *([mail.in_reply_to] if mail.in_reply_to else ())):
        if not _ID.fullmatch(each):
            raise MailRefused(f"{each[:80]!r} is no Message-ID; write it as <name@host>")
    # 7 bit: not every server takes more, and to ask it first would be one more way to fail
    message = EmailMessage(policy=email.policy.SMTP.clone(max_line_length=76, cte_type="7bit"))
    name = email.utils.parseaddr(mail.sender)[0]
    message["From"] = email.utils.formataddr((_one_line(name), plain_address(mail.sender)))
    message["To"] = plain_address(mail.recipient)
    message["Subject"] = _one_line(mail.subject)[:900]
    message["Date"] = email.utils.format_datetime(now)
    message["Message-ID"] = mail.message_id
    if mail.in_reply_to:
        message["In-Reply-To"] = mail.in_reply_to
    references = [each for each in mail.references if _ID.fullmatch(each)][-MAX_REFERENCES:]
    if references:
        message["References"] = " ".join(references)
    message["Auto-Submitted"] = "no"
    message.set_content(mail.text.replace("\r\n", "\n").replace("\r", "\n"), charset="utf-8")
    return message.as_bytes()


def _one_line(given: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", " ", given).split())
