"""What a database error means for the runs it met. Poison is a closed list; everything unknown is infrastructure."""

from __future__ import annotations

from typing import Final, Literal

import asyncpg

from core.db.connect import DRIVER_TROUBLE, DatabaseUnreachable
from core.db.statements import StatementMissing
from core.errors import RowmillError
from core.storable import error_text

Fault = Literal["poison", "locked", "repeat", "infrastructure"]

POISON_CLASSES: Final = ("22", "23", "54", "RM")  # 54: a value larger than what an index or the parser takes
POISON_CODES: Final = frozenset({"21000", "P0001", "57014"})  # a team's trigger says no; a statement takes too long
LOCKED: Final = frozenset({"55P03"})
REPEAT: Final = frozenset({"40P01", "40001"})
PREPARE_ANEW: Final = frozenset({"0A000", "26000"})


class Poison(RowmillError):
    """An effect cannot be applied, found by the committer itself."""


def fault_of(error: BaseException) -> Fault:
    """The fault behind an exception of a commit or a read."""
    if isinstance(error, asyncpg.PostgresError):
        return "poison" if _is_refused_row(error) else _by_code(error.sqlstate or "")
    # asyncpg's client-side encoding error is an InterfaceError and a ValueError; others are broken connections.
    is_encoding = isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError)
    return "poison" if is_encoding or isinstance(error, (Poison, StatementMissing)) else "infrastructure"


def _is_refused_row(error: asyncpg.PostgresError) -> bool:
    """A row that a row policy does not let in (another workspace's, say), told from a missing grant by the place that
    raises it: both have one code, and only the words differ, in the server's language."""
    return getattr(error, "server_source_function", None) == "ExecWithCheckOptions"


def _by_code(code: str) -> Fault:
    if code in LOCKED:
        return "locked"
    if code in REPEAT:
        return "repeat"
    return "poison" if code in POISON_CODES or code.startswith(POISON_CLASSES) else "infrastructure"


def is_connection_lost(error: BaseException) -> bool:
    """Whether the session is gone: what it was doing may or may not have happened."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(("08", "57P"))
    return isinstance(error, (*DRIVER_TROUBLE, EOFError))


def is_database_error(error: BaseException) -> bool:
    """Whether an exception of an operator came from the database and not from its own code."""
    known = (DatabaseUnreachable, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
    return isinstance(error, known)


def name_of(error: BaseException) -> str:
    """Kind, code and constraint of an error, for logs: its words may quote a value."""
    parts = (type(error).__name__, getattr(error, "sqlstate", None), getattr(error, "constraint_name", None))
    return " ".join(part for part in parts if part)


def sentence(error: BaseException) -> str:
    """A readable, storable reason without secrets. A whole failing row is data and stays out of it."""
    if not isinstance(error, asyncpg.PostgresError):
        return error_text(str(error) or type(error).__name__)
    message = str(error.args[0]) if error.args else type(error).__name__  # str() would append the detail as it is
    detail = error.detail or ""
    return error_text(message if not detail or detail.startswith("Failing row") else f"{message} ({detail})")
