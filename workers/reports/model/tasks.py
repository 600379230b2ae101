"""Payloads and effects: what comes in as a task, and what a decision writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from core import Effect

ReportType = Literal["weekly-digest", "1on1", "dashboard"]


class IngestFile(BaseModel):
    """Read a file that was received, and store what it holds."""

    file_id: UUID


class FinishIngestion(BaseModel):
    """Count what became of the files of an ingestion, once all of them are read."""

    ingestion_id: UUID


class Generate(BaseModel):
    """Write a report about a team: of the week before the run unless the days are named. `subject`: one employee, for
    a 1on1; without it each employee of the team gets one."""

    report_type: ReportType
    project_id: UUID
    subject: str | None = Field(None, max_length=200)
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class SaveDailyReport(Effect):
    """What an employee's report of a day says from now on. The text before it stays among the revisions."""

    entity: ClassVar[str | None] = "daily_reports"
    key: ClassVar[tuple[str, ...]] = ("row_id",)
    folds: ClassVar[bool] = False
    row_id: UUID
    project_id: UUID
    author_name: str
    report_date: date
    content: str
    content_sha256: str
    blob_sha256: str
    blob_path: str
    file_id: UUID
    received_at: datetime


@dataclass(frozen=True, slots=True)
class SaveTranscript(Effect):
    """What was said in a meeting, from now on."""

    entity: ClassVar[str | None] = "meeting_transcripts"
    key: ClassVar[tuple[str, ...]] = ("row_id",)
    folds: ClassVar[bool] = False
    row_id: UUID
    project_id: UUID
    filename: str
    transcript_date: date
    title: str
    content: str
    content_sha256: str
    speakers: tuple[str, ...]
    duration_s: int | None
    blob_sha256: str
    blob_path: str
    file_id: UUID
    received_at: datetime


@dataclass(frozen=True, slots=True)
class KeepOlder(Effect):
    """A text that came in late: one received after it is shown, and it takes its place among the revisions."""

    source: str  # daily_report or transcript
    row_id: UUID
    content: str
    content_sha256: str
    blob_sha256: str
    blob_path: str
    file_id: UUID
    received_at: datetime


@dataclass(frozen=True, slots=True)
class AddJiraSnapshot(Effect):
    """An epic tree of a week, as a reference. Its id is made of the file's: the same task run twice adds one row."""

    row_id: UUID
    project_id: UUID
    week_start: date
    week_end: date
    issues: int
    epics: int
    blob_sha256: str
    blob_path: str
    file_id: UUID


@dataclass(frozen=True, slots=True)
class AddSlackCapture(Effect):
    """What was said in a channel in a week, as a reference to the sanitised text."""

    row_id: UUID
    project_id: UUID
    channel: str
    week_start: date
    week_end: date
    messages: int
    redacted: int
    blob_sha256: str
    blob_path: str
    file_id: UUID


@dataclass(frozen=True, slots=True)
class WithdrawDailyReport(Effect):
    """The file that made this row says something else now: the row goes, or shows what another file had said before."""

    entity: ClassVar[str | None] = "daily_reports"
    key: ClassVar[tuple[str, ...]] = ("row_id",)
    folds: ClassVar[bool] = False
    row_id: UUID
    file_id: UUID


@dataclass(frozen=True, slots=True)
class WithdrawTranscript(Effect):
    """The same for a transcript."""

    entity: ClassVar[str | None] = "meeting_transcripts"
    key: ClassVar[tuple[str, ...]] = ("row_id",)
    folds: ClassVar[bool] = False
    row_id: UUID
    file_id: UUID


@dataclass(frozen=True, slots=True)
class WithdrawCaptures(Effect):
    """The same for snapshots and captures, which are one file's alone: they go."""

    file_id: UUID
    rows: list[str]


@dataclass(frozen=True, slots=True)
class EndFile(Effect):
    """What became of a file: the rows it made or changed by kind, and the problems with their lines."""

    entity: ClassVar[str | None] = "report_files"
    key: ClassVar[tuple[str, ...]] = ("file_id",)
    folds: ClassVar[bool] = False
    file_id: UUID
    status: str  # stored, partly or failed
    kind: str | None
    encoding: str
    counts: dict[str, int]
    made: dict[str, list[str]]
    problems: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class EndIngestion(Effect):
    """The counts of an ingestion, and links to all that it stored: one statement does the work."""

    entity: ClassVar[str | None] = "report_ingestions"
    key: ClassVar[tuple[str, ...]] = ("ingestion_id",)
    folds: ClassVar[bool] = False
    bulk: ClassVar[bool] = True
    ingestion_id: UUID


@dataclass(frozen=True, slots=True)
class SaveGenerated(Effect):
    """A report that was written from stored rows. Written again, it replaces itself."""

    entity: ClassVar[str | None] = "generated_reports"
    key: ClassVar[tuple[str, ...]] = ("row_id",)
    folds: ClassVar[bool] = False
    row_id: UUID
    project_id: UUID
    report_type: str
    title: str
    subject: str
    first_day: date
    last_day: date
    markdown: str
    html: str
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class LinkSources(Effect):
    """The rows that a report was written from, by table; links to others go."""

    generated_report_id: UUID
    sources: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class OpenIngestion(Effect):
    """The beginning of an ingestion: files that come in together."""

    ingestion_id: UUID
    workspace_id: UUID
    project_id: UUID
    source: str
    place: str
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Receive(Effect):
    """A file that lies in the blob store. Its row enqueues the task that reads it."""

    file_id: UUID
    ingestion_id: UUID
    name: str
    blob_sha256: str
    blob_path: str
    size: int
    about: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AskReport(Effect):
    """A person asks for a report: the task that writes it."""

    task_id_made: UUID
    workspace_id_of: UUID
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReadAgain(Effect):
    """Read a file once more, after a fix of the parser or of what it was said to be."""

    entity: ClassVar[str | None] = "report_files"
    key: ClassVar[tuple[str, ...]] = ("file_id",)
    folds: ClassVar[bool] = False
    file_id: UUID
    about: dict[str, Any] | None
