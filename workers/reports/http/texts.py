"""Stored texts: teams, daily reports, transcripts, captures, and the search."""

from __future__ import annotations

from typing import Any

import asyncpg

from core.web import Call, Nothing, Refused, absent, route
from workers.reports import adapter
from workers.reports.http.models import (
    AskedDaily,
    AskedRow,
    AskedSearch,
    Capture,
    Daily,
    DailyList,
    Hit,
    Hits,
    Piece,
    Revision,
    Team,
    Teams,
    Text,
)
from workers.reports.http.seeing import team_id
from workers.reports.rules.hits import pieces


@route("GET", "/api/reports/teams", scope="read")
async def list_teams(call: Call[Nothing, Nothing]) -> Teams:
    """The teams you may see, with what is stored of each."""
    return Teams(teams=[Team(**row) for row in await call.read("http_teams", workspaces=call.actor.visible)])


@route("GET", "/api/reports/search", scope="read", refuses=(404,))
async def search(call: Call[AskedSearch, Nothing]) -> Hits:
    """Searches daily reports and transcripts: best first, with the words around each hit."""
    asked = call.asked
    rows = await call.read(
        "search",
        query=asked.q,
        workspaces=call.actor.visible,
        project_id=await team_id(call, asked.team),
        first_day=asked.first_day,
        last_day=asked.last_day,
        kind=asked.kind,
        most=asked.limit,
        skip=asked.skip,
    )
    return Hits(hits=[_hit(row) for row in rows], total=rows[0]["total"] if rows else 0)


def _hit(row: asyncpg.Record) -> Hit:
    around = [Piece(text=text, hit=hit) for text, hit in pieces(row["around"])]
    told: dict[str, Any] = {name: value for name, value in row.items() if name != "total"}
    return Hit(**{**told, "around": around})


@route("GET", "/api/reports/daily", scope="read", refuses=(404,))
async def list_daily(call: Call[AskedDaily, Nothing]) -> DailyList:
    """Daily reports, newest day first."""
    asked = call.asked
    rows = await call.read(
        "http_daily_list",
        workspaces=call.actor.visible,
        project_id=await team_id(call, asked.team),
        author=asked.author,
        first_day=asked.first_day,
        last_day=asked.last_day,
        most=asked.limit + 1,
        skip=asked.skip,
    )
    return DailyList(reports=[Daily(**row) for row in rows[: asked.limit]], more=len(rows) > asked.limit)


@route("GET", "/api/reports/daily/{id}", scope="read", refuses=(404,))
async def read_daily(call: Call[AskedRow, Nothing]) -> Text:
    """A daily report with its history."""
    return await _text(call, "http_daily", "daily report")


@route("GET", "/api/reports/transcripts/{id}", scope="read", refuses=(404,))
async def read_transcript(call: Call[AskedRow, Nothing]) -> Text:
    """A transcript with its history."""
    return await _text(call, "http_transcript", "transcript")


async def _text(call: Call[AskedRow, Nothing], statement: str, what: str) -> Text:
    row = await row_of(call, statement, what)
    revisions = [Revision(**each) for each in await call.read("http_revisions", id=call.asked.id)]
    return Text(**row, revisions=revisions)


@route("GET", "/api/reports/jira/{id}", scope="read", refuses=(404,))
async def read_jira(call: Call[AskedRow, Nothing]) -> Capture:
    """A Jira snapshot, with its text from the blob store."""
    return Capture(**await captured(call, "http_jira", "Jira snapshot"))


@route("GET", "/api/reports/slack/{id}", scope="read", refuses=(404,))
async def read_slack(call: Call[AskedRow, Nothing]) -> Capture:
    """A Slack capture, with its sanitised text from the blob store."""
    return Capture(**await captured(call, "http_slack", "Slack capture"))


async def captured(call: Call[AskedRow, Nothing], statement: str, what: str) -> dict[str, Any]:
    """A capture with its text from the blob store. Raises Refused 404, 503."""
    row = await row_of(call, statement, what)
    try:
        content = await adapter.get(row["blob_path"])
    except adapter.BlobsFailed as error:
        raise Refused(503, "blob_store", str(error), retry_after_s=10) from error
    return {**row, "content": content.decode("utf-8", "replace")}


async def row_of(call: Call[AskedRow, Nothing], statement: str, what: str) -> dict[str, Any]:
    """A stored row that the user may see. Raises Refused 404."""
    rows = await call.read(statement, id=call.asked.id)
    if not rows:
        raise absent(what)
    call.need_workspace(rows[0]["workspace_id"], what)
    return {name: value for name, value in rows[0].items() if name != "workspace_id"}
