"""What may happen to a draft and to its delivery: two tables of data. `triggers.sql` holds the same ones as a guard.

pending ── approve ──▶ approved ── send ──▶ sent          any ── archive ──▶ archived ── restore ──▶ what it was
   ◀── another text ──────┘
"""

from __future__ import annotations

from typing import Final, Literal

from workers.deals.model.refusals import WrongState

Status = Literal["pending", "approved", "sent", "archived"]
Delivery = Literal["ready", "sending", "sent", "uncertain", "refused"]

MOVES: Final[dict[tuple[Status, Status], str]] = {
    ("pending", "approved"): "approve",
    ("approved", "sent"): "send",
    ("approved", "pending"): "change",
    ("pending", "archived"): "archive",
    ("approved", "archived"): "archive",
    ("sent", "archived"): "archive",
    ("archived", "pending"): "restore",
    ("archived", "approved"): "restore",
    ("archived", "sent"): "restore",
}
DELIVERIES: Final[dict[tuple[Delivery, Delivery], str]] = {
    ("ready", "sending"): "begin",  # committed before the server is called
    ("sending", "sent"): "accepted",
    ("sending", "ready"): "not now",  # a definite temporary refusal: nothing was accepted
    ("sending", "refused"): "refused",
    ("sending", "uncertain"): "no answer",  # for a person; never sent again by itself
    ("uncertain", "sent"): "it arrived",
    ("uncertain", "ready"): "it did not arrive",
    ("refused", "ready"): "send again",
    ("ready", "refused"): "given up",
}
STATUSES: Final[tuple[Status, ...]] = ("pending", "approved", "sent", "archived")
NEXT_STEP: Final[dict[Status, str]] = {
    "pending": "approve it first",
    "approved": "send it, or change its text",
    "sent": "a mail that was sent stays as it is; it can only be archived",
    "archived": "restore it first",
}
IN_FLIGHT: Final[frozenset[str | None]] = frozenset({"sending", "uncertain"})


def require_move(draft_id: int, status: Status, to: Status) -> None:
    """Raises WrongState for a move that the table does not list."""
    if (status, to) not in MOVES:
        raise WrongState(f"draft {draft_id} is {status} and cannot become {to}; {NEXT_STEP[status]}", status)


def require_verb(draft_id: int, status: Status, verb: str) -> None:
    """Raises WrongState unless the table lists such a move from here: `approve` out of the archive is none."""
    if not any(start == status and name == verb for (start, _), name in MOVES.items()):
        raise WrongState(f"draft {draft_id} is {status}, which allows no {verb}; {NEXT_STEP[status]}", status)


def require_changeable(draft_id: int, status: Status, delivery: str | None) -> None:
    """Raises WrongState unless the text of the draft may change now."""
    if status not in {"pending", "approved"}:
        raise WrongState(f"draft {draft_id} is {status}, and its text is fixed; {NEXT_STEP[status]}", status)
    if delivery in IN_FLIGHT:
        raise WrongState(
            f"draft {draft_id} is being sent, or may have been; wait for it, or say with resolve what became of it",
            status,
        )
