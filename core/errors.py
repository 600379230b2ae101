"""Every error this system raises on purpose. A message is one sentence that ends in the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal


class RowmillError(Exception):
    """Base of all our errors; the command line prints its message and no traceback."""


class PayloadRejected(RowmillError):
    """A payload does not fit its operator; the message names the field and holds no value."""


class LostClaim(RowmillError):
    """The task is no longer this run's: cancelled, reaped, or claimed anew. This commit wrote nothing."""


class StartOver(RowmillError):
    """This run cannot go on, through no fault of the task: its reads are stale, or a row stays locked.

    The task returns to pending without using an attempt. An operator lets it pass.
    """

    def __init__(self, reason: str, delay_s: float = 0.0) -> None:
        super().__init__(reason)
        self.delay_s = delay_s


Why = Literal["invalid", "gone", "stale", "reused", "busy", "unknown", "unreachable"]


class CommandRefused(RowmillError):
    """A command cannot be applied; the message says why and what to do. Nothing of it was written, except that this
    is not known where `why` is "unknown".

    why      invalid: it can never be written · gone: a row it aims at is absent · stale: rows have changed since they
             were seen · reused: its id belongs to another change · busy, unknown, unreachable: send it again
    changed  of a stale one: each row `(entity, key)` with the version it has now, 0 = absent
    """

    def __init__(
        self, message: str, why: Why = "invalid", changed: Mapping[tuple[str, Any], int] | None = None
    ) -> None:
        super().__init__(message)
        self.why, self.changed = why, dict(changed or {})


class ServerUnavailable(RowmillError):
    """There is no PostgreSQL to work with: none installed, none that starts, or data it must not touch."""
