"""Operators of the turns domain: who must approve is told, what is overdue is told, the change log is kept short."""

from __future__ import annotations

from typing import Final

from core import Cancel, Done, Outcome, Task, operator
from workers.turns.model import CompactLog, FindOverdue, ForgetShapes, NotifyApprovers, PruneLog
from workers.turns.rules import notices

DAY_S: Final = 86_400
PRUNED_AT_ONCE: Final = 20_000


@operator("turns.notify_approvers", payload=NotifyApprovers, concurrency=10)
async def notify_approvers(task: Task[NotifyApprovers]) -> Outcome:
    """Tells those who may approve, unless somebody was faster."""
    turns = await task.read("turn_to_approve", task.payload.turn_id)
    if not turns or turns[0]["approval_status"] != task.payload.status:
        return Cancel("the turn does not wait for this approval any more")
    role = notices.ROLE_OF[task.payload.status]
    approvers = await task.read("approvers", turns[0]["workspace_id"], role)
    told = notices.asked_to_approve(turns[0], task.payload.status, approvers)
    return Done(told, output={"told": len(told), "role": role})


@operator("turns.find_overdue", payload=FindOverdue, concurrency=1)
async def find_overdue(task: Task[FindOverdue]) -> Outcome:
    """Tells managers of turns that should be complete; each version of a turn once. For a schedule."""
    found = notices.overdue(await task.read("overdue_turns", task.now.date()))
    return Done(found, output={"told": len(found)})


@operator("turns.compact_log", payload=CompactLog, concurrency=1, run_timeout_s=3600)
async def compact_log(task: Task[CompactLog]) -> Outcome:
    """Shortens the change log, a part at a time; the audit stays. For a schedule."""
    keep_s = task.payload.keep_days * DAY_S
    (age,) = await task.read("log_age", keep_s)
    for _ in range(age["old"] // PRUNED_AT_ONCE):
        await task.commit([PruneLog(keep_s, PRUNED_AT_ONCE)])
    forget = ForgetShapes(task.payload.keep_shapes_days * DAY_S, task.payload.keep_operations_days * DAY_S)
    return Done([PruneLog(keep_s, PRUNED_AT_ONCE), forget], output={"changes": age["old"]})
