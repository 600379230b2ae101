"""A mail's bytes as the effect that takes it in."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from uuid import UUID

from core.outside import MailUnreadable, ReceivedMail, read_mail_apart
from workers.deals.effects import TakeIn
from workers.deals.rules.inbound import inbound_id

__all__ = ["MailUnreadable", "read_inbound", "taken_in"]


async def read_inbound(raw: bytes, workspace_id: UUID, source: str, now: datetime) -> TakeIn:
    """Raises MailUnreadable."""
    return taken_in(await read_mail_apart(raw), raw, workspace_id, source, now)


def taken_in(mail: ReceivedMail, raw: bytes, workspace_id: UUID, source: str, now: datetime) -> TakeIn:
    """A mail without a Message-ID is known by its bytes; one from the future is of `now`."""
    message_id = mail.message_id or f"<sha256-{hashlib.sha256(raw).hexdigest()}@no-message-id.invalid>"
    return TakeIn(
        inbound_id=inbound_id(workspace_id, message_id),
        workspace_id=workspace_id,
        message_id=message_id,
        in_reply_to=mail.in_reply_to,
        reference_ids=mail.references,
        from_address=mail.from_address,
        to_address=mail.to_address,
        subject=mail.subject,
        body=mail.text,
        sent_at=min(mail.sent_at or now, now.astimezone(UTC)),
        source=source,
        automatic=mail.automatic,
        attachments=tuple(
            {"name": each.name, "type": each.content_type, "bytes": each.size} for each in mail.attachments
        ),
    )
