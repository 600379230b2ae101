"""Generated reports: the list, one of them, and asking for one."""

from __future__ import annotations

from typing import Any
from uuid import uuid5

from core.web import Call, Document, Nothing, Refused, absent, route
from workers.reports.http.models import (
    Asked,
    AskedGenerated,
    AskedRow,
    Generated,
    GeneratedList,
    Link,
    SentQuestion,
    Whole,
)
from workers.reports.http.seeing import team_id, team_row
from workers.reports.model import AskReport


@route("GET", "/api/reports/generated", scope="read", refuses=(404,))
async def list_generated(call: Call[AskedGenerated, Nothing]) -> GeneratedList:
    """Generated reports, newest first."""
    rows = await call.read(
        "http_generated_list",
        workspaces=call.actor.visible,
        project_id=await team_id(call, call.asked.team),
        type=call.asked.type,
        most=call.asked.limit,
    )
    return GeneratedList(reports=[Generated(**{**row, "counts": Document(row["counts"])}) for row in rows])


@route("POST", "/api/reports/generated", scope="operate", status=202, refuses=(404,))
async def ask_report(call: Call[Nothing, SentQuestion]) -> Asked:
    """Asks for a report; the answer is the id of the task that writes it."""
    team, body = await team_row(call, call.body.team), call.body
    if body.last_day is not None and (body.first_day is None or body.last_day < body.first_day):
        told = "last_day needs a first_day that is not after it; correct one of them"
        raise Refused(422, "days", told, field="last_day")
    about = body.model_dump(mode="json", include={"subject", "first_day", "last_day"}, exclude_none=True)
    about |= {"report_type": body.type, "project_id": str(team["id"])}
    task_id = uuid5(call.command_id, "task")
    effect = AskReport(task_id, team["workspace_id"], about)
    await call.apply("reports.ask", [effect], workspace_id=team["workspace_id"])
    return Asked(id=task_id)


async def whole_report(call: Call[AskedRow, Nothing]) -> Any:
    """Its row. Raises Refused 404."""
    rows = await call.read("http_generated", id=call.asked.id)
    if not rows:
        raise absent("report")
    call.need_workspace(rows[0]["workspace_id"], "report")
    return rows[0]


@route("GET", "/api/reports/generated/{id}", scope="read", refuses=(404,))
async def read_generated(call: Call[AskedRow, Nothing]) -> Whole:
    """A generated report as Markdown, with links to the rows it was written from."""
    row = await whole_report(call)
    told = {name: value for name, value in row.items() if name not in {"workspace_id", "html"}}
    sources = [Link(**each) for each in await call.read("http_links", id=call.asked.id)]
    return Whole(**{**told, "counts": Document(row["counts"])}, sources=sources)
