"""A refusal of the domain as HTTP tells it, and an act that hears its first answer when it is repeated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from core.web import Answer, Call, CommandRefused, Refused
from workers.deals.desk import DRAFT, Desk
from workers.deals.model import DealsRefused

Work = Callable[[Desk], Awaitable[Any]]


def desk_of(call: Call[Any, Any]) -> Desk:
    return Desk(call.read, call.apply, call.actor.email, call.actor.visible)


def refused(error: DealsRefused) -> Refused:
    return Refused(error.status, error.code, str(error))


async def looked(call: Call[Any, Any], work: Work) -> Any:
    """A read."""
    try:
        return await work(desk_of(call))
    except DealsRefused as error:
        raise refused(error) from error


async def acted(call: Call[Any, Any], kind: str, work: Work) -> Answer:
    """A change. A repeated request hears its answer, although the draft is no longer as it was."""
    if await call.read("command_known", command_id=call.command_id):
        return await call.apply(kind, [])
    answer: Answer = await looked(call, work)
    return answer


async def acted_on_draft(call: Call[Any, Any], verb: str, work: Work) -> int:
    """The draft's version afterwards. One that has changed since it was read: 409 with what is there now."""
    draft_id = call.asked.id
    try:
        answer = await acted(call, f"deals.{verb}", work)
    except CommandRefused as error:
        if error.why != "stale":
            raise
        row = await looked(call, lambda desk: desk.draft(draft_id))
        now = {name: row[name] for name in ("version", "status", "current_version", "final_body")}
        told = f"draft {draft_id} has changed since you read it; look at what is there now and decide again"
        raise Refused(409, "stale", told, field="version", details={"draft": now}) from error
    return answer.version((DRAFT, draft_id))
