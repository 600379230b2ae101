"""`rowmill reports query`, `problems` and `again`: what is stored, what could not be read, and reading it once more."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import orjson
from cyclopts import Parameter
from cyclopts.validators import Number

from core import RowmillError
from core.cli.door import Connection, DataDir, Json, ask, console, counted, moment, print_json, statements, table, text
from workers.reports import adapter
from workers.reports.cli.ingest import Author, DayFirst, KindOption, Week, about_of, plain
from workers.reports.cli.place import PACKAGE, Env, enter

COLUMNS: Final = (
    "organisation",
    "team",
    "language",
    "daily reports",
    "authors",
    "transcripts",
    "jira",
    "slack",
    "written",
    "problems",
    "newest",
)
TeamFilter = Annotated[str | None, Parameter(name="--team", help="Only of this team.")]
Limit = Annotated[int, Parameter(name="--limit", help="So many at most.", validator=Number(gte=1, lte=10_000))]
FileId = Annotated[UUID, Parameter(name="FILE", help="The id of a file, as `rowmill reports problems` shows it.")]


def query(*, env: Env = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show organisations, teams, report types and counts, and the newest ingestions."""
    chosen = enter(env, data_dir)

    async def look(connection: Connection) -> tuple[list[asyncpg.Record], ...]:
        names = ("cli_teams", "cli_types", "cli_ingestions")
        return tuple([await statements(PACKAGE)[name].fetch(connection) for name in names])

    teams, types, ingestions = ask(data_dir, look)
    if as_json:
        print_json(
            {
                "environment": chosen,
                "teams": [dict(row) for row in teams],
                "report_types": [dict(row) for row in types],
                "ingestions": [{**row, "counts": orjson.loads(row["counts"] or "null")} for row in ingestions],
            }
        )
        return
    if not teams:
        console().print("No team yet; `rowmill reports seed` adds them.", soft_wrap=True)
        return
    console().print(table(f"Teams of {chosen}", COLUMNS, [_team_cells(row) for row in teams]))
    console().print(table("Report types", ("name", "written", "newest"), [_type_cells(row) for row in types]))
    shown = [(moment(row["started_at"]), row["team"], row["source"], row["place"], _state(row)) for row in ingestions]
    console().print(table("Newest ingestions", ("began", "team", "by", "from", "state"), shown))


def _team_cells(row: asyncpg.Record) -> tuple[object, ...]:
    numbers = ("daily_reports", "authors", "transcripts", "jira_snapshots", "slack_captures", "generated", "problems")
    named = row["organization"], row["team"], row["search_language"]
    return (*named, *(f"{row[name]:,}" for name in numbers), row["newest_day"])


def _type_cells(row: asyncpg.Record) -> tuple[object, ...]:
    return row["name"], f"{row['generated']:,}", moment(row["newest"])


def _state(row: asyncpg.Record) -> str:
    if row["closed_at"] is None:
        return f"open, {counted(row['files'], 'file')}; the same command goes on"
    if row["ended_at"] is None:
        return f"{row['unread']:,} of {counted(row['files'], 'file')} to be read"
    return f"{counted(row['files'], 'file')} read"


def problems(
    *, team: TeamFilter = None, limit: Limit = 100, env: Env = None, as_json: Json = False, data_dir: DataDir = None
) -> None:
    """List what could not be read, with file, line and reason. `again` reads a file once more after a fix."""
    enter(env, data_dir)

    async def look(connection: Connection) -> list[asyncpg.Record]:
        asked: dict[str, Any] = {"team": team, "ingestion_id": None, "most": limit}
        return await statements(PACKAGE)["cli_problems"].fetch(connection, **asked)

    found = ask(data_dir, look)
    if as_json:
        print_json({"problems": [dict(row) for row in found]})
    elif found:
        shown = [(row["id"], row["team"], row["name"], row["line"], row["reason"]) for row in found]
        console().print(
            table(counted(len(found), "problem"), ("file", "team", "name", "line", "reason"), shown, whole=("file",))
        )
    else:
        console().print("Everything could be read.")


def again(  # noqa: PLR0913 - one option for each thing that can be said about files
    *files: FileId,
    team: TeamFilter = None,
    kind: KindOption = None,
    author: Author = None,
    week: Week = None,
    day_first: DayFirst = False,
    env: Env = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Read files once more: those named, or without names all that had problems. What is said about them counts now."""
    enter(env, data_dir)
    if reason := adapter.off():
        raise RowmillError(reason)
    about = plain(about_of(kind, author, week, day_first=day_first))

    async def write(connection: Connection) -> int:
        asked = {"ids": list(files) or None, "team": team, "about": orjson.dumps(about).decode()}
        rows = await statements(PACKAGE)["cli_again"].fetch(connection, **asked)
        return int(rows[0]["files"])

    number = ask(data_dir, write)
    if as_json:
        print_json({"files": number, "at": datetime.now().astimezone()})
    else:
        console().print(
            text(f"{counted(number, 'file')} will be read again; see `rowmill reports query`"), soft_wrap=True
        )
