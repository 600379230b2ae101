"""Reports over HTTP: files in, texts and reports out, searched, by workspace; repeated requests take nothing twice."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from core.registry import operators
from tests.running import Workers, all_ended, enqueue
from tests.serving import Client, Site
from tests.workers.reports.conftest import forget
from tests.workers.reports.shelf import Shelf, make_shelf

ANN = "**Employee**: Ann Lee\n\n## 2026-01-15\n\n- did a\n"
VTT = base64.b64encode(b"WEBVTT\n\n00:01.000 --> 00:02.000\nAnn: hi\n").decode()
CHAT = "# #dev\n**Bob** 10:00 password: hunter22\n"
FILES = [
    {"name": "daily/ann.md", "content": ANN},
    {"name": "2026-01-15 planning.vtt", "content_base64": VTT},
    {"name": "export.md", "content": CHAT, "kind": "slack", "week_start": "2026-01-12"},
    {"name": "epic_tree_2026-W03.md", "content": "ROCK-1"},
]


@pytest.fixture
async def shelf(site: Site) -> Shelf:
    return await make_shelf(site.db)


@pytest.fixture
async def client(site: Site, shelf: Shelf, store: Path, workers: Workers) -> Client:
    """A member of the default workspace who may change; a worker runs."""
    await workers.start(*(name for name in operators() if name.startswith("reports.")))
    return await site.client("operate")


async def sent(
    client: Client, *files: Mapping[str, object], team: str = "rocks", key: UUID | None = None
) -> dict[str, list[str]]:
    reply = await client.post("/api/reports/files", {"team": team, "files": list(files)}, key=key or uuid4())
    assert reply.status == 202, reply.body
    return reply.ok()  # type: ignore[no-any-return]


async def test_files_that_were_sent_become_rows_that_can_be_read(client: Client, shelf: Shelf) -> None:
    made = await sent(client, *FILES)
    await all_ended(shelf.db)
    listed = (await client.get("/api/reports/files")).ok()
    assert {each["id"] for each in listed["files"]} == set(made["file_ids"])
    assert {each["status"] for each in listed["files"]} == {"stored"}
    [daily] = (await client.get("/api/reports/daily", params={"team": "rocks", "author": "Ann Lee"})).ok()["reports"]
    whole = (await client.get(f"/api/reports/daily/{daily['id']}")).ok()
    assert (whole["content"], whole["day"], whole["revisions"]) == ("- did a", "2026-01-15", [])
    transcript = await shelf.db.fetchval("select id from meeting_transcripts")
    assert (await client.get(f"/api/reports/transcripts/{transcript}")).ok()["content"] == "Ann: hi"
    slack = await shelf.db.fetchval("select id from slack_captures")
    capture = (await client.get(f"/api/reports/slack/{slack}")).ok()
    assert (capture["channel"], "hunter22" in capture["content"]) == ("dev", False)
    jira = await shelf.db.fetchval("select id from jira_snapshots")
    assert (await client.get(f"/api/reports/jira/{jira}")).ok()["week_end"] == "2026-01-18"
    [rocks] = [each for each in (await client.get("/api/reports/teams")).ok()["teams"] if each["team"] == "rocks"]
    assert (rocks["daily_reports"], rocks["transcripts"], rocks["problems"]) == (1, 1, 0)
    audit = "select count(*) from audit_events where entity = 'report_file' and user_id is not null"
    assert await shelf.db.fetchval(audit) == 4


async def test_a_repeated_request_takes_nothing_twice_and_a_different_one_is_refused(
    client: Client, shelf: Shelf
) -> None:
    key = uuid4()
    first = await sent(client, FILES[3], key=key)
    assert await sent(client, FILES[3], key=key) == first
    other = await client.post("/api/reports/files", {"team": "rocks", "files": [FILES[0]]}, key=key)
    assert other.status == 409
    await all_ended(shelf.db)
    assert await shelf.count("jira_snapshots") == 1
    await sent(client, FILES[3])
    await all_ended(shelf.db)
    assert await shelf.count("jira_snapshots") == 2


async def test_a_revision_shows_the_text_before(client: Client, shelf: Shelf) -> None:
    await sent(client, FILES[0])
    await all_ended(shelf.db)
    await sent(client, {"name": "ann.md", "content": ANN.replace("did a", "did b")})
    await all_ended(shelf.db)
    row = await shelf.db.fetchval("select id from daily_reports")
    whole = (await client.get(f"/api/reports/daily/{row}")).ok()
    assert (whole["content"], whole["revision"]) == ("- did b", 2)
    assert [each["content"] for each in whole["revisions"]] == ["- did a"]


async def test_a_file_with_a_problem_is_read_again_with_what_is_now_said(client: Client, shelf: Shelf) -> None:
    [file] = (await sent(client, {"name": "notes.md", "content": "## 2026-01-15\n- a\n"}))["file_ids"]
    await all_ended(shelf.db)
    [listed] = (await client.get("/api/reports/files", params={"status": "failed"})).ok()["files"]
    assert listed["problems"][0]["reason"].startswith("nothing says what this file is")
    reply = await client.post(f"/api/reports/files/{file}/again", {"kind": "daily", "author": "Ann"})
    assert reply.status == 202, reply.body
    await all_ended(shelf.db)
    assert await shelf.count("daily_reports", "author_name = 'Ann'") == 1
    (await client.post(f"/api/reports/files/{uuid4()}/again", {})).refusal(404)


async def test_texts_are_searched_with_the_hits_in_pieces(client: Client, shelf: Shelf) -> None:
    await shelf.report("Ann", content="- the <b>login</b> page")
    found = (await client.get("/api/reports/search", params={"q": "login"})).ok()
    assert (found["total"], found["hits"][0]["name"]) == (1, "Ann")
    assert {"text": "login", "hit": True} in found["hits"][0]["around"]
    assert (await client.get("/api/reports/search", params={"q": "login", "team": "timeclock"})).ok()["total"] == 0
    (await client.get("/api/reports/search", params={"q": "login", "team": "nobody"})).refusal(404)
    (await client.get("/api/reports/search")).refusal(400)
    (await client.get("/api/reports/search", params={"q": "x", "first_day": "May"})).refusal(400)


async def test_a_report_is_asked_for_read_and_shown_as_a_page(client: Client, shelf: Shelf) -> None:
    row = await shelf.report("Ann", "2026-01-13", "- built <script>alert(1)</script>")
    body = {"team": "rocks", "type": "weekly-digest", "first_day": "2026-01-12", "last_day": "2026-01-18"}
    asked = await client.post("/api/reports/generated", body)
    assert asked.status == 202, asked.body
    await all_ended(shelf.db)
    status = "select status from task_queue where id = $1"
    assert await shelf.db.fetchval(status, UUID(asked.json["id"])) == "completed"
    [listed] = (await client.get("/api/reports/generated", params={"type": "weekly-digest"})).ok()["reports"]
    whole = (await client.get(f"/api/reports/generated/{listed['id']}")).ok()
    assert whole["sources"] == [{"kind": "daily", "id": str(row)}]
    assert f"(/api/reports/daily/{row}/page)" in whole["markdown"]
    page = await client.get(f"/api/reports/generated/{listed['id']}/page")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert b"<script" not in page.body
    body["last_day"] = "2026-01-01"
    (await client.post("/api/reports/generated", body)).refusal(422)


async def test_nobody_sees_or_changes_what_belongs_to_another_workspace(
    site: Site, client: Client, shelf: Shelf
) -> None:
    await sent(client, *FILES)
    await all_ended(shelf.db)
    await enqueue(shelf.db, "reports.generate", {"report_type": "dashboard", "project_id": str(shelf.team)})
    await all_ended(shelf.db)
    other = uuid4()
    await shelf.db.execute("insert into workspaces (id, name) values ($1, 'other')", other)
    stranger = await site.client("operate", workspaces=(other,))
    for path, name in (("teams", "teams"), ("files", "files"), ("daily", "reports"), ("generated", "reports")):
        assert (await stranger.get(f"/api/reports/{path}")).ok()[name] == []
        assert len((await client.get(f"/api/reports/{path}")).ok()[name]) > 0
    assert (await stranger.get("/api/reports/search", params={"q": "did"})).ok()["total"] == 0
    tables = {"daily": "daily_reports", "transcripts": "meeting_transcripts", "jira": "jira_snapshots",
              "slack": "slack_captures", "generated": "generated_reports where report_type_id is not null"}  # fmt: skip
    for path, table in tables.items():
        row = await shelf.db.fetchval(f"select id from {table}")
        for address in (f"/api/reports/{path}/{row}", f"/api/reports/{path}/{row}/page"):
            (await stranger.get(address)).refusal(404)
            assert (await client.get(address)).status == 200
    listed = await stranger.get("/api/reports/page")
    assert (listed.status, b"Dashboard" in listed.body) == (200, False)
    file = await shelf.db.fetchval("select id from report_files")
    (await stranger.post(f"/api/reports/files/{file}/again", {})).refusal(404)
    (await stranger.post("/api/reports/files", {"team": "rocks", "files": [FILES[0]]})).refusal(404)
    reader = await site.client("read")
    (await reader.post("/api/reports/files", {"team": "rocks", "files": [FILES[0]]})).refusal(403)
    (await site.stranger().get("/api/reports/teams")).refusal(401)


@pytest.mark.parametrize(
    ("file", "status", "field"),
    [
        ({"name": "a.md"}, 422, "files.0"),
        ({"name": "a.md", "content": "x", "content_base64": "eA=="}, 422, "files.0"),
        ({"name": "a.md", "content_base64": "no base64!"}, 422, "files.0.content_base64"),
        ({"name": "a.md", "content": "x", "week_end": "2026-01-01"}, 422, "files.0.week_end"),
        ({"name": "", "content": "x"}, 400, "files.0.name"),
        ({"name": "a.md", "content": "x", "kind": "poem"}, 400, "files.0.kind"),
        ({"name": "a.md", "content": "x", "week_start": "May"}, 400, "files.0.week_start"),
    ],
)
async def test_a_file_that_is_none_is_refused_with_the_field(
    client: Client, file: dict[str, str], status: int, field: str
) -> None:
    refusal = (await client.post("/api/reports/files", {"team": "rocks", "files": [file]})).refusal(status)
    assert refusal["field"] == field


async def test_while_storing_is_off_the_api_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROWMILL_STORE_BLOBS", "false")
    forget()
    said = (await client.post("/api/reports/files", {"team": "rocks", "files": [FILES[0]]})).refusal(503)
    forget()
    assert said["message"].startswith("the blob store is switched off; set ROWMILL_STORE_BLOBS=true")
