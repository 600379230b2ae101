"""How a work order looks as a row of a sheet, when a failed export is tried again, and what an error of Google means.
Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, NamedTuple

EXPORT: Final = "work_orders.export"
CHECK: Final = "work_orders.check_sheet"
FORGET: Final = "work_orders.forget_runs"
ATTEMPTS: Final = 5
CELL_CHARACTERS: Final = 49_000  # Google's limit is 50,000
FORMULA_MARKS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
HEADER: Final = (
    *("Id", "Work order", "Facility manager", "Status", "Customer", "Site", "Description", "Priority", "Contact"),
    *("Ordered on", "Due on", "Amount", "Currency", "Revision", "Signed"),
)
FIELDS: Final = (
    *("work_order_number", "fm_key", "status", "customer_name", "site_address", "description", "priority", "contact"),
    *("ordered_on", "due_on", "amount", "currency", "revision"),
)

Cell = str | float
Verdict = Literal["quota", "later", "never"]


def key_of(spreadsheet_id: str) -> str:
    """At most one run writes to a spreadsheet at a time."""
    return f"{EXPORT}:{spreadsheet_id}"


def cells(row: Mapping[str, Any]) -> list[Cell]:
    """The row behind its key. Amounts and counts are numbers, everything else is text."""
    shown = [_cell(row[name]) for name in FIELDS]
    signed: datetime | None = row["signed_at"]
    return [*shown, "" if signed is None else signed.date().isoformat()]


def _cell(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, int):
        return value
    if hasattr(value, "as_tuple"):  # a decimal
        return float(value)
    return str(value)[:CELL_CHARACTERS]


def guarded(cell: Cell) -> Cell:
    """What a spreadsheet program would take for a formula gets an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_MARKS) else cell


def same(ours: Sequence[Cell], theirs: Sequence[Any]) -> bool:
    """Whether a sheet holds this row. Sheets leave out trailing blanks, and files write numbers in their own way."""
    padded = [*theirs, *[""] * (len(ours) - len(theirs))]
    return len(padded) == len(ours) and all(_holds(b, a) for a, b in zip(ours, padded, strict=True))


def _holds(theirs: Any, ours: Cell) -> bool:
    """Text is compared letter by letter: 0815 is not 815, however a sheet keeps it."""
    if isinstance(ours, str):
        return ours == ("" if theirs is None else str(theirs))
    return _number(theirs) == Decimal(str(ours))


def _number(cell: Any) -> Decimal | None:
    if isinstance(cell, bool):
        return None
    try:
        found = Decimal(str(cell))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


class Compared(NamedTuple):
    """Keys of rows that a sheet lacks or shows otherwise, and how many rows nobody knows."""

    missing: list[str]
    different: list[str]
    unknown: int


def compared(rows: Mapping[str, Mapping[str, Any]], shown: Mapping[str, Sequence[Any]]) -> Compared:
    """The rows, which are right, against what the sheet shows."""
    missing = [key for key in rows if key not in shown]
    different = [key for key, row in rows.items() if key in shown and not same(cells(row), shown[key])]
    return Compared(missing, different, len(shown.keys() - rows.keys()))


def next_delay_s(failed: int) -> float | None:
    """Seconds from the failure of this many attempts to the next one; None after the fifth.

    Attempt k is preceded by 2^(k-1) seconds (D0.12, K10): the first waits one second after the change, the others two,
    four, eight and sixteen after the failure before them. Exactly: no jitter (K11).
    """
    return None if failed >= ATTEMPTS else 2.0**failed


def to_next_minute_s(now: datetime) -> float:
    """Google's quota is filled up each minute."""
    return 60.0 - now.second - now.microsecond / 1e6 + 1.0


def verdict(status: int, word: str) -> Verdict:
    """What an answer that is no success means: a quota, trouble that passes, or a fault that does not heal."""
    if status == 429 or word == "RESOURCE_EXHAUSTED":  # noqa: PLR2004 - HTTP
        return "quota"
    if status in {408, 409} or status >= 500 or status < 400:  # noqa: PLR2004 - HTTP
        return "later"
    return "never"


def next_step(status: int, message: str, account: str, sheet_name: str) -> str:
    """A sentence with what to do about a fault that does not heal."""
    if status == 403:  # noqa: PLR2004 - HTTP
        return f"Google refuses to write ({message}); share the spreadsheet with {account} as an editor, then retry"
    if status == 404:  # noqa: PLR2004 - HTTP
        return "there is no such spreadsheet; correct the workspace's spreadsheet id, then retry"
    if "parse range" in message:
        return f"the spreadsheet has no sheet named {sheet_name!r}; add one or correct its name, then retry"
    return f"Google cannot do this ({status}: {message}); correct the spreadsheet, then retry"


def header_row(column: Sequence[str], title: str) -> int | None:
    """The row where the header stands, perhaps sorted down, or may be written; None where it needs a new row."""
    if title in column:
        return column.index(title) + 1
    return None if column and column[0] else 1


def keyed(table: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """The rows of a sheet by key, the first of each; the header is none, wherever it stands."""
    found: dict[str, list[Any]] = {}
    for row in table:
        if row and row[0] and row[0] != HEADER[0]:
            found.setdefault(str(row[0]), list(row[1:]))
    return found


def places(column: Sequence[str], keys: Sequence[str]) -> dict[str, int]:
    """The row number of each key: where it stands, or below the last row in the order given. Row 1 is the header's."""
    known: dict[str, int] = {}
    for number, key in enumerate(column[1:], start=2):
        if key:
            known.setdefault(key, number)
    free = max(len(column), 1) + 1
    made = {}
    for key in keys:
        if key in known:
            made[key] = known[key]
        else:
            made[key], free = free, free + 1
    return made
