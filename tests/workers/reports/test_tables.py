"""What the tables keep by themselves, whoever writes: uniqueness, workspaces, history, times, passages."""

from __future__ import annotations

import hashlib
from uuid import uuid4

import asyncpg
import pytest

from core.db.workspace import DEFAULT_WORKSPACE
from tests.logins import MakeLogin
from tests.workers.reports.shelf import SEED, Shelf


async def test_a_team_has_one_daily_report_per_author_and_day(shelf: Shelf) -> None:
    await shelf.report("Ann", "2026-01-15")
    await shelf.report("Bob", "2026-01-15")
    await shelf.report("Ann", "2026-01-16")
    with pytest.raises(asyncpg.UniqueViolationError):
        await shelf.report("Ann", "2026-01-15", "other")


async def test_a_transcript_stands_once_per_team_file_name_and_date(shelf: Shelf) -> None:
    insert = (
        "insert into meeting_transcripts (project_id, filename, transcript_date, content)"
        " values ($1, $2, $3::text::date, 'x')"
    )
    await shelf.db.execute(insert, shelf.team, "a.vtt", "2026-01-15")
    await shelf.db.execute(insert, shelf.team, "a.vtt", "2026-01-16")
    await shelf.db.execute(insert, await shelf.team_id("timeclock"), "a.vtt", "2026-01-15")
    with pytest.raises(asyncpg.UniqueViolationError):
        await shelf.db.execute(insert, shelf.team, "a.vtt", "2026-01-15")


async def test_snapshots_and_captures_of_one_week_are_kept_every_time(shelf: Shelf) -> None:
    for _ in range(2):
        await shelf.db.execute(
            "insert into jira_snapshots (project_id, week_start, week_end, blob_sha256, blob_path)"
            " values ($1, '2026-01-12', '2026-01-18', 'x', 'x')",
            shelf.team,
        )
        await shelf.db.execute(
            "insert into slack_captures (project_id, channel, week_start, week_end, blob_sha256, blob_path)"
            " values ($1, 'general', '2026-01-12', '2026-01-18', 'x', 'x')",
            shelf.team,
        )
    assert (await shelf.count("jira_snapshots"), await shelf.count("slack_captures")) == (2, 2)


async def test_a_row_takes_the_workspace_of_its_team_and_no_other(shelf: Shelf) -> None:
    row = await shelf.report()
    found = await shelf.db.fetchval("select workspace_id from daily_reports where id = $1", row)
    assert found == DEFAULT_WORKSPACE
    other = uuid4()
    await shelf.db.execute("insert into workspaces (id, name) values ($1, 'other')", other)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await shelf.db.execute("update daily_reports set workspace_id = $1", other)


async def test_a_worker_sees_and_writes_the_rows_of_one_workspace_alone(shelf: Shelf, login: MakeLogin) -> None:
    await shelf.report()
    made = await login("rowmill_worker")
    session = await asyncpg.connect(made.dsn)
    assert await session.fetchval("select count(*) from daily_reports") == 0
    async with session.transaction():
        await session.execute(f"set local app.workspace_id = '{DEFAULT_WORKSPACE}'")
        assert await session.fetchval("select count(*) from daily_reports") == 1
        assert await session.fetchval("select count(*) from report_passages") == 1
    async with session.transaction():
        await session.execute(f"set local app.workspace_id = '{uuid4()}'")
        assert await session.fetchval("select count(*) from daily_reports") == 0
    await session.close()


async def test_a_new_text_keeps_the_one_before_as_a_revision_by_plain_sql_too(shelf: Shelf) -> None:
    row = await shelf.report(content="first")
    await shelf.db.execute("update daily_reports set content = 'second' where id = $1", row)
    await shelf.db.execute("update daily_reports set content = 'second', author_name = 'Anna' where id = $1", row)
    current = await shelf.db.fetchrow("select content, revision, content_sha256 from daily_reports")
    assert current is not None
    assert tuple(current) == ("second", 2, hashlib.sha256(b"second").hexdigest())
    assert await shelf.rows("select daily_report_id, content from report_revisions") == [(row, "first")]


@pytest.mark.parametrize(
    "change",
    [
        "update daily_reports set content = 'b' returning updated_at",
        "update teams set name = 'stones' where name = 'rocks' returning updated_at",
        "update organizations set name = 'Half Scale' where name = 'Full Scale' returning updated_at",
    ],
)
async def test_updated_at_follows_each_change(shelf: Shelf, change: str) -> None:
    await shelf.report()
    before = await shelf.db.fetchval("select clock_timestamp()")
    assert await shelf.db.fetchval(change) > before


