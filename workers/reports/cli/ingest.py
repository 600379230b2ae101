"""`rowmill reports ingest`: files and folders in, counts out."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import orjson
from cyclopts import Parameter

from core import RowmillError
from core.cli.door import (
    Connection,
    DataDir,
    Json,
    ask,
    console,
    counted,
    print_json,
    progress_bar,
    statements,
    table,
    text,
)
from workers.reports import adapter
from workers.reports.cli.place import PACKAGE, Env, Team, enter, team_of
from workers.reports.cli.taking import AT_ONCE, Taken, Taker, found_below, told
from workers.reports.model import Kind
from workers.reports.rules.names import span_in

LOOK_S: Final = 0.2
SHOWN_PROBLEMS: Final = 20
Paths = Annotated[Path, Parameter(name="PATH", help="Files, or folders with everything below them.")]
KindOption = Annotated[Kind | None, Parameter(name="--kind", help="What the files are; else their names tell.")]
Author = Annotated[str | None, Parameter(name="--author", help="Who wrote the daily reports that name nobody.")]
Week = Annotated[
    str | None, Parameter(name="--week", help="Of which days captures are: 2026-W03, '2026-01-12 to 2026-01-18'.")
]
DayFirst = Annotated[bool, Parameter(name="--day-first", negative="", help="Read 1/2/2026 as the first of February.")]
NoWait = Annotated[bool, Parameter(name="--no-wait", negative="", help="Do not wait for workers to read the files.")]


def about_of(kind: Kind | None, author: str | None, week: str | None, *, day_first: bool) -> dict[str, Any]:
    """What the person says about all files. Raises RowmillError where the week is none."""
    about: dict[str, Any] = {"kind": kind, "author": author, "day_first": day_first}
    if week is not None:
        span = span_in(week, day_first=day_first)
        if span is None:
            raise RowmillError(f"{week!r} is no week; write it as 2026-W03, or as '2026-01-12 to 2026-01-18'")
        about |= {"week_start": span[0], "week_end": span[1]}
    return {name: value for name, value in about.items() if value not in {None, False}}


def ingest(  # noqa: PLR0913 - one option for each thing that can be said about files
    *paths: Paths,
    team: Team,
    env: Env = None,
    kind: KindOption = None,
    author: Author = None,
    week: Week = None,
    day_first: DayFirst = False,
    no_wait: NoWait = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Take files in, for workers to read. The same command after a crash goes on where it stopped."""
    enter(env, data_dir)
    if reason := adapter.off():
        raise RowmillError(reason)
    if not paths:
        raise RowmillError(
            "nothing to take in; name files or folders, as in `rowmill reports ingest --team rocks new/`"
        )
    about = about_of(kind, author, week, day_first=day_first)

    async def work(connection: Connection) -> tuple[Taken, UUID, Mapping[str, Any] | None]:
        return await _ingest(connection, team, paths, about, wait=not no_wait)

    taken, ingestion_id, counts = ask(data_dir, work)
    if as_json:
        refused = [{"name": name, "reason": reason} for name, reason in taken.refused]
        figures = {"received": taken.files, "known": taken.known, "skipped": taken.skipped, "refused": refused}
        print_json({"ingestion_id": ingestion_id, **figures, "counts": counts})
    else:
        for sentence in told(taken):
            console().print(text(sentence), soft_wrap=True)
        show_counts(counts, ingestion_id)
    if taken.refused:
        raise SystemExit(1)


async def _ingest(
    connection: Connection, team: str, paths: Sequence[Path], about: dict[str, Any], *, wait: bool
) -> tuple[Taken, UUID, Mapping[str, Any] | None]:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE))
    row, taken = await team_of(connection, team), Taken()
    files = found_below(paths, taken)
    place = " ".join(sorted({str(path.resolve()) for path in paths}))
    opened = await statements(PACKAGE)["cli_open"].fetch(
        connection, project_id=row["id"], source="cli", place=place[:2000]
    )
    ingestion_id = opened[0]["id"]
    taker = Taker(connection, row["id"], ingestion_id, plain(about))
    with progress_bar("receiving", len(files)) as bar:
        await taker.take(files, taken, bar.advance)
    await statements(PACKAGE)["cli_close"].fetch(connection, ingestion_id=ingestion_id)
    counts = await waited(connection, ingestion_id) if wait else None
    return taken, ingestion_id, counts


def plain(about: dict[str, Any]) -> dict[str, Any]:
    """The same as JSON can hold it."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in about.items()}


async def waited(connection: Connection, ingestion_id: UUID) -> Mapping[str, Any] | None:
    """The counts, once all files are read; None where no worker is there to read them."""
    looked = await _look(connection, ingestion_id)
    with progress_bar("reading", looked["files"]) as bar:
        done = 0
        while looked["ended_at"] is None:
            if not (await statements(PACKAGE)["cli_readers"].fetch(connection))[0]["living"]:
                return None
            read = looked["files"] - looked["unread"]
            bar.advance(read - done)
            done = read
            await asyncio.sleep(LOOK_S)
            looked = await _look(connection, ingestion_id)
        bar.advance(looked["files"] - done)
    counts: dict[str, Any] = orjson.loads(looked["counts"])
    problems = await statements(PACKAGE)["cli_problems"].fetch(
        connection, team=None, ingestion_id=ingestion_id, most=SHOWN_PROBLEMS
    )
    return {**counts, "report_id": looked["report_id"], "shown_problems": [dict(each) for each in problems]}


async def _look(connection: Connection, ingestion_id: UUID) -> asyncpg.Record:
    return (await statements(PACKAGE)["cli_ingestion"].fetch(connection, ingestion_id=ingestion_id))[0]


def show_counts(counts: Mapping[str, Any] | None, ingestion_id: UUID) -> None:
    """Counts as a table, the first problems below it (D2.4: counts to the console)."""
    if counts is None:
        said = (
            f"ingestion {ingestion_id} waits for workers; start them with `rowmill work`, see `rowmill reports query`"
        )
        console().print(text(said), soft_wrap=True)
        return
    shown = [
        (name.replace("_", " "), f"{number:,}") for name, number in sorted(counts.items()) if isinstance(number, int)
    ]
    console().print(table("What the files held", ("what", "count"), shown))
    for each in counts["shown_problems"]:
        line = "" if each["line"] is None else f", line {each['line']}"
        console().print(text(f"{each['name']}{line}: {each['reason']}"), soft_wrap=True)
    if (more := counts.get("problems", 0) - len(counts["shown_problems"])) > 0:
        console().print(text(f"and {counted(more, 'more problem')}; see `rowmill reports problems`"), soft_wrap=True)
