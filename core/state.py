"""The states of a task and every transition a worker may write: one named constructor each, so none is half-specified.

Pure values. The guard of each transition stands in SQL (sql/queries/commit.sql, sql/functions/).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

Status = Literal["pending", "processing", "waiting", "completed", "failed", "cancelled"]
OnTimeout = Literal["fail", "continue"]

# from -> to, and who writes it. Tests check the database against this table.
MOVES: Final[frozenset[tuple[Status, Status]]] = frozenset(
    {
        ("pending", "processing"),  # claim
        ("pending", "cancelled"),  # cancel_task
        ("processing", "completed"),  # commit
        ("processing", "failed"),  # commit; reap of a crash loop
        ("processing", "cancelled"),  # commit of a run whose cancellation was asked
        ("processing", "pending"),  # retry, snooze, rerun, lock wait, give-back, reap
        ("processing", "waiting"),  # commit of a run that waits for a signal
        ("waiting", "pending"),  # signal_task; a time-out that continues
        ("waiting", "failed"),  # a time-out
        ("waiting", "cancelled"),  # cancel_task
        ("failed", "pending"),  # retry_task
        ("cancelled", "pending"),  # retry_task
        ("completed", "pending"),  # retry_task
    }
)

LOCK_WAIT_LIMIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a waiting task waits for, and how long at most; None = for ever."""

    signal: str
    timeout_s: float | None
    on_timeout: OnTimeout


@dataclass(frozen=True, slots=True)
class Transition:
    """How a run leaves `processing`. `uncounted` = 1 gives the attempt back; `delay_s` only goes with `pending`, and
    `awaits` always with `waiting`."""

    status: Status
    success: bool
    delay_s: float = 0.0
    uncounted: int = 0
    error: str | None = None
    output: dict[str, Any] | None = None
    label: str = ""
    started: bool = True  # a run that never began leaves no run row
    awaits: Awaited | None = None


_COMPLETED: Final = Transition("completed", success=True, label="completed")


def completed(output: dict[str, Any] | None = None) -> Transition:
    return _COMPLETED if output is None else replace(_COMPLETED, output=output)


def superseded() -> Transition:
    return Transition("completed", success=True, output={"superseded": True}, label="superseded")


def failed(error: str) -> Transition:
    return Transition("failed", success=False, error=error, label="failed")


def cancelled(reason: str) -> Transition:
    return Transition("cancelled", success=False, error=reason, label="cancelled")


def retried(error: str, delay_s: float) -> Transition:
    return Transition("pending", success=False, delay_s=delay_s, error=error, label="retried")


def snoozed(reason: str | None, delay_s: float) -> Transition:
    return Transition("pending", success=True, delay_s=delay_s, uncounted=1, error=reason, label="snoozed")


def waiting(awaits: Awaited, attempts: int, output: dict[str, Any] | None = None) -> Transition:
    """What was to be done so far is done: the run that the signal brings has all attempts again."""
    return Transition("waiting", success=True, uncounted=attempts, output=output, label="waiting", awaits=awaits)


def returned(reason: str, delay_s: float = 0.0) -> Transition:
    """Back to pending through no fault of the task: stale decision, lock wait, shutdown, infrastructure."""
    return Transition("pending", success=False, delay_s=delay_s, uncounted=1, error=reason, label="returned")


def uncounted_delay_s(run_no: int, attempts: int) -> float:
    """1, 2, 4 ... 60 s: run_no counts every claim, attempts only the counted ones, so the difference is the
    number of runs that were given back (this one included)."""
    given_back = max(run_no - attempts + 1, 1)
    return min(2.0 ** (given_back - 1), LOCK_WAIT_LIMIT_S)


def unstarted(reason: str) -> Transition:
    """Back to pending before the run began: no attempt, no run row."""
    return Transition("pending", success=False, uncounted=1, error=reason, label="returned", started=False)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Retry policy: `base_s * factor^(attempt - 1)`, at most `limit_s`, plus up to `jitter` of itself.

    `spread` is a number in [0, 1) that the caller draws: policies stay pure.
    """

    base_s: float = 1.0
    factor: float = 2.0
    limit_s: float = 300.0
    jitter: float = 0.5

    def delay_s(self, attempt: int, spread: float) -> float:
        plain = min(self.base_s * self.factor ** min(max(attempt, 1) - 1, 60), self.limit_s)
        return plain * (1.0 + self.jitter * spread)
