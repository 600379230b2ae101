"""SQLAlchemy tables of the reports domain; the DDL stands in migrations/reports."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

from core.schema import metadata

DEFAULT_WORKSPACE = text("'00000000-0000-4000-8000-000000000001'")
NOW = "now()"
CLOCK = "clock_timestamp()"


def _id(default: str = "gen_random_uuid()") -> Column[object]:
    return Column("id", Uuid, primary_key=True, server_default=text(default))


def _at(name: str, default: str | None = NOW, *, nullable: bool = False) -> Column[object]:
    made = None if default is None else text(default)
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=made)


def _times() -> tuple[Column[object], Column[object]]:
    return _at("created_at"), _at("updated_at")


def _version() -> Column[object]:
    return Column("version", BigInteger, nullable=False, server_default=text("nextval('rowmill.version')"))


def _workspace() -> Column[object]:
    return Column("workspace_id", Uuid, nullable=False)


def _number(name: str, default: str = "0") -> Column[object]:
    return Column(name, Integer, nullable=False, server_default=text(default))


def _document(name: str, empty: str) -> Column[object]:
    return Column(name, JSONB, nullable=False, server_default=text(f"'{empty}'"))


def _language() -> Column[object]:
    """A text search configuration of the database."""
    return Column("search_language", Text, nullable=False, server_default=text("'english'"))


def _of_team(table: str) -> tuple[Column[object], Column[object], ForeignKeyConstraint]:
    """K18: the column is called project_id. The workspace is the team's."""
    return (
        _workspace(),
        Column("project_id", Uuid, nullable=False),
        ForeignKeyConstraint(
            ["project_id", "workspace_id"],
            ["teams.id", "teams.workspace_id"],
            name=f"{table}_project_id_fkey",
            ondelete="CASCADE",
        ),
    )


def _blob(*, needed: bool) -> tuple[Column[object], Column[object]]:
    return Column("blob_sha256", String(64), nullable=not needed), Column("blob_path", Text, nullable=not needed)


def _file() -> Column[object]:
    return Column("file_id", Uuid, ForeignKey("report_files.id", ondelete="SET NULL"))


def _one_of(name: str, parent: str) -> Column[object]:
    return Column(name, Uuid, ForeignKey(f"{parent}.id", ondelete="CASCADE"))


organizations = Table(
    "organizations",
    metadata,
    _id(),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False, server_default=DEFAULT_WORKSPACE),
    Column("name", String(200), nullable=False),
    *_times(),
    UniqueConstraint("workspace_id", "name", name="organizations_name_key"),
    UniqueConstraint("id", "workspace_id", name="organizations_workspace_key"),
)

teams = Table(
    "teams",
    metadata,
    _id(),
    _workspace(),
    Column("organization_id", Uuid, nullable=False),
    Column("name", String(200), nullable=False),
    *_times(),
    _language(),
    UniqueConstraint("workspace_id", "name", name="teams_name_key"),
    UniqueConstraint("id", "workspace_id", name="teams_workspace_key"),
    ForeignKeyConstraint(
        ["organization_id", "workspace_id"],
        ["organizations.id", "organizations.workspace_id"],
        name="teams_organization_id_fkey",
        ondelete="CASCADE",
    ),
    Index("teams_organization_idx", "organization_id"),
)

report_types = Table(
    "report_types",
    metadata,
    _id(),
    Column("name", String(50), nullable=False),
    Column("description", Text, nullable=False, server_default=text("''")),
    _at("created_at"),
    UniqueConstraint("name", name="report_types_name_key"),
)

report_ingestions = Table(
    "report_ingestions",
    metadata,
    _id(),
    *_of_team("report_ingestions"),
    Column("source", String(20), nullable=False),
    Column("place", Text, nullable=False, server_default=text("''")),
    _at("started_at", CLOCK),
    _at("closed_at", None, nullable=True),
    _at("ended_at", None, nullable=True),
    _version(),
    CheckConstraint("source in ('cli', 'http', 'watch', 'sql')", name="report_ingestions_source"),
    Index("report_ingestions_project_idx", "project_id", "started_at"),
    Index(
        "report_ingestions_open_key",
        "project_id",
        "source",
        "place",
        unique=True,
        postgresql_where=text("closed_at is null"),
    ),
)

