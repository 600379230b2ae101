"""The mailbox that is polled, in a thread."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from core.outside import MailboxUnreachable, MailUnreadable, mailbox, mailbox_workspace
from workers.deals.adapter.mail import read_inbound
from workers.deals.effects import TakeIn

__all__ = ["MailboxUnreachable", "Polled", "mailbox_workspace", "poll", "settle"]


@dataclass(slots=True)
class Polled:
    """What was found: mails to be kept, their numbers, and the numbers of those that a person must look at."""

    mails: list[TakeIn] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


async def poll(most: int, workspace_id: UUID, now: datetime) -> Polled | None:
    """None where the settings name no mailbox. Raises MailboxUnreachable."""
    box = mailbox()
    if box is None:
        return None
    polled = Polled()
    for each in await asyncio.to_thread(box.unseen, most):
        try:
            if each.raw is None:
                polled.left.append(each.uid)
                continue
            polled.mails.append(await read_inbound(each.raw, workspace_id, "imap", now))
            polled.kept.append(each.uid)
        except MailUnreadable:
            polled.left.append(each.uid)
    return polled


async def settle(polled: Polled) -> None:
    """Once they are committed. Raises MailboxUnreachable."""
    box = mailbox()
    if box is not None and (polled.kept or polled.left):
        await asyncio.to_thread(box.settle, polled.kept, polled.left)
