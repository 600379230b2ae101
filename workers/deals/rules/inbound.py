"""Where a mail that came in belongs. The thread decides, then the sender's one open deal; otherwise a person does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid5

from core import Effect, Row
from workers.deals.effects import FileEmail, LeaveUnassigned

MAILS: Final = UUID("6f0a3b5e-6a2a-5d0e-9b53-0d1f3c1a7e21")  # the namespace of the ids of mails

NOBODY: Final = "no thread and no open deal of this sender is known"
SEVERAL_DEALS: Final = "the sender has several open deals"
SEVERAL_THREADS: Final = "it answers mails of several deals"


def inbound_id(workspace_id: UUID, message_id: str) -> UUID:
    """The same mail has the same id, however it comes in and however often."""
    return uuid5(MAILS, f"{workspace_id} {message_id}")


def placed(mail: Row, of_thread: Sequence[Row], of_sender: Sequence[Row]) -> tuple[list[Effect], Mapping[str, Any]]:
    """What to write, and what to tell of it."""
    if mail["email_id"] is not None:
        return [], {"known": True, "email_id": mail["email_id"]}
    if mail["is_ours"]:
        return [], {"ours": True}
    return _by_thread(mail, of_thread) or _by_sender(mail, [row["deal_id"] for row in of_sender])


def _by_thread(mail: Row, of_thread: Sequence[Row]) -> tuple[list[Effect], Mapping[str, Any]] | None:
    threads = [row["deal_id"] for row in of_thread]
    direct = [row["deal_id"] for row in of_thread if row["directly"]]
    if len(direct) == 1:
        return _filed(mail, direct[0], "the mail it answers")
    if len(threads) == 1:
        return _filed(mail, threads[0], "its thread")
    if threads:
        return _left(mail, SEVERAL_THREADS, threads)
    return None


def _by_sender(mail: Row, senders: Sequence[int]) -> tuple[list[Effect], Mapping[str, Any]]:
    if len(senders) == 1:
        return _filed(mail, senders[0], "the sender's one open deal")
    return _left(mail, SEVERAL_DEALS if senders else NOBODY, senders)


def _filed(mail: Row, deal_id: int, how: str) -> tuple[list[Effect], Mapping[str, Any]]:
    """An automatic mail is kept on its thread, and nobody drafts an answer to it."""
    effect = FileEmail(mail["id"], deal_id, how, wants_draft=not mail["automatic"])
    return [effect], {"deal_id": deal_id, "how": how}


def _left(mail: Row, reason: str, candidates: Sequence[int]) -> tuple[list[Effect], Mapping[str, Any]]:
    return [LeaveUnassigned(mail["id"], reason, tuple(candidates))], {"unassigned": reason}
