"""Thin: read, decide by a pure rule, return what is to be written. Files are read aside, blobs through the adapter."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from core import Backoff, Cancel, Done, Effect, Fail, Outcome, Retry, Row, Snooze, Task, operator
from workers.reports import adapter
from workers.reports.model import (
    About,
    DailyEntry,
    EndFile,
    EndIngestion,
    FinishIngestion,
    Generate,
    IngestFile,
    Parsed,
    SlackDump,
    Transcript,
    WithdrawDailyReport,
    WithdrawTranscript,
)
from workers.reports.rules import decide, generated
from workers.reports.rules.decide import Received, Tally

WAIT_FOR_FILES: Final = Backoff(base_s=1.0, factor=1.2, limit_s=10.0, jitter=0.0)  # a sixth of what it took so far
SWITCHED_OFF_S: Final = 60.0
TAKEN_BACK: Final = (
    ("daily_reports", "daily_report_of_file", WithdrawDailyReport),
    ("meeting_transcripts", "transcript_of_file", WithdrawTranscript),
)
PATIENT: Final = Backoff(base_s=2.0, limit_s=300.0)


@operator("reports.ingest_file", payload=IngestFile, concurrency=16, retry=PATIENT, run_timeout_s=900, max_attempts=5)
async def ingest_file(task: Task[IngestFile]) -> Outcome:
    """Reads a file that lies in the blob store and stores what it holds. Chunks commit with the position behind them:
    a run that dies half-way is followed by one that goes on there. The same bytes again change nothing."""
    if reason := adapter.off():
        return Snooze(SWITCHED_OFF_S, reason)
    rows = await task.read("file", task.payload.file_id)
    if not rows:
        return Cancel("the file is gone")
    if rows[0]["status"] != "received":
        return Cancel("the file was read already")
    file = _received(rows[0])
    about = About.model_validate({"name": rows[0]["name"], **orjson.loads(rows[0]["about"])})
    try:
        parsed = await adapter.read(await adapter.get(file.blob_path), about)
    except adapter.BlobsFailed as error:
        return await _later(task, file, str(error))
    except adapter.AsideFailed as error:
        return Done([decide.unreadable(file, f"the file cannot be read: {error}")])
    return await _stored(task, file, parsed)


def _received(row: Row) -> Received:
    return Received(
        file_id=row["id"],
        project_id=row["project_id"],
        received_at=row["received_at"],
        blob_sha256=row["blob_sha256"],
        blob_path=row["blob_path"],
        made=orjson.loads(row["made"]),
    )


async def _later(task: Task[IngestFile], file: Received, reason: str) -> Outcome:
    """Another try; the last one leaves its reason with the file."""
    if task.attempts < task.max_attempts:
        return Retry(reason)
    await task.commit([decide.unreadable(file, reason)])
    return Fail(reason)


async def _stored(task: Task[IngestFile], file: Received, parsed: Parsed) -> Outcome:
    tally = _resumed(task.progress)
    effects = await _entries_stored(task, file, parsed.entries, tally)
    if parsed.transcript is not None:
        effects += await _transcript_decided(task, file, parsed.transcript, tally)
    if parsed.jira is not None:
        effects.append(decide.jira_added(file, parsed.jira, tally))
    try:
        effects += [await _slack_added(file, dump, tally) for dump in decide.merged_channels(parsed.slack)]
    except adapter.BlobsFailed as error:
        return await _later(task, file, str(error))
    effects = await _withdrawn(task, file, effects, tally)
    return await _ended(task, file, effects, decide.ended(file, parsed, tally))


async def _entries_stored(
    task: Task[IngestFile], file: Received, entries: Sequence[DailyEntry], tally: Tally
) -> list[Effect]:
    """Commits all chunks but the last, whose effects are returned."""
    effects: list[Effect] = []
    for chunk in decide.chunks(entries, tally.done):
        if effects:
            await task.commit(effects, progress=_progress(tally))
        found = await asyncio.gather(*(task.read("daily_report", *decide.daily_key(file, entry)) for entry in chunk))
        decided = (decide.daily_decided(file, *each, tally) for each in zip(chunk, found, strict=True))
        effects = [effect for some in decided for effect in some]
        tally.done += len(chunk)
    return effects


async def _transcript_decided(task: Task[IngestFile], file: Received, found: Transcript, tally: Tally) -> list[Effect]:
    rows = await task.read("transcript", *decide.transcript_key(file, found))
    return decide.transcript_decided(file, found, rows, tally)


async def _slack_added(file: Received, dump: SlackDump, tally: Tally) -> Effect:
    """Raises BlobsFailed: the sanitised text is a blob of its own."""
    blob = await adapter.keep(dump.content.encode())
    return decide.slack_added(file, dump, blob.sha256, blob.path, tally)


async def _withdrawn(task: Task[IngestFile], file: Received, effects: list[Effect], tally: Tally) -> list[Effect]:
    """A file that was read again and says something else takes back what it said before. Commits all chunks but the
    last, whose effects are returned."""
    gone = decide.no_longer_made(file, tally)
    effects += decide.captures_withdrawn(file, gone)
    for table, read, withdraw in TAKEN_BACK:
        for row_ids in decide.batches(gone.get(table, ())):
            if len(effects) >= decide.CHUNK_ENTRIES:
                await task.commit(effects, progress=_progress(tally))
                effects = []
            found = await asyncio.gather(*(task.read(read, UUID(row_id), file.file_id) for row_id in row_ids))
            effects += [withdraw(row["id"], file.file_id) for rows in found for row in rows]
    return effects


async def _ended(task: Task[IngestFile], file: Received, effects: list[Effect], end: EndFile) -> Outcome:
    """What the database refuses is tried again; the last try leaves the reason with the file."""
    told = {"status": end.status, **end.counts}
    if task.attempts < task.max_attempts:
        return Done([*effects, end], output=told)
    try:
        await task.commit(effects)
    except asyncpg.PostgresError as error:
        return Done([decide.unreadable(file, f"it cannot be stored: {error}")])
    return Done([end], output=told)


def _resumed(progress: Any) -> Tally:
    if not progress:
        return Tally()
    return Tally(progress["done"], Counter(progress["counts"]), {k: list(v) for k, v in progress["made"].items()})


def _progress(tally: Tally) -> dict[str, Any]:
    return {"done": tally.done, "counts": dict(tally.counts), "made": tally.made}


@operator("reports.finish_ingestion", payload=FinishIngestion, concurrency=4, coalesce=True)
async def finish_ingestion(task: Task[FinishIngestion]) -> Outcome:
    """Counts what became of the files of an ingestion, once the last of them is read. Those whose task has ended
    without them end here."""
    rows = await task.read("ingestion", task.payload.ingestion_id)
    if not rows:
        return Cancel("the ingestion is gone")
    if not rows[0]["unread"]:
        return Done([EndIngestion(task.payload.ingestion_id)])
    if left := await task.read("files_without_task", task.payload.ingestion_id):
        await task.commit([decide.left_unread(_received(row)) for row in left])
        return Snooze(0.0, "files whose task had ended were ended")
    looks = task.run_no - task.attempts + 1
    return Snooze(WAIT_FOR_FILES.delay_s(looks, 0.0), "files of the ingestion are still being read")


@operator("reports.generate", payload=Generate, concurrency=4, run_timeout_s=120)
async def generate(task: Task[Generate]) -> Outcome:
    """Writes one report about a team from its rows. A 1on1 of nobody in particular becomes one task per employee."""
    asked = task.payload
    teams = await task.read("team", asked.project_id, asked.report_type)
    if not teams:
        return Cancel("the team is gone")
    if teams[0]["report_type_id"] is None:
        return Fail(f"there is no report type {asked.report_type!r}; run `rowmill reports seed`")
    days = generated.days_of(asked, task.now)
    if asked.report_type == "1on1" and asked.subject is None:
        authors = await task.read("authors_of_team", asked.project_id, *days)
        return Done(generated.one_each(asked, days, [row["author_name"] for row in authors]))
    found = await _sources(task, teams[0]["name"], days)
    subject = asked.subject or ""
    made = await asyncio.to_thread(generated.written, asked.report_type, found, subject)
    key = generated.report_id(asked, days), asked.project_id, asked.report_type, subject, *days
    row_id = (await task.read("generated", *key))[0]["id"] or key[0]
    return Done(generated.saved(row_id, asked, days, made), output={"id": str(row_id), "title": made.title})


async def _sources(task: Task[Generate], team: str, days: tuple[date, date]) -> generated.Sources:
    """The rows of the team in these days."""
    names = ("daily_of_team", "transcripts_of_team", "jira_of_team", "slack_of_team", "authors_of_team")
    place = task.payload.project_id, *days
    daily, transcripts, jira, slack, authors = await asyncio.gather(*(task.read(name, *place) for name in names))
    people = [row["author_name"] for row in authors]
    return generated.Sources(team, *days, daily, transcripts, jira, slack, people)
