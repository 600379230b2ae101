"""What clients of the reports send and get."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field

from core.web import Document, Model
from workers.reports.model import Kind, ReportType

FILES: Final = 50  # of one request
BODY_BYTES: Final = 32_000_000
NAME: Final = 500


def _day(value: object) -> object:
    """JSON has no dates: they are written as 2026-01-31."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("this is no date; write it as 2026-01-31") from None
    return value


Day = Annotated[date, BeforeValidator(_day)]
TeamName = Annotated[str, Field(min_length=1, max_length=200)]


# --- what is asked ---------------------------------------------------------------------------------------------------


class AskedRow(Model):
    """One row."""

    id: UUID


class AskedSearch(Model):
    """Words, "phrases", -without; `or` between alternatives."""

    q: str = Field(min_length=1, max_length=1000)
    team: TeamName | None = None
    kind: Literal["daily", "transcript"] | None = None
    first_day: Day | None = None
    last_day: Day | None = None
    limit: int = Field(20, ge=1, le=100)
    skip: int = Field(0, ge=0, le=10_000)


class AskedFiles(Model):
    """Received files, newest first."""

    team: TeamName | None = None
    status: Literal["received", "stored", "partly", "failed"] | None = None
    limit: int = Field(50, ge=1, le=200)
    before: UUID | None = Field(None, description="The last id of the page before.")


class AskedGenerated(Model):
    """Generated reports, newest first."""

    team: TeamName | None = None
    type: ReportType | None = None
    limit: int = Field(50, ge=1, le=200)


class AskedDaily(Model):
    """Daily reports, newest day first."""

    team: TeamName | None = None
    author: str | None = Field(None, max_length=200)
    first_day: Day | None = None
    last_day: Day | None = None
    limit: int = Field(50, ge=1, le=200)
    skip: int = Field(0, ge=0, le=1_000_000)


# --- what is sent ----------------------------------------------------------------------------------------------------


class Said(Model):
    """What a person says about a file; all of it may be left out."""

    kind: Kind | None = None
    author: str | None = Field(None, min_length=1, max_length=200)
    week_start: Day | None = None
    week_end: Day | None = None
    day_first: bool = False


class SentFile(Said):
    """A file: its name, and its text, or its bytes in base64."""

    name: str = Field(min_length=1, max_length=NAME)
    content: str | None = None
    content_base64: str | None = None


class SentFiles(Model):
    """Files of one team."""

    team: TeamName
    files: list[SentFile] = Field(min_length=1, max_length=FILES)


class SentQuestion(Model):
    """A report that is asked for: of the week before, unless the days are named."""

    team: TeamName
    type: ReportType
    subject: str | None = Field(None, min_length=1, max_length=200)
    first_day: Day | None = None
    last_day: Day | None = None


# --- what comes back -------------------------------------------------------------------------------------------------


class Received(Model):
    """The ingestion that the files belong to, and the id of each file in their order."""

    ingestion_id: UUID
    file_ids: list[UUID]


class Asked(Model):
    """What was written."""

    id: UUID


class Team(Model):
    """A team and what is stored of it."""

    id: UUID
    organization: str
    team: str
    search_language: str
    daily_reports: int
    authors: int
    transcripts: int
    jira_snapshots: int
    slack_captures: int
    generated: int
    problems: int
    newest_day: date | None


class Teams(Model):
    """The teams you may see."""

    teams: list[Team]


class Piece(Model):
    """A piece of text; `hit`: these words were searched for."""

    text: str
    hit: bool


class Hit(Model):
    """A text that was found: its best passage."""

    kind: Literal["daily", "transcript"]
    id: UUID
    team: str
    day: date
    name: str
    rank: float
    around: list[Piece]


class Hits(Model):
    """Best first. `total`: of all pages."""

    hits: list[Hit]
    total: int


class Daily(Model):
    """A daily report as it is listed."""

    id: UUID
    team: str
    author_name: str
    report_date: date
    revision: int
    updated_at: datetime


class DailyList(Model):
    """Daily reports."""

    reports: list[Daily]
    more: bool


class Revision(Model):
    """A text that was shown before, or came in late."""

    received_at: datetime
    content: str
    blob_sha256: str | None


class Text(Model):
    """A daily report or a transcript, whole, with its history."""

    id: UUID
    team: str
    name: str
    day: date
    content: str
    revision: int
    blob_sha256: str | None
    blob_path: str | None
    file_id: UUID | None
    received_at: datetime
    revisions: list[Revision]


class Capture(Model):
    """A Jira snapshot or a Slack capture: a reference, and what it says."""

    id: UUID
    team: str
    channel: str | None
    week_start: date
    week_end: date
    blob_sha256: str
    blob_path: str
    content: str


class File(Model):
    """A file that was received, and what became of it."""

    id: UUID
    ingestion_id: UUID
    team: str
    name: str
    size: int
    blob_sha256: str
    status: str
    kind: str | None
    encoding: str | None
    counts: Document
    problems: Document
    received_at: datetime
    read_at: datetime | None


class FileList(Model):
    """Received files."""

    files: list[File]
    more: bool


class Generated(Model):
    """A generated report as it is listed."""

    id: UUID
    type: str
    team: str
    title: str
    subject: str
    first_day: date
    last_day: date
    counts: Document
    updated_at: datetime


class GeneratedList(Model):
    """Generated reports."""

    reports: list[Generated]


class Link(Model):
    """A row that a report was written from."""

    kind: Literal["daily", "transcripts", "jira", "slack"]
    id: UUID


class Whole(Generated):
    """A generated report with its text and its sources."""

    markdown: str
    sources: list[Link]
