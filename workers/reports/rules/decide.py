"""What a text that came in means for the row of its key: new, a revision, nothing, or one of the past.

The text received last is shown, whatever order files are read in: so two workers, a repeated task and a file that is
read again after a fix all end in the same rows (D2.2).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from core import Effect, Row
from workers.reports.model import (
    AddJiraSnapshot,
    AddSlackCapture,
    DailyEntry,
    EndFile,
    JiraTree,
    KeepOlder,
    Parsed,
    Problem,
    SaveDailyReport,
    SaveTranscript,
    SlackDump,
    Transcript,
    WithdrawCaptures,
)

SPACE: Final = UUID("5d0d6b3c-6a7e-4f0e-9d6a-0c7a5b1e2f11")  # ids made of keys: the same key, the same id
CHUNK_ENTRIES: Final = 500
CHUNK_CHARACTERS: Final = 2_000_000
TABLES: Final = {"daily_report": "daily_reports", "transcript": "meeting_transcripts"}
LEFT_UNREAD: Final = (
    "the task that reads it has ended without it (cancelled, or cut off); `rowmill reports again {}` reads it once more"
)
MOST_PROBLEMS: Final = 200  # kept with a file; the rest is counted


@dataclass(frozen=True, slots=True)
class Received:
    """The file that texts stand in. `made`: the rows by table that it made when it was read before."""

    file_id: UUID
    project_id: UUID
    received_at: datetime
    blob_sha256: str
    blob_path: str
    made: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """What became of a file so far: a later run goes on with it."""

    done: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    made: dict[str, list[str]] = field(default_factory=dict)

    def note(self, table: str, word: str, row_id: UUID | None = None) -> None:
        self.counts[f"{table}_{word}"] += 1
        if row_id is not None:
            self.made.setdefault(table, []).append(str(row_id))


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def daily_key(file: Received, entry: DailyEntry) -> tuple[Any, ...]:
    """What the read `daily_report` is asked."""
    ids = _ids(file, f"daily {file.project_id} {entry.day.isoformat()} {entry.author}")
    return *ids, file.file_id, file.project_id, entry.author, entry.day, sha256(entry.content)


def transcript_key(file: Received, found: Transcript) -> tuple[Any, ...]:
    """What the read `transcript` is asked."""
    ids = _ids(file, f"transcript {file.project_id} {found.day.isoformat()} {found.filename}")
    return *ids, file.file_id, file.project_id, found.filename, found.day, sha256(found.content)


def _ids(file: Received, key: str) -> tuple[UUID, UUID]:
    """The id a new row gets, and the one it gets where a person has given the row with the first another key."""
    row_id = uuid5(SPACE, key)
    return row_id, uuid5(row_id, str(file.file_id))


def daily_decided(file: Received, entry: DailyEntry, rows: Sequence[Row], tally: Tally) -> list[Effect]:
    """`rows` is the answer of the read `daily_report`."""
    save = SaveDailyReport(
        row_id=rows[0]["id"] or rows[0]["new_id"],
        project_id=file.project_id,
        author_name=entry.author,
        report_date=entry.day,
        **_text(file, entry.content),
    )
    return _decided("daily_report", save, rows[0], tally)


def transcript_decided(file: Received, found: Transcript, rows: Sequence[Row], tally: Tally) -> list[Effect]:
    """`rows` is the answer of the read `transcript`."""
    save = SaveTranscript(
        row_id=rows[0]["id"] or rows[0]["new_id"],
        project_id=file.project_id,
        filename=found.filename,
        transcript_date=found.day,
        title=found.title,
        speakers=found.speakers,
        duration_s=found.duration_s,
        **_text(file, found.content),
    )
    return _decided("transcript", save, rows[0], tally)


def _text(file: Received, content: str) -> dict[str, Any]:
    """A text, and where it came from."""
    came_in = {"file_id": file.file_id, "received_at": file.received_at}
    blob = {"blob_sha256": file.blob_sha256, "blob_path": file.blob_path}
    return {"content": content, "content_sha256": sha256(content), **blob, **came_in}


def _decided(source: str, save: SaveDailyReport | SaveTranscript, row: Row, tally: Tally) -> list[Effect]:
    word = _meaning(row, save.content_sha256, save.received_at)
    tally.note(TABLES[source], word, save.row_id)
    match word:
        case "unchanged":
            return []
        case "older":
            names = ("row_id", "content", "content_sha256", "blob_sha256", "blob_path", "file_id", "received_at")
            return [KeepOlder(source=source, **{name: getattr(save, name) for name in names})]
        case _:
            return [save]


def _meaning(row: Row, digest: str, received_at: datetime) -> str:
    if row["id"] is None:
        return "new"
    if row["content_sha256"] == digest:
        return "unchanged"
    if received_at >= row["received_at"]:
        return "revised"
    return "unchanged" if row["is_known"] else "older"


def jira_added(file: Received, tree: JiraTree, tally: Tally) -> AddJiraSnapshot:
    """K19: the id is the file's, so that each ingestion adds a row and the same task run twice does not."""
    row_id = uuid5(file.file_id, "jira")
    tally.note("jira_snapshots", "new", row_id)
    return AddJiraSnapshot(
        row_id=row_id,
        project_id=file.project_id,
        week_start=tree.week_start,
        week_end=tree.week_end,
        issues=tree.issues,
        epics=tree.epics,
        blob_sha256=file.blob_sha256,
        blob_path=file.blob_path,
        file_id=file.file_id,
    )


