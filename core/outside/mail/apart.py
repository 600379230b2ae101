"""Mails that come in are read apart, in a child process with limits: what a stranger wrote may keep its reader busy for
minutes and take all memory, and the loop whose beats keep a worker alive would stand still meanwhile."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter

from core.outside.aside import Aside, AsideFailed
from core.outside.mail.reading import MAX_BYTES, MailUnreadable, ReceivedMail, read_mail

READER: Final = Aside("core.outside.mail.apart:answered", limit_s=10.0, children=1)
_ANSWER: Final[TypeAdapter[ReceivedMail | str]] = TypeAdapter(ReceivedMail | str)


async def read_mail_apart(raw: bytes) -> ReceivedMail:
    """What the mail says. Raises MailUnreadable, also for what took too long or too much memory."""
    if len(raw) > MAX_BYTES:
        return read_mail(raw)  # which refuses it
    try:
        found = _ANSWER.validate_json(await READER.call(raw))
    except AsideFailed as error:
        raise MailUnreadable(f"the mail cannot be read ({error}); read it by hand") from None
    if isinstance(found, str):
        raise MailUnreadable(found)
    return found


def answered(raw: bytes) -> bytes:
    """Called in the child: the mail as JSON, or the sentence why there is none."""
    try:
        return _ANSWER.dump_json(read_mail(raw))
    except MailUnreadable as error:
        return _ANSWER.dump_json(str(error))
