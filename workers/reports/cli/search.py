"""`rowmill reports search`: words in daily reports and transcripts, best first."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from cyclopts import Parameter
from rich.text import Text

from core import RowmillError
from core.cli.door import Connection, DataDir, Json, ask, console, counted, print_json, statements, text
from workers.reports.cli.look import Limit, TeamFilter
from workers.reports.cli.place import PACKAGE, Env, enter, team_of
from workers.reports.rules.hits import pieces

Words = Annotated[
    str,
    Parameter(name="WORDS", help="Words, \"phrases in quotes\", -without; 'or' between alternatives."),
]
Since = Annotated[date | None, Parameter(name="--since", help="The first day, as 2026-01-31.")]
Until = Annotated[date | None, Parameter(name="--until", help="The last day.")]
Which = Annotated[Literal["daily", "transcript"] | None, Parameter(name="--kind", help="Only these.")]


def search(  # noqa: PLR0913 - one option for each way to narrow
    *words: Words,
    team: TeamFilter = None,
    since: Since = None,
    until: Until = None,
    kind: Which = None,
    limit: Limit = 10,
    env: Env = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Search daily reports and transcripts, best first, with the words around each hit."""
    enter(env, data_dir)
    if not any(word.strip() for word in words):
        raise RowmillError("nothing to search for; give words, as in `rowmill reports search login page`")

    async def look(connection: Connection) -> list[asyncpg.Record]:
        project: UUID | None = (await team_of(connection, team))["id"] if team else None
        asked: dict[str, Any] = {"query": " ".join(words), "workspaces": None, "project_id": project, "kind": kind}
        asked |= {"first_day": since, "last_day": until, "most": limit, "skip": 0}
        return await statements(PACKAGE)["search"].fetch(connection, **asked)

    found = ask(data_dir, look)
    total = found[0]["total"] if found else 0
    if as_json:
        print_json({"total": total, "hits": [_plain(row) for row in found]})
        return
    console().print(counted(total, "text found", "texts found"))
    for row in found:
        console().print(
            text(f"\n{row['day']}  {row['kind']}  {row['team']}  {row['name']}  {row['id']}"), soft_wrap=True
        )
        console().print(_shown(row["around"]), soft_wrap=True)


def _plain(row: asyncpg.Record) -> dict[str, Any]:
    around = [{"text": part, "hit": hit} for part, hit in pieces(row["around"])]
    return {**{name: value for name, value in row.items() if name != "total"}, "around": around}


def _shown(around: str) -> Text:
    made = Text("  ")
    for part, hit in pieces(around):
        made.append_text(Text(str(text(part)), style="bold yellow" if hit else ""))
    return made
