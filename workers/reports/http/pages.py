"""Pages for a browser: the list of reports, a report, and the rows that reports link to. Nothing in them runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from core.web import Call, Nothing, StreamResponse, route
from workers.reports.http.generated import whole_report
from workers.reports.http.models import AskedRow
from workers.reports.http.texts import captured, row_of
from workers.reports.rules.writing import index_page, source_page, span, written_day

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
LISTED: Final = 200


def shown(html: str) -> web.Response:
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
    return web.Response(text=html, content_type="text/html", charset="utf-8", headers=headers)


@route("GET", "/api/reports/page", scope="read", media="text/html")
async def list_page(call: Call[Nothing, Nothing]) -> StreamResponse:
    """The newest generated reports, as a page of links."""
    asked: dict[str, Any] = {"workspaces": call.actor.visible, "project_id": None, "type": None, "most": LISTED}
    rows = await call.read("http_generated_list", **asked)
    return shown(await asyncio.to_thread(index_page, [dict(row) for row in rows]))


@route("GET", "/api/reports/generated/{id}/page", scope="read", refuses=(404,), media="text/html")
async def report_page(call: Call[AskedRow, Nothing]) -> StreamResponse:
    """A generated report, as a page with links to its sources."""
    return shown((await whole_report(call))["html"])


@route("GET", "/api/reports/daily/{id}/page", scope="read", refuses=(404,), media="text/html")
async def daily_page(call: Call[AskedRow, Nothing]) -> StreamResponse:
    """A daily report, as a page."""
    return await _text_page(call, await row_of(call, "http_daily", "daily report"), "daily")


@route("GET", "/api/reports/transcripts/{id}/page", scope="read", refuses=(404,), media="text/html")
async def transcript_page(call: Call[AskedRow, Nothing]) -> StreamResponse:
    """A transcript, as a page."""
    return await _text_page(call, await row_of(call, "http_transcript", "transcript"), "transcripts")


@route("GET", "/api/reports/jira/{id}/page", scope="read", refuses=(404, 503), media="text/html")
async def jira_page(call: Call[AskedRow, Nothing]) -> StreamResponse:
    """A Jira snapshot, as a page."""
    row = await captured(call, "http_jira", "Jira snapshot")
    return await _page(call, row, "jira", f"Jira, {span(row['week_start'], row['week_end'])}", ())


@route("GET", "/api/reports/slack/{id}/page", scope="read", refuses=(404, 503), media="text/html")
async def slack_page(call: Call[AskedRow, Nothing]) -> StreamResponse:
    """A Slack capture, as a page."""
    row = await captured(call, "http_slack", "Slack capture")
    title = f"Slack #{row['channel']}, {span(row['week_start'], row['week_end'])}"
    return await _page(call, row, "slack", title, ("addresses and secrets are replaced",))


async def _text_page(call: Call[AskedRow, Nothing], row: Mapping[str, Any], kind: str) -> StreamResponse:
    received = f"received {row['received_at']:%Y-%m-%d %H:%M} UTC"
    title = f"{row['name']}, {written_day(row['day'])}"
    return await _page(call, row, kind, title, (f"revision {row['revision']}", received))


async def _page(
    call: Call[AskedRow, Nothing], row: Mapping[str, Any], kind: str, title: str, told: tuple[str, ...]
) -> StreamResponse:
    about = (row["team"], *told)
    address = f"/api/reports/{kind}/{call.asked.id}"
    return shown(await asyncio.to_thread(source_page, title, about, row["content"], address))
