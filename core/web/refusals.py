"""What a client hears instead of an answer: one JSON shape, one sentence with the next step, never a traceback.

{"error": {"code": "stale", "message": "3 cells have changed ...", "field": "edits", "details": {...}}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import asyncpg

from core.db.connect import DRIVER_TROUBLE, DatabaseUnreachable
from core.errors import CommandRefused, RowmillError
from core.people.attempts import TooManyAttempts
from core.people.logins import WrongPassword
from core.people.passwords import Overrun, UnfitPassword
from core.queue.commit.faults import fault_of, is_connection_lost, sentence
from core.storable import error_text

AGAIN_S: Final = 1.0


class Refused(RowmillError):
    """The request is not done, and nothing was written. `field` is where the fault lies, dotted, as the client wrote
    it; `details` is for machines, for example which rows have changed."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.field = status, code, message, field
        self.details, self.retry_after_s = details, retry_after_s
        self.headers: dict[str, str] = {}

    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        told: dict[str, Any] = {"code": self.code, "message": error_text(self.message)}
        if self.field is not None:
            told["field"] = self.field
        if self.details is not None:
            told["details"] = dict(self.details)
        return {"error": told}


class PoolExhausted(RowmillError):
    """All connections were in use for longer than a request waits."""


def invalid(message: str, field: str | None = None) -> Refused:
    """The request cannot be read."""
    return Refused(400, "invalid", message, field=field)


# The refusals of the SQL contract. The first part is the function's own sentence without its advice for those who write
# SQL; the second one is the next step of a client.
CONTRACT: Final[dict[str, tuple[int, str, str | None, str]]] = {
    "RM001": (404, "unknown_task_type", "task_type", "; list them with GET /api/operators"),
    "RM002": (422, "payload_unfit", "payload", "; correct it and send it with a new Idempotency-Key"),
    "RM003": (409, "wrong_state", None, "; read it again with GET /api/tasks/{{id}}"),
    "RM004": (409, "duplicate", None, "; wait for the other task, or cancel it"),
    "RM005": (404, "no_such_task", None, "; list them with GET /api/tasks"),
    "RM006": (413, "payload_too_large", "payload", "; store it elsewhere and enqueue its id"),
}
COMMANDS: Final = {
    "invalid": 422,
    "gone": 409,
    "stale": 409,
    "reused": 409,
    "busy": 503,
    "unknown": 503,
    "unreachable": 503,
}
UNREACHABLE: Final = "the database cannot be reached right now; try again in a moment"
OUT_OF_RANGE: Final = "a value is out of the range of its column; change it and send it again"
BUSY: Final = "somebody else keeps these rows locked; try again in a moment"
TOO_SLOW: Final = "the database did not answer in time; ask for less, or try again later"


def refusal_of(error: BaseException) -> Refused | None:
    """What a client hears of this error; None where it is a surprise."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, CommandRefused):
        return _of_command(error)
    if isinstance(error, PoolExhausted):
        return Refused(503, "pool_exhausted", str(error), retry_after_s=AGAIN_S)
    if isinstance(error, asyncpg.PostgresError):
        return _of_database(error)
    return _of_password(error) or _of_driver(error)


def _of_password(error: BaseException) -> Refused | None:
    match error:
        case WrongPassword():
            return Refused(403, "wrong_password", str(error))
        case UnfitPassword():
            return Refused(422, "unfit_password", str(error), field="new")
        case TooManyAttempts():
            return Refused(429, "too_many_attempts", str(error), retry_after_s=error.wait_s)
        case Overrun():
            return Refused(503, "busy", str(error), retry_after_s=AGAIN_S)
    return None


def _of_driver(error: BaseException) -> Refused | None:
    if isinstance(error, asyncpg.InterfaceError) and fault_of(error) == "poison":
        return Refused(422, "unstorable", OUT_OF_RANGE)
    if isinstance(error, DatabaseUnreachable) or (isinstance(error, DRIVER_TROUBLE) and is_connection_lost(error)):
        return Refused(503, "database_unreachable", UNREACHABLE, retry_after_s=AGAIN_S)
    return None


def _of_command(error: CommandRefused) -> Refused:
    """A stale command tells each row that has changed with the version it has now, 0 = it is gone."""
    status = COMMANDS[error.why]
    changed = [{"entity": target[0], "key": target[1], "version": version} for target, version in error.changed.items()]
    return Refused(
        status,
        error.why,
        str(error),
        field="Idempotency-Key" if error.why == "reused" else None,
        details={"changed": changed} if changed else None,
        retry_after_s=AGAIN_S if status == 503 else None,  # noqa: PLR2004 - unavailable
    )


def _of_database(error: asyncpg.PostgresError) -> Refused | None:
    code = error.sqlstate or ""
    if code in CONTRACT:
        status, name, field, advice = CONTRACT[code]
        return Refused(status, name, str(error.args[0]).partition("; ")[0] + advice.format(), field=field)
    if code == "57014":
        return Refused(504, "too_slow", TOO_SLOW)
    if code in {"55P03", "40P01", "40001"}:
        return Refused(503, "busy", BUSY, retry_after_s=AGAIN_S)
    if is_connection_lost(error) or code.startswith("53"):
        return Refused(503, "database_unreachable", UNREACHABLE, retry_after_s=AGAIN_S)
    if fault_of(error) == "poison" and code.startswith(("22", "23")):
        return Refused(422, "unstorable", f"{sentence(error)}; change it and send it again")
    return None
