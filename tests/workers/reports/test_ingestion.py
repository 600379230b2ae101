"""Files in, rows out: what is stored, what is kept twice, what becomes a revision, what heals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core import Snooze
from core.db import catalogs
from core.outside import blob_store
from core.testing import run_operator
from tests.running import Workers, all_ended, enqueue
from tests.workers.reports.conftest import forget
from tests.workers.reports.shelf import Inbox, Shelf
from workers.reports.operators import finish_ingestion, ingest_file
from workers.reports.rules import decide

ANN = "**Employee**: Ann Lee\n\n## 2026-01-15\n\n- did a\n\n## 2026-01-16\n\n- did b\n"
DAILY = "select author_name, report_date::text, content, revision from daily_reports order by 1, 2"


async def test_a_file_of_each_kind_becomes_its_rows_with_text_and_blob_reference(inbox: Inbox) -> None:
    counts = await inbox.take(
        ("daily/ann.md", ANN),
        ("meetings/2026-01-15 planning.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nAnn: hello\n"),
        ("jira/epic_tree_2026-W03.md", "# Epics\n- ROCK-1 Epic: x\n  - ROCK-2\n"),
        (
            "slack/export_2026-W03.md",
            "# #general\n**Ann** 09:30 mail me at ann@example.org\n# #dev\n**Bob** 10:00 ok\n",
        ),
    )
    shelf = inbox.shelf
    assert await shelf.rows(DAILY) == [
        ("Ann Lee", "2026-01-15", "- did a", 1),
        ("Ann Lee", "2026-01-16", "- did b", 1),
    ]
    transcripts = "select filename, transcript_date::text, title, content, speakers from meeting_transcripts"
    assert await shelf.rows(transcripts) == [
        ("2026-01-15 planning.vtt", "2026-01-15", "planning", "Ann: hello", '["Ann"]')
    ]
    assert await shelf.rows("select week_start::text, issues, epics from jira_snapshots") == [("2026-01-12", 2, 1)]
    captures = await shelf.rows("select channel, messages, redacted, blob_path from slack_captures order by 1")
    assert [row[:3] for row in captures] == [("dev", 1, 0), ("general", 1, 1)]
    kept = (await blob_store().get(captures[1][3])).decode()
    assert ("[e-mail]" in kept, "ann@example.org" in kept) == (True, False)
    for table in ("daily_reports", "meeting_transcripts", "jira_snapshots"):
        for path, name in await shelf.rows(
            f"select t.blob_path, f.name from {table} t join report_files f on f.id = t.file_id"
        ):
            assert await blob_store().get(path), name
    assert counts == {
        "files": 4, "files_stored": 4, "bytes": counts["bytes"], "problems": 0, "notes": 0, "daily_reports_new": 2,
        "meeting_transcripts_new": 1, "jira_snapshots_new": 1, "slack_captures_new": 2,
    }  # fmt: skip


async def test_an_ingestion_is_a_generated_report_linked_to_each_of_its_sources(inbox: Inbox) -> None:
    ingestion = await inbox.receive(
        ("daily/ann.md", ANN), ("epic_2026-W03.md", "ROCK-1"), ("slack_dev_2026-W03.md", "hi")
    )
    await inbox.ended(ingestion)
    links = (
        "select count(daily_report_id), count(meeting_transcript_id), count(jira_snapshot_id), count(slack_capture_id)"
        " from report_data_links l join generated_reports r on r.id = l.generated_report_id where r.ingestion_id = $1"
    )
    assert await inbox.shelf.rows(links, ingestion) == [(2, 0, 1, 1)]


async def test_the_same_bytes_change_nothing_and_share_one_blob(inbox: Inbox, store: Path) -> None:
    await inbox.take(("daily/ann.md", ANN))
    before = await inbox.shelf.rows("select id, version, updated_at from daily_reports order by id")
    audits = await inbox.shelf.count("audit_events")
    counts = await inbox.take(("copy/daily-of-ann.md", ANN))
    assert counts["daily_reports_unchanged"] == 2
    assert await inbox.shelf.rows("select id, version, updated_at from daily_reports order by id") == before
    assert await inbox.shelf.count("audit_events") == audits
    assert len([each for each in (store / "blobs" / "sha256").rglob("*") if each.is_file()]) == 1


async def test_a_new_text_of_the_same_key_is_a_revision_with_history_and_audit(inbox: Inbox) -> None:
    await inbox.take(("daily/ann.md", ANN))
    counts = await inbox.take(("daily/ann.md", ANN.replace("did b", "did c")))
    assert (counts["daily_reports_unchanged"], counts["daily_reports_revised"]) == (1, 1)
    shelf = inbox.shelf
    assert await shelf.rows(DAILY) == [("Ann Lee", "2026-01-15", "- did a", 1), ("Ann Lee", "2026-01-16", "- did c", 2)]
    assert await shelf.rows("select content from report_revisions") == [("- did b",)]
    actions = await shelf.rows("select action from audit_events where entity = 'daily_report' order by at, id")
    assert actions == [("add",), ("add",), ("revise",)]
    await inbox.take(("daily/ann.md", ANN))
    assert (await shelf.rows(DAILY))[1] == ("Ann Lee", "2026-01-16", "- did b", 3)
    assert await shelf.rows("select content from report_revisions order by received_at") == [("- did b",), ("- did c",)]


async def test_what_was_received_last_is_shown_whatever_is_read_last(inbox: Inbox) -> None:
    """An older file that is read later takes its place among the revisions, once."""
    first = await inbox.receive(("daily/ann.md", ANN))
    await inbox.ended(first)
    await inbox.take(("daily/ann.md", ANN.replace("did", "redid")))
    late = ANN.replace("did", "undid")
    old = await inbox.receive(("daily/late.md", late))
    await inbox.ended(old)
    shelf = inbox.shelf
    await shelf.db.execute(
        "update report_files set received_at = now() - interval '1 day' where name = 'daily/late.md'"
    )
    await shelf.db.execute("delete from daily_reports")
    await shelf.db.execute("update report_files set status = 'received'")
    await all_ended(shelf.db)
    assert [row[2] for row in await shelf.rows(DAILY)] == ["- redid a", "- redid b"]
    texts = {row[0] for row in await shelf.rows("select content from report_revisions")}
    assert texts <= {"- did a", "- did b", "- undid a", "- undid b"}
    assert {"- undid a", "- undid b"} <= texts
    count = await shelf.count("report_revisions")
    await shelf.db.execute("update report_files set status = 'received'")
    await all_ended(shelf.db)
    assert await shelf.count("report_revisions") == count
    assert [row[2] for row in await shelf.rows(DAILY)] == ["- redid a", "- redid b"]


async def test_captures_are_kept_every_time_and_the_same_task_twice_adds_nothing(inbox: Inbox) -> None:
    file = ("jira/epic_tree_2026-W03.md", "ROCK-1")
    await inbox.take(file)
    await inbox.take(file)
    shelf = inbox.shelf
    assert await shelf.count("jira_snapshots") == 2
    assert len({row[0] for row in await shelf.rows("select blob_path from jira_snapshots")}) == 1
    await shelf.db.execute("update report_files set status = 'received'")
    await all_ended(shelf.db)
    assert await shelf.count("jira_snapshots") == 2


async def test_what_cannot_be_read_is_kept_with_reason_and_line_and_the_rest_counts(inbox: Inbox) -> None:
    text = ANN + "\n## 2026-02-31\n\n- lost?\n"
    counts = await inbox.take(("daily/ann.md", text), ("daily/bob.md", "no dates"), ("x.bin", bytes(range(256)) * 8))
    assert (counts["files_partly"], counts["files_failed"], counts["problems"]) == (1, 2, 3)
    found = await inbox.shelf.rows("select name, status, problems from report_files order by name")
    told = {
        name: (status, [(each["line"], each["reason"]) for each in json.loads(problems)])
        for name, status, problems in found
    }
    assert told["daily/ann.md"] == (
        "partly",
        [(11, "the heading '2026-02-31' is no date; write it like ## 2026-01-15")],
    )
    assert told["daily/bob.md"][0] == "failed"
    assert told["x.bin"] == ("failed", [(None, "the file is no text; export it as Markdown, plain text, VTT or SRT")])
    assert await inbox.shelf.count("daily_reports") == 2


async def test_reading_a_file_again_after_a_fix_heals_it(inbox: Inbox) -> None:
    """The fix here is what the file was said to be; a fixed parser is the same to the row."""
    ingestion = await inbox.receive(("notes.md", "## 2026-01-15\n\n- a\n"))
    assert (await inbox.ended(ingestion))["files_failed"] == 1
    await inbox.shelf.db.execute(
        'update report_files set status = \'received\', about = \'{"kind": "daily", "author": "Ann"}\''
    )
    counts = await inbox.ended(ingestion)
    assert (counts["files_stored"], counts["problems"]) == (1, 0)
    assert await inbox.shelf.rows(DAILY) == [("Ann", "2026-01-15", "- a", 1)]
    assert await inbox.shelf.count("report_data_links") == 1


async def said_anew(inbox: Inbox, name: str, about: str) -> None:
    change = "update report_files set status = 'received', about = $2 where name = $1"
    await inbox.shelf.db.execute(change, name, about)
    await all_ended(inbox.shelf.db)


async def test_a_file_that_is_read_otherwise_takes_back_what_it_said_before(inbox: Inbox) -> None:
    """The 2nd of January turns out to be the 1st of February; what another file had said of January shows again."""
    text = "**Employee**: Ann Lee\n\n## {}\n\n- {}\n"
    await inbox.take(("daily/jan.md", text.format("2026-01-02", "holiday")))
    wrong = await inbox.receive(
        ("daily/ann.md", text.format("1/2/2026", "skiing") + "\n## 3/4/2026\n\n- worked\n"),
        ("slack_2026-W03.md", "# #dev\n\n**Ann** 09:30 hi\n"),
    )
    await inbox.ended(wrong)
    shelf = inbox.shelf
    assert [row[1:3] for row in await shelf.rows(DAILY)] == [("2026-01-02", "- skiing"), ("2026-03-04", "- worked")]
    await said_anew(inbox, "daily/ann.md", '{"day_first": true}')
    assert [row[1:3] for row in await shelf.rows(DAILY)] == [
        ("2026-01-02", "- holiday"),
        ("2026-02-01", "- skiing"),
        ("2026-04-03", "- worked"),
    ]
    assert await shelf.count("audit_events", "action = 'withdraw' and entity = 'daily_report'") == 2
    assert await shelf.count("report_passages") == 3
    await said_anew(inbox, "slack_2026-W03.md", '{"kind": "transcript"}')
    assert await shelf.count("slack_captures") == 1, "what gives nothing takes nothing back"
    await said_anew(inbox, "slack_2026-W03.md", '{"kind": "jira"}')
    assert (await shelf.count("slack_captures"), await shelf.count("jira_snapshots")) == (0, 1)


async def test_more_rows_than_a_commit_holds_are_taken_back_in_chunks(inbox: Inbox) -> None:
    days = "".join(
        f"## {2000 + at // 336}-{at % 12 + 1:02d}-{at // 12 % 28 + 1:02d}\n\n- {at}\n\n" for at in range(1300)
    )
    await inbox.take(("daily/long.md", days), author="Ann")
    await said_anew(inbox, "daily/long.md", '{"author": "Bob"}')
    authors = await inbox.shelf.rows("select author_name, count(*) from daily_reports group by 1")
    assert authors == [("Bob", 1300)]


async def test_a_file_that_is_read_otherwise_leaves_what_another_has_written_since(inbox: Inbox) -> None:
    text = "**Employee**: Ann Lee\n\n## {}\n\n- {}\n"
    await inbox.take(("daily/ann.md", text.format("1/2/2026", "skiing")))
    await inbox.take(("daily/jan.md", text.format("2026-01-02", "holiday")))
    await said_anew(inbox, "daily/ann.md", '{"day_first": true}')
    assert [row[1:] for row in await inbox.shelf.rows(DAILY)] == [
        ("2026-01-02", "- holiday", 2),
        ("2026-02-01", "- skiing", 1),
    ]


RENAMED = "update daily_reports set author_name = author_name || ' Lee' where author_name = 'Ann'"
OF_ANN = "**Employee**: Ann\n\n## 2026-01-15\n\n- {}\n"


async def test_a_corrected_author_stays_and_a_later_file_becomes_a_row_of_its_own(inbox: Inbox) -> None:
    await inbox.take(("daily/ann.md", OF_ANN.format("first")))
    await inbox.shelf.db.execute(RENAMED)
    counts = await inbox.take(("daily/ann.md", OF_ANN.format("second")))
    assert (counts["files_stored"], counts["daily_reports_new"]) == (1, 1)
    both = [("Ann", "2026-01-15", "- second", 1), ("Ann Lee", "2026-01-15", "- first", 1)]
    assert await inbox.shelf.rows(DAILY) == both
    await said_anew(inbox, "daily/ann.md", "{}")
    assert await inbox.shelf.rows(DAILY) == both


async def test_a_row_that_is_corrected_time_and_again_stays_as_its_file_comes_again(inbox: Inbox) -> None:
    """Day after day; each file read again finds the row that it has written, whatever key that has now."""
    for number in range(3):
        await inbox.take(("daily/ann.md", OF_ANN.format(number)))
        await inbox.shelf.db.execute("update daily_reports set report_date = report_date + 1")
    days = [("Ann", f"2026-01-{day}", f"- {text}", 1) for day, text in ((16, 2), (17, 1), (18, 0))]
    assert await inbox.shelf.rows(DAILY) == days
    await said_anew(inbox, "daily/ann.md", "{}")
    assert await inbox.shelf.rows(DAILY) == days


async def test_a_corrected_row_that_another_file_has_written_since_is_still_the_first_files(inbox: Inbox) -> None:
    await inbox.take(("daily/old.md", OF_ANN.format("old")))
    await inbox.take(("daily/new.md", OF_ANN.format("new")))
    await inbox.shelf.db.execute(RENAMED)
    await said_anew(inbox, "daily/old.md", "{}")
    assert await inbox.shelf.rows(DAILY) == [("Ann Lee", "2026-01-15", "- new", 2)]


async def test_two_files_at_once_of_a_key_whose_row_was_corrected_end_in_one_row(inbox: Inbox) -> None:
    await inbox.take(("daily/ann.md", OF_ANN.format("first")))
    await inbox.shelf.db.execute(RENAMED)
    counts = await inbox.take(*((f"daily/{number}.md", OF_ANN.format(number)) for number in range(5)))
    assert counts["files_stored"] == 5
    assert [row[:3] for row in await inbox.shelf.rows(DAILY)] == [
        ("Ann", "2026-01-15", "- 4"),
        ("Ann Lee", "2026-01-15", "- first"),
    ]
    assert await inbox.shelf.count("report_revisions") == 4


async def test_a_corrected_name_of_a_transcript_stays_and_a_later_file_becomes_a_row_of_its_own(inbox: Inbox) -> None:
    cue = "WEBVTT\n\n00:01.000 --> 00:02.000\nAnn: {}\n"
    name = "meetings/2026-01-15 planning.vtt"
    await inbox.take((name, cue.format("hello")))
    await inbox.shelf.db.execute("update meeting_transcripts set filename = 'corrected.vtt'")
    await inbox.take((name, cue.format("goodbye")))
    both = [("2026-01-15 planning.vtt", "Ann: goodbye"), ("corrected.vtt", "Ann: hello")]
    assert await inbox.shelf.rows("select filename, content from meeting_transcripts order by 1") == both
    await said_anew(inbox, name, "{}")
    assert await inbox.shelf.rows("select filename, content from meeting_transcripts order by 1") == both


async def test_an_ingestion_that_gets_more_files_after_it_was_counted_is_counted_anew(inbox: Inbox) -> None:
    ingestion = await inbox.receive(("daily/ann.md", ANN))
    assert (await inbox.ended(ingestion))["files"] == 1
    await inbox.receive(("daily/bob.md", ANN.replace("Ann", "Bob")), ingestion=ingestion)
    await all_ended(inbox.shelf.db)
    counts = await inbox.ended(ingestion)
    assert (counts["files_stored"], counts["daily_reports_new"]) == (2, 4)
    assert await inbox.shelf.count("report_data_links") == 4


async def test_two_files_of_one_key_at_once_end_in_one_row_and_the_last_received_is_shown(inbox: Inbox) -> None:
    files = [(f"daily/{number}.md", ANN.replace("did", f"did {number}")) for number in range(20)]
    counts = await inbox.take(*files)
    assert counts["files_stored"] == 20
    assert [row[2] for row in await inbox.shelf.rows(DAILY)] == ["- did 19 a", "- did 19 b"]
    newest, older = "select count(*) from daily_reports", "select count(distinct content) from report_revisions"
    assert (await inbox.shelf.db.fetchval(newest), await inbox.shelf.db.fetchval(older)) == (2, 38)


async def test_a_file_with_more_days_than_a_commit_holds_is_stored_in_chunks(inbox: Inbox) -> None:
    days = "".join(
        f"## {2000 + at // 336}-{at % 12 + 1:02d}-{at // 12 % 28 + 1:02d}\n\n- {at}\n\n" for at in range(1300)
    )
    counts = await inbox.take(("daily/long.md", f"**Employee**: Ann\n\n{days}"))
    assert counts["daily_reports_new"] == 1300
    assert await inbox.shelf.count("report_data_links") == 1300


async def test_a_blob_that_is_gone_is_tried_again_and_then_told_with_the_file(
    shelf: Shelf, store: Path, workers: Workers
) -> None:
    inbox = Inbox(shelf)
    ingestion = await inbox.receive(("daily/ann.md", ANN))
    for each in (store / "blobs").rglob("*"):
        if each.is_file():
            each.unlink()
    await shelf.db.execute("update task_queue set max_attempts = 1 where task_type = 'reports.ingest_file'")
    await workers.start("reports.ingest_file", "reports.finish_ingestion")
    assert (await inbox.ended(ingestion))["files_failed"] == 1
    reason = await shelf.db.fetchval("select problems -> 0 ->> 'reason' from report_files")
    assert reason.startswith("the blob store has no sha256/")


async def test_what_the_database_refuses_is_told_with_the_file_and_the_ingestion_ends(
    shelf: Shelf, store: Path, workers: Workers
) -> None:
    await shelf.db.execute("alter table daily_reports add constraint planted check (content <> '- did b')")
    inbox = Inbox(shelf)
    bob = ANN.replace("Ann", "Bob").replace("did", "saw")
    ingestion = await inbox.receive(("daily/ann.md", ANN), ("daily/bob.md", bob))
    await shelf.db.execute("update task_queue set max_attempts = 1 where task_type = 'reports.ingest_file'")
    await workers.start("reports.ingest_file", "reports.finish_ingestion")
    counts = await inbox.ended(ingestion)
    assert (counts["files_failed"], counts["files_stored"]) == (1, 1)
    reason = await shelf.db.fetchval("select problems -> 0 ->> 'reason' from report_files where status = 'failed'")
    assert "planted" in reason
    assert {row[2] for row in await shelf.rows(DAILY)} == {"- saw a", "- saw b"}


@pytest.mark.parametrize("ending", ["cancelled", "failed"])
async def test_a_file_whose_task_ended_without_it_is_a_problem_and_is_read_again(
    shelf: Shelf, store: Path, workers: Workers, ending: str
) -> None:
    inbox = Inbox(shelf)
    ingestion = await inbox.receive(("daily/ann.md", ANN), ("daily/bob.md", ANN.replace("Ann", "Bob")))
    await shelf.db.execute(
        "update task_queue t set status = $1 from report_files f where f.name = 'daily/bob.md'"
        " and t.task_type = 'reports.ingest_file' and t.payload ->> 'file_id' = f.id::text",
        ending,
    )
    await workers.start("reports.ingest_file", "reports.finish_ingestion")
    counts = await inbox.ended(ingestion)
    assert (counts["files_stored"], counts["files_failed"], counts["problems"]) == (1, 1, 1)
    [(file, reason)] = await shelf.rows(
        "select id, problems -> 0 ->> 'reason' from report_files where status = 'failed'"
    )
    assert reason == decide.LEFT_UNREAD.format(file)
    await said_anew(inbox, "daily/bob.md", "{}")
    assert (await inbox.ended(ingestion))["files_stored"] == 2
    assert {row[0] for row in await shelf.rows(DAILY)} == {"Ann Lee", "Bob Lee"}


@pytest.mark.parametrize(
    "live",
    [
        "status = 'pending'",
        "status = 'pending', concurrency_key = 'mine'",
        "status = 'pending', crashes = 2",
        "status = 'processing', worker_id = 'far away', started_at = now()",
    ],
)
async def test_a_file_that_a_live_task_will_read_is_left_to_it(shelf: Shelf, store: Path, live: str) -> None:
    ingestion = await Inbox(shelf).receive(("daily/ann.md", ANN))
    statement = catalogs.of_package("workers.reports")["files_without_task"]
    ours = "where task_type = 'reports.ingest_file'"
    await shelf.db.execute(f"update task_queue set status = 'cancelled' {ours}")
    assert len(await statement.fetch(shelf.db, ingestion_id=[ingestion])) == 1
    await shelf.db.execute(f"update task_queue set {live} {ours}")
    assert await statement.fetch(shelf.db, ingestion_id=[ingestion]) == []


def test_an_ingestion_is_looked_at_ever_more_patiently() -> None:
    rows = {"ingestion": [{"unread": 1}], "files_without_task": []}
    asked = {"ingestion_id": "00000000-0000-4000-8000-000000000009"}
    outcomes = [run_operator(finish_ingestion, asked, rows=rows, run_no=number) for number in (1, 2, 5, 50)]
    assert [round(each.after_s, 2) for each in outcomes if isinstance(each, Snooze)] == [1.0, 1.2, 2.07, 10.0]


def test_nothing_is_stored_while_it_is_switched_off_and_nothing_is_lost(monkeypatch: Any) -> None:
    monkeypatch.setenv("ENABLE_NEON_DB_STORAGE", "false")
    forget()
    try:
        outcome = run_operator(ingest_file, {"file_id": "00000000-0000-4000-8000-000000000009"})
    finally:
        forget()
    said = "storing documents is switched off; set ROWMILL_STORE_DOCUMENTS=true (or ENABLE_NEON_DB_STORAGE=true)"
    assert (type(outcome).__name__, getattr(outcome, "reason", None)) == ("Snooze", said)


async def test_a_file_that_is_gone_cancels_its_task(inbox: Inbox) -> None:
    task = await enqueue(inbox.shelf.db, "reports.ingest_file", {"file_id": "00000000-0000-4000-8000-000000000009"})
    await all_ended(inbox.shelf.db)
    assert await inbox.shelf.rows("select status, error_message from task_queue where id = $1", task) == [
        ("cancelled", "the file is gone")
    ]
