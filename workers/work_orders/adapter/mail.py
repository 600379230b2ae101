"""Letters: the PDFs attached to an `.eml` message, with what Gmail knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any, Final

from core.outside import MailUnreadable, files_of, header_of, parsed

ATTACHMENTS: Final = 50
CHARACTERS: Final = 500  # of a header
UNNAMED: Final = "unnamed"  # what a file without a name is called by the reader of mails


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
    try:
        message = parsed(letter)
        found = [(name, data) for name, kind, data in files_of(message) if _is_pdf(name, kind)]
    except MailUnreadable as error:
        raise NoLetter(f"{error}; or send the PDF itself") from None
    if not found:
        raise NoLetter("the message has no PDF attached; send the PDF itself, or another message")
    if len(found) > ATTACHMENTS:
        raise NoLetter(f"the message has {len(found)} PDFs and at most {ATTACHMENTS} are taken; send them apart")
    known = {name: value for name, value in _about(message).items() if value}
    return [_attachment("attachment.pdf" if name == UNNAMED else name, data, known) for name, data in found]


def _attachment(name: str, data: bytes, known: dict[str, Any]) -> Attachment:
    return Attachment(name, data, {**known, "filename": name})


def _is_pdf(name: str, kind: str) -> bool:
    return kind == "application/pdf" or name.lower().endswith(".pdf")


def _about(message: EmailMessage) -> dict[str, str]:
    return {
        "message_id": _text(message, "X-GM-MSGID") or _text(message, "Message-ID"),
        "email_subject": _text(message, "Subject"),
        "sender": parseaddr(_text(message, "From"))[1],
    }


def _text(message: EmailMessage, header: str) -> str:
    """Without what cannot be shown: controls and halves of pairs."""
    return "".join(each if each.isprintable() else " " for each in header_of(message, header, CHARACTERS)).strip()
