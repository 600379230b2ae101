"""Letters: the PDFs attached to an `.eml` message, with what Gmail knows of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any, Final

ATTACHMENTS: Final = 50


class NoLetter(Exception):
    """The bytes are no message with a PDF; a sentence."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One PDF of a message. `metadata` is what is kept of its source."""

    name: str
    data: bytes
    metadata: dict[str, Any]


def attachments(letter: bytes) -> list[Attachment]:
    """The PDFs of a message, those of forwarded messages as well. Raises NoLetter."""
    message = message_from_bytes(letter, policy=policy.default)
    found = list(_pdfs(message))
    if not found:
        raise NoLetter("the message has no PDF attached; send the PDF itself, or another message")
    if len(found) > ATTACHMENTS:
        raise NoLetter(f"the message has {len(found)} PDFs and at most {ATTACHMENTS} are taken; send them apart")
    about = {
        "message_id": _text(message, "X-GM-MSGID") or _text(message, "Message-ID"),
        "email_subject": _text(message, "Subject"),
        "sender": parseaddr(_text(message, "From") or "")[1] or None,
    }
    known = {name: value for name, value in about.items() if value}
    return [Attachment(name, data, {**known, "filename": name}) for name, data in found]


def _pdfs(message: EmailMessage) -> Iterator[tuple[str, bytes]]:
    for part in message.walk():
        name = str(part.get_filename() or "")
        if part.get_content_type() == "application/pdf" or name.lower().endswith(".pdf"):
            data = part.get_payload(decode=True)
            if isinstance(data, bytes) and data:
                yield name or "attachment.pdf", data


def _text(message: EmailMessage, header: str) -> str | None:
    """A header as text; one that cannot be read is absent."""
    try:
        value = message.get(header)
    except (ValueError, IndexError, AttributeError):
        return None
    return str(value).strip()[:500] or None if value is not None else None
