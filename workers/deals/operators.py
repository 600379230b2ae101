"""Thin: read, decide by a pure rule, return what to write; an outside call stands between intent and receipt."""

from __future__ import annotations

import asyncio

from core import Cancel, Done, Outcome, Task, operator
from workers.deals.model import ReceiveEmail
from workers.deals.rules import inbound


@operator("deals.receive_email", payload=ReceiveEmail, concurrency=20)
async def receive_email(task: Task[ReceiveEmail]) -> Outcome:
    """Puts a mail on its thread, or on the unassigned list. The writer enqueues the draft with it."""
    wanted = task.payload.inbound_id
    names = ("inbound_email", "deals_of_thread", "open_deals_of_sender")
    mails, of_thread, of_sender = await asyncio.gather(*(task.read(name, wanted) for name in names))
    if not mails:
        return Cancel("there is no such mail")
    effects, told = inbound.placed(mails[0], of_thread, of_sender)
    return Done(effects, output=told)
