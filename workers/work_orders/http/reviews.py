"""What a person must look at: the list, and his answer."""

from __future__ import annotations

from core.web import Call, Document, Nothing, absent, route
from workers.work_orders.http.answers import Done, Review, Reviews
from workers.work_orders.http.models import AskedId, AskedReviews, Decision
from workers.work_orders.model import ResolveReview


@route("GET", "/api/work-orders/reviews", scope="read")
async def list_reviews(call: Call[AskedReviews, Nothing]) -> Reviews:
    """Open questions, the oldest first: fields that differ, missing numbers, signed documents without one order."""
    asked = call.asked
    rows = await call.read(
        "http_reviews",
        workspaces=call.actor.visible,
        workspace_id=asked.workspace_id,
        after=asked.after,
        most=asked.limit + 1,
    )
    shown = [Review(**{**dict(row), "details": Document(row["details"])}) for row in rows[: asked.limit]]
    return Reviews(reviews=shown, more=len(rows) > asked.limit)


@route("POST", "/api/work-orders/reviews/{id}", scope="operate", refuses=(404, 409))
async def resolve_review(call: Call[AskedId, Decision]) -> Done:
    """Answers a question: accept what was read or give other fields, keep what is there, or dismiss it."""
    rows = await call.read("http_review", id=call.asked.id)
    if not rows:
        raise absent("review")
    call.need_workspace(rows[0]["workspace_id"], "review")
    effect = ResolveReview(call.asked.id, call.body.decision, dict(call.body.fields))
    await call.apply("work_orders.resolve", [effect], workspace_id=rows[0]["workspace_id"])
    return Done(id=call.asked.id)
