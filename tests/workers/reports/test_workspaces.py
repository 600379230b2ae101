"""A worker that row policies bind does all of this domain's work, in the workspace of the claimed row alone."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

from core.registry import operators
from tests.logins import MakeLogin
from tests.running import Workers, all_ended, enqueue
from tests.workers.reports.shelf import Inbox, Shelf
from tests.workers.reports.test_ingestion import ANN


async def other_team(shelf: Shelf) -> UUID:
    """A team of the same name in a workspace of its own."""
    workspace = uuid4()
    await shelf.db.execute("insert into workspaces (id, name) values ($1, 'other')", workspace)
    made: UUID = await shelf.db.fetchval(
        "with o as (insert into organizations (workspace_id, name) values ($1, 'Others') returning id)"
        " insert into teams (organization_id, name) select id, 'rocks' from o returning id",
        workspace,
    )
    return made


async def test_a_bound_worker_reads_stores_counts_and_writes_reports(
    shelf: Shelf, store: Path, workers: Workers, login: MakeLogin
) -> None:
    bound = await login("rowmill_worker")
    await workers.start(*(name for name in operators() if name.startswith("reports.")), dsn=bound.dsn)
    inbox = Inbox(shelf)
    files = (
        ("daily/ann.md", ANN),
        ("epic_2026-W03.md", "ROCK-1"),
        ("slack_dev_2026-W03.md", "hi"),
        ("2026-01-15 call.txt", "A: hi"),
    )
    counts = await inbox.take(*files)
    assert counts["files_stored"] == 4
    assert (await inbox.take(("daily/ann.md", ANN.replace("did", "redid"))))["daily_reports_revised"] == 2
    week = {"first_day": "2026-01-12", "last_day": "2026-01-18"}
    for kind in ("weekly-digest", "dashboard", "1on1"):
        asked = {"report_type": kind, "project_id": str(shelf.team), **week}
        await enqueue(shelf.db, "reports.generate", asked, workspace_id=await workspace_of(shelf, shelf.team))
    await all_ended(shelf.db)
    assert await shelf.count("generated_reports", "report_type_id is not null") == 3
    assert await shelf.count("task_queue", "status <> 'completed'") == 0


async def test_the_same_names_in_two_workspaces_are_two_rows_and_a_task_of_one_does_not_reach_the_other(
    shelf: Shelf, store: Path, workers: Workers, login: MakeLogin
) -> None:
    bound = await login("rowmill_worker")
    await workers.start(*(name for name in operators() if name.startswith("reports.")), dsn=bound.dsn)
    inbox, ours, theirs = Inbox(shelf), shelf.team, await other_team(shelf)
    await inbox.take(("daily/ann.md", ANN))
    shelf.team = theirs
    await inbox.take(("daily/ann.md", ANN.replace("did", "saw")))
    rows = await shelf.rows(
        "select project_id, workspace_id, content from daily_reports where report_date = '2026-01-15'"
    )
    assert {(project, content) for project, _, content in rows} == {(ours, "- did a"), (theirs, "- saw a")}
    assert len({workspace for _, workspace, _ in rows}) == 2
    asked = {"report_type": "dashboard", "project_id": str(theirs)}
    await enqueue(shelf.db, "reports.generate", asked, workspace_id=await workspace_of(shelf, ours))
    await all_ended(shelf.db)
    assert await shelf.count("generated_reports", "report_type_id is not null") == 0
    assert await shelf.rows("select error_message from task_queue where status = 'cancelled'") == [
        ("the team is gone",)
    ]


async def workspace_of(shelf: Shelf, team: UUID) -> UUID:
    found: UUID = await shelf.db.fetchval("select workspace_id from teams where id = $1", team)
    return found
