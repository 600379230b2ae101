"""Mail in and out, and the language model. The only room of this domain that touches the outside."""

from __future__ import annotations

from workers.deals.adapter.drafters import Drafter, Wanted, drafter
from workers.deals.adapter.mail import MailUnreadable, read_inbound

__all__ = ["Drafter", "MailUnreadable", "Wanted", "drafter", "read_inbound"]
