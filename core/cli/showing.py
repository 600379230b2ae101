"""How answers look: tables and sentences for people on stdout, one JSON document for machines. Knows no SQL.

Text from the database is data: it is never read as markup, and its control characters never reach the terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import orjson
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

Json = Annotated[bool, Parameter(name="--json", negative="", help="One JSON document on stdout, for machines.")]
PIPED_WIDTH: Final = 200  # a file or another program has no width of its own
CONTROLS: Final = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
COLOURS: Final = {
    "completed": "green",
    "failed": "red",
    "processing": "cyan",
    "cancelled": "yellow",
    "alive": "green",
    "draining": "yellow",
    "asked to drain": "yellow",
    "gone": "red",
}


def console(*, stderr: bool = False) -> Console:
    """Made for each answer, so that it writes to the stream of the moment."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else PIPED_WIDTH)


def print_json(document: Mapping[str, Any]) -> None:
    print(orjson.dumps(document, default=str, option=orjson.OPT_NON_STR_KEYS).decode())  # noqa: T201 - the answer


def json_column(document: str | None) -> orjson.Fragment | None:
    """A jsonb value as the database wrote it, numbers of any size included."""
    return None if document is None else orjson.Fragment(document)


def text(value: object) -> Text:
    """A value as plain text for a table; nothing is a dash."""
    shown = "-" if value is None or value == "" else str(value).translate(CONTROLS)
    return Text(shown, style=COLOURS.get(shown, ""), overflow="fold")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, whole: Sequence[str] = ()) -> Table:
    """A table whose `whole` columns are never cut or wrapped, so that they can be copied."""
    made = Table(title=Text(title), title_justify="left")
    for column in columns:
        made.add_column(column, no_wrap=column in whole, overflow="fold")
    for row in rows:
        made.add_row(*(text(value) for value in row))
    return made


def pairs(rows: Iterable[tuple[str, object]]) -> Table:
    """Names and values; those without a value are left out."""
    made = Table(show_header=False, box=None, pad_edge=False)
    made.add_column(no_wrap=True, style="bold")
    made.add_column(overflow="fold")
    for name, value in rows:
        if value is not None:
            made.add_row(name, text(value))
    return made


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 task`, `2,000 tasks`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def moment(at: datetime | None) -> str | None:
    """A time in the zone of this machine, and which zone that is."""
    return None if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def age(since: datetime | None, now: datetime) -> str | None:
    """How long ago, or in how long: `5 s ago`, `in 2 h`."""
    if since is None:
        return None
    away = now - since
    return f"in {duration(-away)}" if away < timedelta(0) else f"{duration(away)} ago"


def duration(length: timedelta) -> str:
    """Two leading units at most: `12 ms`, `3.4 s`, `5 min 10 s`, `2 d 3 h`."""
    seconds = length.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - two figures
    minutes, hours, days = round(seconds) // 60, round(seconds) // 3600, round(seconds) // 86400
    if not hours:
        return _two(minutes, "min", round(seconds) % 60, "s")
    return _two(days, "d", hours % 24, "h") if days else _two(hours, "h", minutes % 60, "min")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large:,} {large_unit}" + (f" {small} {small_unit}" if small else "")


def milliseconds(number: int | None) -> str | None:
    return None if number is None else duration(timedelta(milliseconds=number))


def size(number: int) -> str:
    """Bytes in decimal units."""
    return f"{number / 1000:.1f} kB" if number >= 1000 else counted(number, "byte")  # noqa: PLR2004 - a kilobyte


class Bar:
    """A progress bar on stderr."""

    def __init__(self, progress: Progress, doing: str, total: int | None) -> None:
        self._progress, self._bar = progress, progress.add_task(doing, total=total)

    def advance(self, by: int) -> None:
        self._progress.advance(self._bar, by)


@contextmanager
def progress_bar(doing: str, total: int | None) -> Iterator[Bar]:
    """Moves on a terminal and leaves nothing behind; elsewhere it is silent."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    told = console(stderr=True)
    with Progress(*columns, console=told, transient=True, disable=not told.is_terminal) as progress:
        yield Bar(progress, doing, total)