report_files = Table(
    "report_files",
    metadata,
    _id(),
    *_of_team("report_files"),
    Column("ingestion_id", Uuid, ForeignKey("report_ingestions.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    *_blob(needed=True),
    Column("size", BigInteger, nullable=False),
    _document("about", "{}"),
    Column("status", String(20), nullable=False, server_default=text("'received'")),
    Column("kind", String(20)),
    Column("encoding", String(50)),
    _document("counts", "{}"),
    _document("made", "{}"),
    _document("problems", "[]"),
    _at("received_at", CLOCK),
    _at("read_at", None, nullable=True),
    _version(),
    CheckConstraint("status in ('received', 'stored', 'partly', 'failed')", name="report_files_status"),
    Index("report_files_ingestion_idx", "ingestion_id"),
    Index("report_files_project_idx", "project_id", "received_at"),
    Index("report_files_name_idx", "project_id", "name", "received_at"),
    Index("report_files_unread_idx", "ingestion_id", postgresql_where=text("status = 'received'")),
    Index("report_files_problems_idx", "project_id", postgresql_where=text("status in ('partly', 'failed')")),
)


def _text() -> tuple[Column[object], Column[object]]:
    return Column("content", Text, nullable=False), Column("content_sha256", String(64), nullable=False)


daily_reports = Table(
    "daily_reports",
    metadata,
    _id(),
    *_of_team("daily_reports"),
    Column("author_name", String(200), nullable=False),
    Column("report_date", Date, nullable=False),
    *_text(),
    *_blob(needed=False),
    _file(),
    _at("received_at", CLOCK),
    _number("revision", "1"),
    _version(),
    *_times(),
    UniqueConstraint("project_id", "author_name", "report_date", name="daily_reports_key"),
    Index("daily_reports_date_idx", "project_id", "report_date"),
    Index("daily_reports_file_idx", "file_id"),
)

meeting_transcripts = Table(
    "meeting_transcripts",
    metadata,
    _id(),
    *_of_team("meeting_transcripts"),
    Column("filename", String(500), nullable=False),
    Column("transcript_date", Date, nullable=False),
    Column("title", String(200), nullable=False, server_default=text("''")),
    *_text(),
    _document("speakers", "[]"),
    Column("duration_s", Integer),
    *_blob(needed=False),
    _file(),
    _at("received_at", CLOCK),
    _number("revision", "1"),
    _version(),
    *_times(),
    UniqueConstraint("project_id", "filename", "transcript_date", name="meeting_transcripts_key"),
    Index("meeting_transcripts_date_idx", "project_id", "transcript_date"),
    Index("meeting_transcripts_file_idx", "file_id"),
)

ONE_TEXT = "num_nonnulls(daily_report_id, meeting_transcript_id) = 1"

report_revisions = Table(
    "report_revisions",
    metadata,
    _id("rowmill.uuid7()"),
    _workspace(),
    _one_of("daily_report_id", "daily_reports"),
    _one_of("meeting_transcript_id", "meeting_transcripts"),
    *_text(),
    *_blob(needed=False),
    Column("file_id", Uuid),
    _at("received_at", None),
    _at("kept_at", CLOCK),
    CheckConstraint(ONE_TEXT, name="report_revisions_one_source"),
    UniqueConstraint(
        "daily_report_id",
        "meeting_transcript_id",
        "content_sha256",
        "received_at",
        name="report_revisions_key",
        postgresql_nulls_not_distinct=True,
    ),
    Index("report_revisions_transcript_idx", "meeting_transcript_id"),
)

report_passages = Table(
    "report_passages",
    metadata,
    _id("rowmill.uuid7()"),
    _workspace(),
    Column("project_id", Uuid, nullable=False),
    _one_of("daily_report_id", "daily_reports"),
    _one_of("meeting_transcript_id", "meeting_transcripts"),
    Column("day", Date, nullable=False),
    Column("first_character", Integer, nullable=False),
    Column("words", TSVECTOR, nullable=False),
    _language(),
    CheckConstraint(ONE_TEXT, name="report_passages_one_source"),
    Index("report_passages_daily_idx", "daily_report_id"),
    Index("report_passages_transcript_idx", "meeting_transcript_id"),
    Index("report_passages_words_idx", "words", postgresql_using="gin"),
)

jira_snapshots = Table(
    "jira_snapshots",
    metadata,
    _id(),
    *_of_team("jira_snapshots"),
    Column("week_start", Date, nullable=False),
    Column("week_end", Date, nullable=False),
    _number("issues"),
    _number("epics"),
    *_blob(needed=True),
    _file(),
    *_times(),
    CheckConstraint("week_start <= week_end", name="jira_snapshots_week"),
    Index("jira_snapshots_week_idx", "project_id", "week_start"),
    Index("jira_snapshots_file_idx", "file_id"),
)

slack_captures = Table(
    "slack_captures",
    metadata,
    _id(),
    *_of_team("slack_captures"),
    Column("channel", String(80), nullable=False),
    Column("week_start", Date, nullable=False),
    Column("week_end", Date, nullable=False),
    _number("messages"),
    _number("redacted"),
    *_blob(needed=True),
    _file(),
    *_times(),
    CheckConstraint("week_start <= week_end", name="slack_captures_week"),
    Index("slack_captures_week_idx", "project_id", "week_start"),
    Index("slack_captures_file_idx", "file_id"),
)

generated_reports = Table(
    "generated_reports",
    metadata,
    _id(),
    *_of_team("generated_reports"),
    Column("report_type_id", Uuid, ForeignKey("report_types.id")),
    _one_of("ingestion_id", "report_ingestions"),
    Column("title", Text, nullable=False),
    Column("subject", String(200), nullable=False, server_default=text("''")),
    Column("first_day", Date),
    Column("last_day", Date),
    Column("markdown", Text, nullable=False, server_default=text("''")),
    Column("html", Text, nullable=False, server_default=text("''")),
    _document("counts", "{}"),
    _version(),
    *_times(),
    CheckConstraint("num_nonnulls(report_type_id, ingestion_id) = 1", name="generated_reports_of_one"),
    UniqueConstraint("project_id", "report_type_id", "subject", "first_day", "last_day", name="generated_reports_key"),
    UniqueConstraint("ingestion_id", name="generated_reports_ingestion_key"),
    Index("generated_reports_type_idx", "report_type_id"),
)


def _link_index(short: str, column: str) -> Index:
    return Index(f"report_data_links_{short}_idx", column, postgresql_where=text(f"{column} is not null"))


report_data_links = Table(
    "report_data_links",
    metadata,
    _id(),
    _workspace(),
    Column("generated_report_id", Uuid, ForeignKey("generated_reports.id", ondelete="CASCADE"), nullable=False),
    _one_of("daily_report_id", "daily_reports"),
    _one_of("meeting_transcript_id", "meeting_transcripts"),
    _one_of("jira_snapshot_id", "jira_snapshots"),
    _one_of("slack_capture_id", "slack_captures"),
    _at("created_at"),
    CheckConstraint(
        "num_nonnulls(daily_report_id, meeting_transcript_id, jira_snapshot_id, slack_capture_id) = 1",
        name="report_data_links_one_source",
    ),
    UniqueConstraint(
        "generated_report_id",
        "daily_report_id",
        "meeting_transcript_id",
        "jira_snapshot_id",
        "slack_capture_id",
        name="report_data_links_key",
        postgresql_nulls_not_distinct=True,
    ),
    _link_index("daily", "daily_report_id"),
    _link_index("transcript", "meeting_transcript_id"),
    _link_index("jira", "jira_snapshot_id"),
    _link_index("slack", "slack_capture_id"),
)
