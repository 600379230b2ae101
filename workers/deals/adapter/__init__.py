"""Mail in and out, and the language model. The only room of this domain that touches the outside."""

from __future__ import annotations

from workers.deals.adapter.drafters import Drafter, Wanted, drafter
from workers.deals.adapter.mail import MailUnreadable, read_inbound
from workers.deals.adapter.sending import MailNotNow, MailRefused, MailUncertain, has_sent, send, sender

__all__ = [
    "Drafter",
    "MailNotNow",
    "MailRefused",
    "MailUncertain",
    "MailUnreadable",
    "Wanted",
    "drafter",
    "has_sent",
    "read_inbound",
    "send",
    "sender",
]