async def test_what_hangs_on_a_team_goes_with_its_organisation(shelf: Shelf) -> None:
    row = await shelf.report()
    await shelf.db.execute("update daily_reports set content = 'b' where id = $1", row)
    await shelf.db.execute("delete from organizations where name = 'Full Scale'")
    for table in ("daily_reports", "report_revisions", "report_passages"):
        assert await shelf.count(table) == 0
    assert await shelf.count("teams") == 2


async def test_a_text_of_any_length_is_indexed_to_its_end(shelf: Shelf) -> None:
    """A tsvector holds one megabyte: this text is larger, and its last word is found."""
    text = " ".join(f"word{number}" for number in range(150_000)) + " zebra"
    row = await shelf.report(content=text)
    hits = "select count(*) from report_passages where words @@ to_tsquery('english', $1) and daily_report_id = $2"
    assert await shelf.db.fetchval(hits, "zebra", row) == 1
    start = text.rindex(" ", 0, 8_000) + 1
    border = text[start : text.index(" ", start)]
    assert await shelf.db.fetchval(hits, border, row) == 1, "a word on the border of two passages"
    await shelf.db.execute("update daily_reports set content = 'short' where id = $1", row)
    assert await shelf.db.fetchval(hits, "zebra", row) == 0
    assert await shelf.count("report_passages") == 1


@pytest.mark.parametrize("letter", ["a", "ü", "漢", "🎉"])
async def test_passages_together_are_the_text_whatever_its_letters(shelf: Shelf, letter: str) -> None:
    text = "".join(f"{letter}{number} " for number in range(9000))
    query = "select first_character, passage from reports_passages_of($1) order by 1"
    passages = await shelf.rows(query, text)
    assert len(passages) > 3
    for (start, passage), (following, _) in zip(passages, [*passages[1:], (len(text) + 1, "")], strict=True):
        assert text[start - 1 :].startswith(passage)
        assert len(passage) >= following - start
    assert await shelf.rows(query, "") == [(1, "")]


async def test_a_file_that_is_received_or_to_be_read_again_is_a_task_in_the_same_transaction(shelf: Shelf) -> None:
    transaction = shelf.db.transaction()
    await transaction.start()
    ingestion = await shelf.db.fetchval(
        "insert into report_ingestions (project_id, source) values ($1, 'sql') returning id", shelf.team
    )
    for name in ("a.md", "b.md"):
        await shelf.db.execute(
            "insert into report_files (project_id, ingestion_id, name, blob_sha256, blob_path, size)"
            " values ($1, $2, $3, 'x', 'x', 1)",
            shelf.team,
            ingestion,
            name,
        )
    tasks = "task_type = 'reports.ingest_file' and workspace_id is not null"
    assert await shelf.count("task_queue", tasks) == 2
    await shelf.db.execute("update report_files set status = 'failed'")
    assert await shelf.count("task_queue", tasks) == 2
    await shelf.db.execute("update report_files set status = 'received' where name = 'a.md'")
    await shelf.db.execute("update report_files set status = 'received' where name = 'a.md'")
    assert await shelf.count("task_queue", tasks) == 3
    await shelf.db.execute("update report_ingestions set closed_at = now()")
    assert await shelf.count("task_queue", "task_type = 'reports.finish_ingestion'") == 1
    await transaction.rollback()
    assert await shelf.count("task_queue") == 0


async def test_the_seed_is_idempotent_and_keeps_what_a_person_has_changed(shelf: Shelf) -> None:
    await shelf.db.execute("select schedule_task('reports dashboard rocks', 'reports.generate', '0 0 1 1 *')")
    before = await shelf.rows("select id, name from teams order by name")
    await shelf.db.execute(SEED)
    assert await shelf.rows("select id, name from teams order by name") == before
    assert [name for _, name in before] == ["ai-coach", "engagepath", "rocks", "timeclock"]
    assert await shelf.rows("select name from organizations order by 1") == [("Full Scale",), ("Full Scale Ventures",)]
    assert await shelf.rows("select name from report_types order by 1") == [
        ("1on1",),
        ("dashboard",),
        ("weekly-digest",),
    ]
    assert await shelf.count("rowmill.schedules") == 12
    cron = "select cron from rowmill.schedules where name = 'reports dashboard rocks'"
    assert await shelf.db.fetchval(cron) == "0 0 1 1 *"
