"""What the command line says instead of a traceback: one sentence per error that a person can cure, with the next step.

The only place that does so. What the database says and nobody has listed keeps its words and its SQLSTATE; any other
error is a surprise: `surprise` writes its traceback to a file and names it.
"""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from tempfile import NamedTemporaryFile
from typing import Final

import asyncpg
from pydantic import ValidationError

from core.errors import RowmillError
from core.settings import Settings, variable_of
from core.storable import error_text

REFUSED_LOGIN: Final = "{}; check the user and the password in DATABASE_URL"
NOT_MIGRATED: Final = "the database lacks what this version needs ({}); run `rowmill migrate`"
LOST: Final = "{}; try again, and see what became of it with `rowmill tasks`"
SENTENCES: Final[dict[type[BaseException], str]] = {
    asyncpg.InvalidAuthorizationSpecificationError: REFUSED_LOGIN,  # InvalidPasswordError is one of these
    asyncpg.InvalidCatalogNameError: "{}; create it with createdb, or check the end of DATABASE_URL",
    asyncpg.CannotConnectNowError: "{}; try again in a moment",
    asyncpg.TooManyConnectionsError: "{}; end other sessions, run fewer workers, or raise max_connections",
    asyncpg.InsufficientPrivilegeError: "{}; log in as the owner of the database, or let him run `rowmill migrate`",
    asyncpg.ReadOnlySQLTransactionError: "{}; DATABASE_URL must name the primary, not a replica",
    asyncpg.UndefinedTableError: NOT_MIGRATED,
    asyncpg.UndefinedColumnError: NOT_MIGRATED,
    asyncpg.UndefinedFunctionError: NOT_MIGRATED,
    asyncpg.InvalidSchemaNameError: NOT_MIGRATED,
    asyncpg.LockNotAvailableError: "another session keeps the row locked ({}); end its transaction, or try again",
    asyncpg.DeadlockDetectedError: "{}; try again",
    asyncpg.UniqueViolationError: "there is one already ({}); change the value, or leave the one that is there",
    asyncpg.ForeignKeyViolationError: "what is referred to is not there, or is still in use ({}); make it first",
    asyncpg.CheckViolationError: "the database refuses the value ({}); correct it",
    asyncpg.NotNullViolationError: "a value is missing ({}); give it",
    asyncpg.DiskFullError: "the database's disk is full ({}); free some space there, nothing was written",
    asyncpg.OutOfMemoryError: "the database is out of memory ({}); try again with less at a time",
    asyncpg.DuplicateDatabaseError: "{}; choose another name, or drop it first",
    asyncpg.ObjectInUseError: "{}; end its sessions, then try again",
    asyncpg.QueryCanceledError: "{}; narrow the question, or raise ROWMILL_STATEMENT_TIMEOUT_S",
    asyncpg.FeatureNotSupportedError: "{}; use PostgreSQL 15 to 18, and a session of its own behind a pooler",
    asyncpg.PostgresConnectionError: LOST,
    asyncpg.AdminShutdownError: LOST,
    asyncpg.CrashShutdownError: LOST,
}
# The refusals of the SQL contract (SQLSTATE class RM) whose next step is a command. The first part is the function's
# own sentence without its advice for those who write SQL; what is not listed says all itself: RM003 names the right
# states, RM006 the limit.
REFUSALS: Final = {
    "RM001": "{}; start a worker that knows it, or see which types run with `rowmill workers`",
    "RM004": "{}; wait for the other task, or cancel it with `rowmill cancel`",
    "RM005": "{}; look for it with `rowmill tasks`",
}
PAYLOAD_UNFIT: Final = "RM002"


def explained(error: BaseException) -> str | None:
    """The sentence for the first curable error in a group or chain; None where there is none."""
    for each in _unfolded(error):
        for tell in (_own, _setting, _refused, _listed, _port, _of_the_database, _of_the_driver):
            if said := tell(each):
                return error_text(said)
    return None


def surprise(error: BaseException) -> str:
    """One sentence for what nobody has foreseen. The traceback may quote data: only the caller can read its file."""
    with NamedTemporaryFile("w", prefix="rowmill-", suffix=".log", encoding="utf-8", delete=False) as file:
        traceback.print_exception(error, file=file)
    return f"an error that nobody foresaw ({type(error).__name__}); its traceback is in {file.name}, please report it"


def _unfolded(error: BaseException) -> Iterator[BaseException]:
    """The error itself, then what a task group collected, or what it was raised from."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _unfolded(each)
    elif error.__cause__ is not None:
        yield from _unfolded(error.__cause__)


def _own(error: BaseException) -> str | None:
    return str(error) if isinstance(error, RowmillError) else None


def _setting(error: BaseException) -> str | None:
    """Names the variable, never its value: it may be an address with a password."""
    if not isinstance(error, ValidationError) or error.title != Settings.__name__:
        return None
    wrong = error.errors(include_input=False, include_url=False, include_context=False)
    told = [f"{variable_of(str(each['loc'][0]) if each['loc'] else '')}: {_plain(each['msg'])}" for each in wrong]
    return f"{'; '.join(told)}; change it in the environment or in .env"


def _plain(message: str) -> str:
    told = message.removeprefix("Value error, ")
    return told[0].lower() + told[1:]


def _refused(error: BaseException) -> str | None:
    code = error.sqlstate or "" if isinstance(error, asyncpg.PostgresError) else ""
    if not code.startswith("RM"):
        return None
    told = str(error.args[0])
    if code == PAYLOAD_UNFIT:
        return f"{told}; correct it and enqueue again"
    return REFUSALS[code].format(told.partition("; ")[0]) if code in REFUSALS else told


def _listed(error: BaseException) -> str | None:
    for kind, sentence in SENTENCES.items():
        if isinstance(error, kind):
            return sentence.format(_words(error))
    return None


def _port(error: BaseException) -> str | None:
    if isinstance(error, OSError) and error.errno in {errno.EADDRINUSE, errno.EACCES} and "bind" in str(error):
        return f"{error.strerror}; choose another --health-port or --port"
    return None


def _words(error: BaseException) -> str:
    """What the database said, without the lines of its hint and detail: these may quote values."""
    return (str(error.args[0]) if error.args else type(error).__name__).rstrip(".")


def _of_the_database(error: BaseException) -> str | None:
    if not isinstance(error, asyncpg.PostgresError):
        return None
    return f"the database says: {_words(error)} (SQLSTATE {error.sqlstate}); look it up in docs/troubleshooting.md"


def _of_the_driver(error: BaseException) -> str | None:
    """A connection that ended under a statement, or a limit that was reached on it."""
    if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError | ConnectionError | TimeoutError):
        return LOST.format(str(error).rstrip(".") or "the connection to the database gave no answer in time")
    return None
