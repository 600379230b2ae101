"""Generated reports: written from stored rows, linked to each of them, by tasks on schedules."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from core.queue.schedule import fire_due
from core.registry import operators
from core.testing import run_operator
from tests.core.cli.conftest import Rowmill
from tests.running import Workers, all_ended, enqueue
from tests.workers.reports.shelf import Shelf
from workers.reports.model import Generate
from workers.reports.operators import generate
from workers.reports.rules.generated import Sources, days_of, written
from workers.reports.rules.highlights import highlights
from workers.reports.rules.writing import page, span, words

NOW = datetime(2026, 1, 21, 9, tzinfo=UTC)  # a Wednesday
TEAM = UUID(int=7)
MONDAY = {"first_day": "2026-01-12", "last_day": "2026-01-18"}


def daily(author: str, day: int, content: str) -> dict[str, Any]:
    return {"id": UUID(int=day), "author_name": author, "report_date": date(2026, 1, day), "content": content}


WEEK = {"week_start": date(2026, 1, 12), "week_end": date(2026, 1, 18)}
MEETING = {
    "id": UUID(int=50),
    "filename": "a.vtt",
    "title": "planning",
    "transcript_date": date(2026, 1, 14),
    "duration_s": 1800,
    "speakers": ["Ann", "Bob"],
}
SOURCES = Sources(
    team="rocks",
    first=date(2026, 1, 12),
    last=date(2026, 1, 18),
    daily=[
        daily("Ann Lee", 12, "- built x\n- fixed y\n## Blockers\n- waits for keys\n"),
        daily("Bob", 13, "**Blockers**: none"),
    ],
    transcripts=[MEETING],
    jira=[{"id": UUID(int=60), "issues": 3, "epics": 1, **WEEK}],
    slack=[{"id": UUID(int=70), "channel": "dev", "messages": 1, **WEEK}],
    authors=["Ann Lee", "Bob", "Cleo"],
)


def test_a_weekly_digest_says_who_did_what_and_links_to_each_source() -> None:
    made = written("weekly-digest", SOURCES, "")
    assert made.title == "Weekly digest: rocks, 12 to 18 January 2026"
    for part in (
        "2 daily reports, 2 employees, 1 meeting, 1 Jira snapshot, 1 Slack capture",
        f"- [Mon 12 Jan](/api/reports/daily/{UUID(int=12)}/page): built x; fixed y",
        "- no report on Tue 13 Jan, Wed 14 Jan, Thu 15 Jan, Fri 16 Jan",
        "No report this time: Cleo.",
        f"- [Mon 12 Jan](/api/reports/daily/{UUID(int=12)}/page), Ann Lee: waits for keys",
        f"- Wed 14 Jan: [planning](/api/reports/transcripts/{UUID(int=50)}/page), 30 min (Ann, Bob)",
        f"[Jira, 12 to 18 January 2026](/api/reports/jira/{UUID(int=60)}/page): 3 issues in 1 epic",
        f"[Slack \\#dev, 12 to 18 January 2026](/api/reports/slack/{UUID(int=70)}/page): 1 message",
    ):
        assert part in made.markdown, (part, made.markdown)
    assert f'<a href="/api/reports/daily/{UUID(int=12)}/page">Mon 12 Jan</a>' in made.html
    assert sorted(made.sources) == ["daily_reports", "jira_snapshots", "meeting_transcripts", "slack_captures"]


def test_a_one_on_one_is_about_one_employee() -> None:
    made = written("1on1", SOURCES, "Ann Lee")
    assert made.title == "1-on-1: Ann Lee, rocks, 12 to 18 January 2026"
    assert "Bob" not in made.markdown.replace("(Ann, Bob)", "")
    assert "## To talk about\n\n- waits for keys\n- built x\n- fixed y\n" in made.markdown
    assert made.counts == {"daily_reports": 1, "meeting_transcripts": 1, "jira_snapshots": 0, "slack_captures": 0}


def test_a_dashboard_is_a_table_of_people_and_days() -> None:
    made = written("dashboard", SOURCES, "")
    assert "| Employee | Mon 12 Jan | Tue 13 Jan | Wed 14 Jan | Thu 15 Jan | Fri 16 Jan | Days |" in made.markdown
    assert f"| Ann Lee | [✓](/api/reports/daily/{UUID(int=12)}/page) | · | · | · | · | 1 |" in made.markdown
    assert "| Cleo | · | · | · | · | · | 0 |" in made.markdown
    assert "| **Together** | 1 | 1 | 0 | 0 | 0 | 2 |" in made.markdown
    assert "<table>" in made.html


def test_the_same_rows_give_the_same_text_and_no_rows_give_a_readable_one() -> None:
    nothing = Sources("rocks", date(2026, 1, 12), date(2026, 1, 18), [], [], [], [])
    for kind in ("weekly-digest", "1on1", "dashboard"):
        assert written(kind, SOURCES, "Bob") == written(kind, SOURCES, "Bob")
        assert "Nothing has come in." in written(kind, nothing, "Bob").markdown


EVIL = "<script>alert(1)</script> [x](javascript:alert(2)) ![i](http://evil/i.png) **b** `c` | d"


def test_nothing_that_stands_in_a_report_runs_in_a_browser() -> None:
    rows = Sources(EVIL, date(2026, 1, 12), date(2026, 1, 18), [daily(EVIL, 12, f"- {EVIL}\n")], [], [], [], [EVIL])
    for kind in ("weekly-digest", "1on1", "dashboard"):
        html = written(kind, rows, EVIL).html
        assert "<script" not in html
        assert "javascript:" not in html.replace("(javascript:", "")
        assert "<img" not in html
    assert "<script" not in page(EVIL, EVIL)


def test_words_of_others_are_no_markup() -> None:
    assert "<p># a *b* &lt;i&gt; [c](d)</p>" in page("", words("# a *b* <i> [c](d)"))


@pytest.mark.parametrize(
    ("text", "points", "blockers"),
    [
        ("- a\n- b\n- c\n- d\n", ("a", "b", "c"), ()),
        ("- a\n- b\n- a\n", ("a", "b"), ()),
        ("## Done\n- a\n## Blockers\n- x\n## Next\n- b\n", ("a", "b"), ("x",)),
        ("**Done:**\n- a\n\n**Blockers:**\n- None\n", ("a",), ()),
        ("Did this.\nBlocked: by that\n", ("Did this.",), ("by that",)),
        ("```\ncode\n```\n", (), ()),
        ("", (), ()),
    ],
)
def test_what_is_worth_repeating(text: str, points: tuple[str, ...], blockers: tuple[str, ...]) -> None:
    found = highlights(text)
    assert (found.points, found.blockers) == (points, blockers)


def test_the_days_of_a_report_are_the_week_before_unless_they_are_named() -> None:
    digest = Generate(report_type="weekly-digest", project_id=TEAM)
    assert days_of(digest, NOW) == (date(2026, 1, 12), date(2026, 1, 18))
    assert days_of(digest.model_copy(update={"report_type": "dashboard"}), NOW) == (date(2026, 1, 7), date(2026, 1, 20))
    named = digest.model_copy(update={"first_day": date(2026, 1, 1)})
    assert days_of(named, NOW) == (date(2026, 1, 1), date(2026, 1, 7))
    assert [span(*days) for days in ((NOW.date(), NOW.date()), (date(2025, 12, 29), date(2026, 1, 4)))] == [
        "21 January 2026",
        "29 December 2025 to 4 January 2026",
    ]


def test_a_one_on_one_of_nobody_in_particular_is_a_task_per_employee() -> None:
    team = [{"id": TEAM, "name": "rocks", "workspace_id": TEAM, "report_type_id": TEAM}]
    authors = [{"author_name": "Ann"}, {"author_name": "Bob"}]
    rows = {"team": team, "authors_of_team": authors}
    outcome: Any = run_operator(generate, {"report_type": "1on1", "project_id": str(TEAM)}, rows=rows, now=NOW)
    assert [each.payload["subject"] for each in outcome.effects] == ["Ann", "Bob"]
    assert {each.payload["first_day"] for each in outcome.effects} == {"2026-01-12"}


@pytest.fixture
async def running(shelf: Shelf, workers: Workers) -> Shelf:
    await workers.start(*(name for name in operators() if name.startswith("reports.")))
    return shelf


async def test_reports_are_stored_with_links_and_written_again_replace_themselves(running: Shelf) -> None:
    rows = [await running.report(author, day) for author in ("Ann", "Bob") for day in ("2026-01-12", "2026-01-13")]
    asked = {"report_type": "weekly-digest", "project_id": str(running.team), **MONDAY}
    for _ in range(2):
        await enqueue(running.db, "reports.generate", asked)
        await all_ended(running.db)
    assert await running.count("generated_reports") == 1
    links = await running.rows("select daily_report_id from report_data_links order by 1")
    assert [each for (each,) in links] == sorted(rows)
    before = await running.db.fetchval("select version from generated_reports")
    await running.db.execute("delete from daily_reports where author_name = 'Bob'")
    await enqueue(running.db, "reports.generate", asked)
    await all_ended(running.db)
    assert await running.count("report_data_links") == 2
    assert await running.db.fetchval("select version from generated_reports") > before
    title, html = (await running.rows("select title, html from generated_reports"))[0]
    assert title == "Weekly digest: rocks, 12 to 18 January 2026"
    assert f'href="/api/reports/daily/{rows[0]}/page"' in html
    actions = "select count(*) from audit_events where entity = 'generated_report'"
    assert await running.db.fetchval(actions) == 3


async def test_every_employee_gets_a_one_on_one(running: Shelf) -> None:
    for author in ("Ann", "Bob"):
        await running.report(author, "2026-01-13")
    await enqueue(running.db, "reports.generate", {"report_type": "1on1", "project_id": str(running.team), **MONDAY})
    await all_ended(running.db)
    found = await running.rows("select subject, counts ->> 'daily_reports' from generated_reports order by 1")
    assert found == [("Ann", "1"), ("Bob", "1")]


async def test_the_schedules_of_the_seed_write_reports(running: Shelf) -> None:
    await running.report("Ann", "2026-01-13")
    await running.db.execute("select unschedule_task(name) from rowmill.schedules where name !~ 'rocks$'")
    await fire_due(running.db)  # the first look sets the times
    due = await running.db.fetchval("select max(next_at) + interval '1 second' from rowmill.schedules")
    assert await fire_due(running.db, now=due) == 3
    await running.db.execute("update task_queue set scheduled_for = now() where status = 'pending'")
    await all_ended(running.db)
    kinds = "select y.name from generated_reports r join report_types y on y.id = r.report_type_id order by 1"
    assert [name for (name,) in await running.rows(kinds)] == ["dashboard", "weekly-digest"]
    assert await running.count("task_queue", "status = 'completed' and task_type = 'reports.generate'") == 3


async def test_a_type_that_was_not_seeded_says_what_to_do(running: Shelf) -> None:
    await running.db.execute("delete from report_types")
    task = await enqueue(running.db, "reports.generate", {"report_type": "dashboard", "project_id": str(running.team)})
    await all_ended(running.db)
    said = await running.db.fetchval("select error_message from task_queue where id = $1", task)
    assert said == "there is no report type 'dashboard'; run `rowmill reports seed`"


async def test_the_commands_ask_for_a_report_and_show_it(
    rowmill: Rowmill, shelf: Shelf, workers: Workers, tmp_path: Path
) -> None:
    await shelf.report("Ann", "2026-01-13", "- built x")
    ask = ("reports", "generate", "weekly-digest", "--team", "rocks", "--from", "2026-01-12", "--json")
    assert "no worker has published" in (await rowmill(*ask)).refusal()
    await workers.spawn(domains="workers.reports")
    assert (await rowmill(*ask)).json()["created"] is True
    await all_ended(shelf.db)
    [listed] = (await rowmill("reports", "show", "--json")).json()["reports"]
    assert (listed["type"], listed["sources"]) == ("weekly-digest", 1)
    assert "Weekly digest: rocks" in (await rowmill("reports", "show")).words()
    assert "built x" in (await rowmill("reports", "show", listed["id"])).words()
    page = tmp_path / "digest.html"
    await rowmill("reports", "show", listed["id"], "--html", str(page))
    html = page.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert 'href="http://127.0.0.1:8080/api/reports/daily/' in html
    await rowmill("reports", "show", listed["id"], "--html", str(page), "--server", "https://reports.example/")
    assert 'href="https://reports.example/api/reports/daily/' in page.read_text(encoding="utf-8")
    assert "cannot be written" in (await rowmill("reports", "show", listed["id"], "--html", str(tmp_path))).refusal()
    assert "needs the id of one report" in (await rowmill("reports", "show", "--html", str(page))).refusal()
    assert "there is no report" in (await rowmill("reports", "show", str(UUID(int=9)))).refusal()
    wrong = ("generate", "1on1", "--team", "rocks", "--from", "2026-01-12", "--to", "2026-01-01")
    assert "is before the first" in (await rowmill("reports", *wrong)).refusal()
