"""`rowmill reports generate` and `show`: ask for a report, read one."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import orjson
from cyclopts import Parameter

from core import RowmillError
from core.cli.door import Connection, DataDir, Json, ask, console, counted, moment, print_json, statements, table, text
from workers.reports.cli.look import Limit, TeamFilter
from workers.reports.cli.place import PACKAGE, Env, Team, enter, team_of
from workers.reports.model import ReportType
from workers.reports.rules.writing import placed

Kind = Annotated[ReportType, Parameter(name="TYPE", help="weekly-digest, 1on1 or dashboard.")]
Subject = Annotated[str | None, Parameter(name="--subject", help="The employee of a 1on1; without it, everybody.")]
First = Annotated[date | None, Parameter(name="--from", help="The first day; else the week before this one.")]
Last = Annotated[date | None, Parameter(name="--to", help="The last day.")]
ReportId = Annotated[
    UUID | None, Parameter(name="REPORT", help="The id of a report; without it the newest are listed.")
]
Html = Annotated[Path | None, Parameter(name="--html", help="Write the report's page into this file.")]
Server = Annotated[str, Parameter(name="--server", help="Where `rowmill web` runs, for the links of that page.")]


def generate(  # noqa: PLR0913 - what a report is about
    kind: Kind,
    /,
    *,
    team: Team,
    subject: Subject = None,
    first: First = None,
    last: Last = None,
    env: Env = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Enqueue a report about a team. Schedules do it too: see `rowmill schedules`."""
    enter(env, data_dir)
    if first is not None and last is not None and last < first:
        raise RowmillError(f"the last day {last} is before the first {first}; change one of them")

    async def insert(connection: Connection) -> asyncpg.Record:
        row = await team_of(connection, team)
        about: dict[str, Any] = {"report_type": kind, "project_id": str(row["id"]), "subject": subject}
        about |= {"first_day": first, "last_day": last}
        payload = orjson.dumps({name: value for name, value in about.items() if value is not None}).decode()
        made = await statements(PACKAGE)["cli_generate"].fetch(
            connection, payload=payload, workspace_id=row["workspace_id"]
        )
        return made[0]

    made = ask(data_dir, insert)
    if as_json:
        print_json(dict(made))
    else:
        said = f"enqueued {made['id']}; when it is done, see `rowmill reports show`"
        console().print(text(said), soft_wrap=True)


def show(  # noqa: PLR0913 - one option for each thing that can be said about a report
    report: ReportId = None,
    /,
    *,
    team: TeamFilter = None,
    html: Html = None,
    server: Server = "http://127.0.0.1:8080",
    limit: Limit = 20,
    env: Env = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List the newest reports, or print one as Markdown."""
    enter(env, data_dir)

    async def look(connection: Connection) -> list[asyncpg.Record]:
        asked: dict[str, Any] = {"id": report, "team": team, "most": limit}
        return await statements(PACKAGE)["cli_generated"].fetch(connection, **asked)

    found = ask(data_dir, look)
    if report is not None and not found:
        raise RowmillError(f"there is no report {report}; `rowmill reports show` lists the newest")
    if html is not None:
        if report is None:
            raise RowmillError("--html needs the id of one report; `rowmill reports show` lists them")
        _write_page(html, placed(found[0]["html"], server))
        console().print(text(f"{html} was written; its links open pages of {server}"), soft_wrap=True)
    elif as_json:
        print_json({"reports": [_plain(row, whole=report is not None) for row in found]})
    elif report is not None:
        console().print(text(found[0]["markdown"]), soft_wrap=True)
    else:
        rows = [(row["id"], row["type"], row["title"], row["sources"], moment(row["updated_at"])) for row in found]
        columns = ("id", "type", "title", "sources", "written")
        console().print(table(counted(len(found), "report"), columns, rows, whole=("id",)))


def _write_page(file: Path, html: str) -> None:
    try:
        file.write_text(html, encoding="utf-8")
    except OSError as error:
        raise RowmillError(f"{file} cannot be written ({error.strerror or error}); name another file") from error


def _plain(row: asyncpg.Record, *, whole: bool) -> dict[str, Any]:
    left_out = set() if whole else {"markdown", "html"}
    made = {name: value for name, value in row.items() if name not in left_out}
    return {**made, "counts": orjson.Fragment(row["counts"])}
