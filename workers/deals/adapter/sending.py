"""Mails as they leave: by SMTP, or into a folder, as the settings say."""

from __future__ import annotations

import json

from core import Row
from core.outside import (
    MailNotNow,
    MailRefused,
    MailSettingsWrong,
    MailUncertain,
    OutgoingMail,
    mailer,
    sender,
)

__all__ = ["MailNotNow", "MailRefused", "MailUncertain", "has_sent", "send", "sender", "why_nothing_leaves"]


def why_nothing_leaves() -> str | None:
    """What is wrong with the settings, if they name no way out."""
    try:
        mailer()
    except MailSettingsWrong as error:
        return str(error)
    return None


async def send(row: Row) -> str:
    """What the server answered, for a row of `mail_to_send`. Raises MailNotNow, MailRefused or MailUncertain."""
    mail = OutgoingMail(
        message_id=row["message_id"],
        sender=row["sender"],
        recipient=row["recipient"],
        subject=row["subject"],
        text=row["body"],
        in_reply_to=row["in_reply_to"],
        references=tuple(json.loads(row["reference_ids"] or "[]")),
    )
    return await mailer().send(mail)


async def has_sent(message_id: str) -> bool | None:
    """Whether it has left already; None where nobody can tell."""
    return await mailer().has_sent(message_id)
