"""Outcomes: what an operator returns, and the pure rule that turns one into a transition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core import state
from core.effects import Effect
from core.state import Awaited, Backoff, OnTimeout, Transition


@dataclass(frozen=True, slots=True)
class Done:
    """The work is decided: commit these effects with the completion."""

    effects: Sequence[Effect] = ()
    output: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again, as a counted attempt; `after_s` None = the operator's policy. The last attempt fails instead."""

    reason: str
    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Snooze:
    """Come back later; uses no attempt."""

    after_s: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Commit these effects and wait, without a worker, for a signal: whatever `signal_task` is called with.

    `signal` is the correlation key, for example `invoice:17 paid`; a signal to the task's own id continues it as well.
    The next run finds it in `task.signal`, and `progress` in `task.progress` (None keeps what there is). After
    `timeout_s` (None = never) the task fails, or with `on_timeout="continue"` runs with `task.signal.timed_out`.
    """

    signal: str
    timeout_s: float | None = None
    on_timeout: OnTimeout = "fail"
    effects: Sequence[Effect] = ()
    progress: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Fail:
    """Trying again cannot help."""

    reason: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """The work is no longer wanted."""

    reason: str


Outcome = Done | Retry | Snooze | Wait | Fail | Cancel
OUTCOMES: Final = (Done, Retry, Snooze, Wait, Fail, Cancel)


def transition(outcome: Outcome, attempts: int, max_attempts: int, policy: Backoff, spread: float) -> Transition:
    """How the task moves on. `spread` in [0, 1) is the caller's random draw for jitter."""
    match outcome:
        case Done(output=output):
            return state.completed(dict(output) if output is not None else None)
        case Retry(reason=reason, after_s=after_s):
            delay_s = policy.delay_s(attempts, spread) if after_s is None else after_s
            return state.failed(reason) if attempts >= max_attempts else state.retried(reason, delay_s)
        case Snooze(after_s=after_s, reason=reason):
            return state.snoozed(reason, after_s)
        case Wait(signal=signal, timeout_s=timeout_s, on_timeout=on_timeout, progress=progress):
            kept = None if progress is None else dict(progress)
            return state.waiting(Awaited(signal, timeout_s, on_timeout), attempts, kept)
        case Fail(reason=reason):
            return state.failed(reason)
        case Cancel(reason=reason):
            return state.cancelled(reason)
