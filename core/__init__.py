"""The engine. These are the names a domain may import; everything else in core has its own door."""

from core.effects import Effect, Enqueue
from core.errors import LostClaim, RowmillError, StartOver
from core.outcome import Cancel, Done, Fail, Outcome, Retry, Snooze, Wait
from core.registry import operator
from core.state import Backoff
from core.task import Row, Signal, Task

__all__ = [
    "Backoff",
    "Cancel",
    "Done",
    "Effect",
    "Enqueue",
    "Fail",
    "LostClaim",
    "Outcome",
    "Retry",
    "Row",
    "RowmillError",
    "Signal",
    "Snooze",
    "StartOver",
    "Task",
    "Wait",
    "operator",
]
