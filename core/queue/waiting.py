"""Runs before and after a Wait: what may be waited for, and what of a task's `output` is progress and what the signal.

Pure. The other half, who meets whom, is sql/functions/signal_task.sql and sql/functions/waits.sql.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any, Final

import orjson

from core import storable
from core.errors import RowmillError
from core.outcome import Wait
from core.queue.run import Run
from core.state import Transition

SIGNAL: Final = "rowmill.signal"  # where a continued task has its signal, beside its progress
SIGNAL_LENGTH: Final = 500
LONGEST_WAIT_S: Final = 10 * 366 * 86400.0
AN_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def unpack(run: Run) -> None:
    """What earlier runs have left: their progress, and the signal that continued the task."""
    kept = orjson.loads(run.output or "{}")
    if not isinstance(kept, dict):  # by the hand of somebody who may write the column
        kept = {}
    run.signal = kept.pop(SIGNAL, None)
    run.progress = kept if kept or run.signal is None else None


def carrying(run: Run, progress: dict[str, Any]) -> dict[str, Any]:
    """Progress as it is stored: should this run die, the next one is answered by the same signal."""
    return progress if run.signal is None else progress | {SIGNAL: run.signal}


def begun(run: Run, moved: Transition) -> Transition:
    """The end of a run that waits. The signal that brought it is used up: only the progress stays."""
    if run.operator.coalesce:
        raise RowmillError("an operator that coalesces cannot wait; let it enqueue a task that does")
    if moved.output is None and run.signal is not None:
        return replace(moved, output=run.progress or {})
    return moved


def check(wait: Wait) -> None:
    """A signal that can be sent, and a time that can come. Raises RowmillError."""
    if not 0 < len(wait.signal) <= SIGNAL_LENGTH or storable.text(wait.signal) != wait.signal:
        raise RowmillError(f"a signal is a storable text of 1 to {SIGNAL_LENGTH} characters; name it shorter")
    if AN_ID.fullmatch(wait.signal):
        raise RowmillError("a signal that looks like an id is taken for a task's; put a word before it")
    if wait.timeout_s is not None and not (math.isfinite(wait.timeout_s) and 0 < wait.timeout_s <= LONGEST_WAIT_S):
        raise RowmillError(f"a Wait times out after more than 0 s and at most {LONGEST_WAIT_S:g}; None waits for ever")
    if wait.on_timeout not in {"fail", "continue"}:
        raise RowmillError(f"on_timeout is {wait.on_timeout!r}; say 'fail' or 'continue'")
    if wait.progress:
        storable.value(dict(wait.progress), "progress")
