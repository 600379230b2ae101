"""A mail as it came in, from its bytes. What a stranger wrote gives plain values or a sentence, never a surprise."""

from __future__ import annotations

import email
import email.policy
import email.utils
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage, MIMEPart
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import Final

from core import storable
from core.errors import RowmillError

MAX_BYTES: Final = 10_000_000
MAX_TEXT: Final = 200_000  # characters kept of a text
MAX_HEADER: Final = 998
MAX_REFERENCES: Final = 100
MAX_ADDRESS: Final = 255
MAX_ATTACHMENTS: Final = 100
_ID: Final = re.compile(r"<[^<>\s]{1,990}>")
# What the standard library raises over headers and parts that no one should have sent.
_TROUBLE: Final = (
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    ArithmeticError,
    AssertionError,
    RecursionError,
)


class MailUnreadable(RowmillError):
    """These bytes are no mail that can be answered; the message says why."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file of a mail: its plain name without folders, what it says it is, and its size. The content is not kept."""

    name: str
    content_type: str
    size: int


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """What a mail says. `message_id` and the ids in `references` have their angle brackets; times are UTC."""

    message_id: str | None
    in_reply_to: str | None
    references: tuple[str, ...]
    from_address: str
    from_name: str
    to_address: str
    subject: str
    text: str
    sent_at: datetime | None
    automatic: bool
    attachments: tuple[Attached, ...] = ()


def read_mail(raw: bytes) -> ReceivedMail:
    """Raises MailUnreadable."""
    if len(raw) > MAX_BYTES:
        raise MailUnreadable(f"the mail is larger than {MAX_BYTES // 1_000_000} MB; read it by hand")
    message = parsed(raw)
    name, address = _address(message, "From")
    if "@" not in address:
        raise MailUnreadable("the mail names no sender with an e-mail address; read it by hand")
    if len(address) > MAX_ADDRESS:
        raise MailUnreadable(f"the sender's address has more than {MAX_ADDRESS} characters; read it by hand")
    return ReceivedMail(
        message_id=_first_id(header_of(message, "Message-ID")),
        in_reply_to=_first_id(header_of(message, "In-Reply-To")),
        references=tuple(dict.fromkeys(_ID.findall(header_of(message, "References", 50_000))))[-MAX_REFERENCES:],
        from_address=address.lower(),
        from_name=name,
        to_address=_address(message, "To")[1].lower()[:MAX_ADDRESS],
        subject=header_of(message, "Subject"),
        text=_text(message),
        sent_at=_date(header_of(message, "Date")),
        automatic=_is_automatic(message),
        attachments=_attachments(message),
    )


def parsed(raw: bytes) -> EmailMessage:
    """The message, for who needs other parts of it than read_mail gives. Raises MailUnreadable."""
    try:
        return email.message_from_bytes(raw, policy=email.policy.default)
    except _TROUBLE as error:
        raise MailUnreadable(f"this is no mail ({type(error).__name__}); save it as .eml and try again") from error


def files_of(message: EmailMessage) -> list[tuple[str, str, bytes]]:
    """Name, type and content of every part that has content, forwarded messages' as well. Raises MailUnreadable."""
    found = []
    try:
        for part in message.walk():
            data = part.get_payload(decode=True)
            if isinstance(data, bytes) and data:
                found.append((_plain_name(part.get_filename() or ""), part.get_content_type(), data))
    except _TROUBLE as error:
        raise MailUnreadable(f"this is no mail ({type(error).__name__}); save it as .eml and try again") from error
    return found


def header_of(message: EmailMessage, name: str, most: int = MAX_HEADER) -> str:
    """One line, whatever was folded, encoded or injected into it."""
    try:
        found = message.get(name)
        return storable.text(" ".join(str(found or "").split()))[:most]
    except _TROUBLE:
        raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
        return storable.text(" ".join(str(raw).split()))[:most]


def _address(message: EmailMessage, name: str) -> tuple[str, str]:
    found = email.utils.getaddresses([header_of(message, name)])
    shown, address = found[0] if found else ("", "")
    return shown[:MAX_ADDRESS], "".join(address.split())


def _first_id(header: str) -> str | None:
    found = _ID.search(header)
    return found[0] if found else None


def _date(header: str) -> datetime | None:
    """None for a time that is missing, unreadable, or no time at all."""
    try:
        found = email.utils.parsedate_to_datetime(header)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _is_automatic(message: EmailMessage) -> bool:
    """A notice of absence, a bounce, a list: nobody waits for an answer, and answering may never end (RFC 3834)."""
    said = header_of(message, "Auto-Submitted").lower()
    if said and not said.startswith("no"):
        return True
    if header_of(message, "Precedence").lower() in {"bulk", "list", "junk", "auto_reply"}:
        return True
    sender = _address(message, "From")[1].lower()
    return (
        header_of(message, "Return-Path") == "<>"
        or message.get_content_type() == "multipart/report"
        or sender.partition("@")[0] in {"mailer-daemon", "postmaster"}
    )


def _text(message: EmailMessage) -> str:
    """The plain part; of a mail without one, the words of its HTML."""
    try:
        part = message.get_body(preferencelist=("plain", "html"))
        if part is None:
            return ""
        content = _decoded(part)
        if part.get_content_type() == "text/html":
            content = words_of_html(content)
    except _TROUBLE:
        return ""
    lines = storable.text(content).replace("\r\n", "\n").replace("\r", "\n")
    return lines[:MAX_TEXT].strip()


def _decoded(part: MIMEPart) -> str:
    """An unknown or wrong character set loses characters, not the mail."""
    try:
        return str(part.get_content(errors="replace"))
    except (LookupError, UnicodeError):
        raw = part.get_payload(decode=True)
        return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""


def _attachments(message: EmailMessage) -> tuple[Attached, ...]:
    found = []
    try:
        for part in message.iter_attachments():
            raw = part.get_payload(decode=True)
            name = _plain_name(part.get_filename() or "")
            found.append(Attached(name, part.get_content_type()[:100], len(raw) if isinstance(raw, bytes) else 0))
    except _TROUBLE:
        return tuple(found[:MAX_ATTACHMENTS])
    return tuple(found[:MAX_ATTACHMENTS])


def _plain_name(given: str) -> str:
    """The last part of a path of either kind, without what a terminal or a file system would act on."""
    name = PurePosixPath(given.replace("\\", "/")).name
    return re.sub(r"[\x00-\x1f\x7f-\x9f/]", "_", storable.text(name)).strip(". ")[:200] or "unnamed"


class _Words(HTMLParser):
    """Text of the elements that show text, with a line for each block."""

    HIDDEN: Final = frozenset({"script", "style", "head", "title", "template", "noscript"})
    BLOCKS: Final = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "blockquote", "table", "ul", "ol"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the library's
        self._hidden += tag in self.HIDDEN
        if tag in self.BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        if tag in self.BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def words_of_html(markup: str) -> str:
    """What a person would read; scripts, styles and attributes are gone."""
    words = _Words()
    words.feed(markup)
    words.close()
    lines = (" ".join(line.split()) for line in "".join(words.parts).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
