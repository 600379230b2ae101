"""Reads on from places: one statement for all of them, which gives the changes and the snapshot they are from."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final, Protocol

import orjson

from workers.spreadsheets.http.feed.place import Place
from workers.spreadsheets.http.shown import Row, author, shown_cell

MOST: Final = 1000  # changes of one place in one statement
MOST_BYTES: Final = 500_000  # of their contents; one change always fits


class Ask(Protocol):
    """Runs a named statement of the domain."""

    def __call__(self, statement: str, /, **values: Any) -> Awaitable[Sequence[Row]]: ...


@dataclass(frozen=True, slots=True)
class Page:
    """The next changes of a place. `after` is where one stands behind them; `more` follows at once."""

    changes: tuple[dict[str, Any], ...]
    after: Place
    more: bool
    epoch: str

    @property
    def text(self) -> str:
        """The message about it."""
        message = {"type": "changes", "token": self.after.token, "more": self.more, "changes": self.changes}
        return orjson.dumps(message, default=str).decode()


async def read_on(ask: Ask, places: Sequence[Place], most: int = MOST) -> list[Page]:
    """A page for each place, from one snapshot."""
    rows = await ask(
        "feed_changes",
        spreadsheet_id=[each.spreadsheet_id for each in places],
        since=[each.since for each in places],
        upto=[each.upto for each in places],
        after_xact=[each.after_xact for each in places],
        after_id=[each.after_id for each in places],
        most=most,
        most_bytes=MOST_BYTES,
    )
    answers = {ord_: list(found) for ord_, found in groupby(rows, key=lambda row: row["ord"])}
    return [_page(place, answers[at], most) for at, place in enumerate(places, start=1)]


def _page(place: Place, rows: list[Row], most: int) -> Page:
    last = rows[-1]
    changes = [row for row in rows if row["id"] is not None]
    upto, more = (
        place.upto or last["snapshot"],
        bool(changes) and (len(changes) == most or last["found"] > len(changes)),
    )
    after = place.paused(upto, last["xact_id"], last["id"], last["now"]) if more else place.moved(upto, last["now"])
    in_time = sorted(changes, key=lambda row: (row["created_at"], row["id"]))
    return Page(tuple(_change(row) for row in in_time), after, more, last["epoch"])


def _change(row: Row) -> dict[str, Any]:
    """One change, and the cell as it is by now: whoever keeps the newest version of each cell shows the sheet right."""
    common = {"id": row["id"], "at": row["created_at"], "by": author(row), "column_id": row["column_id"]}
    if row["action"] != "cell":
        details = orjson.loads(row["details"]) if row["details"] else None
        return {"kind": "sheet", "action": row["action"], "details": details, **common}
    return {
        "kind": "cell",
        "cell_id": row["cell_id"],
        "row": row["row_number"],
        "old": row["old_content"],
        "new": row["new_content"],
        "edit": row["edit_type"],
        "cell": shown_cell(row) if row["exists"] else None,
        **common,
    }