def slack_added(file: Received, dump: SlackDump, sha: str, path: str, tally: Tally) -> AddSlackCapture:
    """`sha` and `path` are those of the sanitised text."""
    row_id = uuid5(file.file_id, f"slack {dump.channel} {dump.week_start.isoformat()}")
    tally.note("slack_captures", "new", row_id)
    return AddSlackCapture(
        row_id=row_id,
        project_id=file.project_id,
        channel=dump.channel,
        week_start=dump.week_start,
        week_end=dump.week_end,
        messages=dump.messages,
        redacted=dump.redacted,
        blob_sha256=sha,
        blob_path=path,
        file_id=file.file_id,
    )


def merged_channels(dumps: Iterable[SlackDump]) -> list[SlackDump]:
    """One dump per channel and week, in the order they come."""
    found: dict[tuple[str, object], SlackDump] = {}
    for dump in dumps:
        key = dump.channel, dump.week_start
        if earlier := found.get(key):
            together = {
                "content": f"{earlier.content}\n\n{dump.content}",
                "messages": earlier.messages + dump.messages,
                "redacted": earlier.redacted + dump.redacted,
            }
            found[key] = earlier.model_copy(update=together)
        else:
            found[key] = dump
    return list(found.values())


def chunks(entries: Sequence[DailyEntry], start: int) -> Iterator[Sequence[DailyEntry]]:
    """What goes into one commit each: bounded by number and by length."""
    while start < len(entries):
        end, length = start, 0
        while end < len(entries) and end - start < CHUNK_ENTRIES and (end == start or length < CHUNK_CHARACTERS):
            length += len(entries[end].content)
            end += 1
        yield entries[start:end]
        start = end


def ended(file: Received, parsed: Parsed, tally: Tally) -> EndFile:
    """The end of a file: `stored` without a problem, `failed` where nothing could be stored, else `partly`."""
    real = [each for each in parsed.problems if not each.is_note]
    status = "stored" if not real else "partly" if tally.made else "failed"
    counts = {**tally.counts, "problems": len(real), "notes": len(parsed.problems) - len(real)}
    return EndFile(
        file_id=file.file_id,
        status=status,
        kind=parsed.kind,
        encoding=parsed.encoding,
        counts=counts,
        made={table: sorted(set(ids)) for table, ids in (tally.made or file.made).items()},
        problems=[each.model_dump() for each in parsed.problems[:MOST_PROBLEMS]],
    )


def unreadable(file: Received, reason: str) -> EndFile:
    """The end of a file that gave nothing at all."""
    return ended(file, Parsed(kind=None, problems=(Problem(line=None, reason=reason),)), Tally())


def left_unread(file: Received) -> EndFile:
    """The end of a file whose task has ended without it: cancelled, or cut off time and again."""
    return unreadable(file, LEFT_UNREAD.format(file.file_id))


def no_longer_made(file: Received, tally: Tally) -> dict[str, list[str]]:
    """Rows by table that the file made when it was read before, and makes no more. One that gives nothing now takes
    nothing back."""
    if not tally.made:
        return {}
    return {table: sorted(set(ids) - set(tally.made.get(table, ()))) for table, ids in file.made.items()}


def batches(row_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """So many rows as go into one commit."""
    return (row_ids[start : start + CHUNK_ENTRIES] for start in range(0, len(row_ids), CHUNK_ENTRIES))


def captures_withdrawn(file: Received, gone: Mapping[str, Sequence[str]]) -> list[Effect]:
    rows = [*gone.get("jira_snapshots", ()), *gone.get("slack_captures", ())]
    return [WithdrawCaptures(file.file_id, rows)] if rows else []
