"""Mail in and out, and the language model. The only room of this domain that touches the outside."""

from __future__ import annotations

from workers.deals.adapter.drafters import (
    Drafter,
    ModelBusy,
    ModelFailed,
    ModelRefused,
    Wanted,
    drafter,
    model_limit,
)
from workers.deals.adapter.mail import MailUnreadable, read_inbound
from workers.deals.adapter.mailbox import MailboxUnreachable, Polled, mailbox_workspace, poll, settle
from workers.deals.adapter.sending import (
    MailNotNow,
    MailRefused,
    MailUncertain,
    has_sent,
    send,
    sender,
    why_nothing_leaves,
)

__all__ = [
    "Drafter",
    "MailNotNow",
    "MailRefused",
    "MailUncertain",
    "MailUnreadable",
    "MailboxUnreachable",
    "ModelBusy",
    "ModelFailed",
    "ModelRefused",
    "Polled",
    "Wanted",
    "drafter",
    "has_sent",
    "mailbox_workspace",
    "model_limit",
    "poll",
    "read_inbound",
    "send",
    "sender",
    "settle",
    "why_nothing_leaves",
]
