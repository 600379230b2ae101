"""SQLAlchemy tables of the work orders; the DDL stands in migrations/work_orders."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from core.schema import metadata


def _id(default: str = "gen_random_uuid()") -> Column[object]:
    return Column("id", Uuid, primary_key=True, server_default=text(default))


def _ref(name: str, table: str, *, null: bool = False, ondelete: str | None = None) -> Column[object]:
    return Column(name, Uuid, ForeignKey(f"{table}.id", ondelete=ondelete), nullable=null)


def _workspace() -> Column[object]:
    return _ref("workspace_id", "workspaces")


def _at(name: str, default: str | None = "now()") -> Column[object]:
    made = None if default is None else text(default)
    return Column(name, DateTime(timezone=True), nullable=default is None, server_default=made)


def _version() -> Column[object]:
    default = text("nextval('rowmill.version')")
    return Column("version", BigInteger, nullable=False, server_default=default)


def _word(name: str, length: int, default: str | None = None, *, null: bool = False) -> Column[object]:
    made = None if default is None else text(f"'{default}'")
    return Column(name, String(length), nullable=null, server_default=made)


def _document(name: str, default: str | None = "{}") -> Column[object]:
    made = None if default is None else text(f"'{default}'")
    return Column(name, JSONB, nullable=default is None, server_default=made)


def _number(name: str, default: int) -> Column[object]:
    return Column(name, Integer, nullable=False, server_default=text(str(default)))


def _one_of(table: str, column: str, *words: str) -> CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} in ({listed})", name=f"{table}_{column}")


def _file(table: str) -> tuple[Column[object] | CheckConstraint | UniqueConstraint, ...]:
    """What is known of the bytes: unique in their workspace, so that none learns what another one has."""
    return (
        Column("file_hash", String(64), nullable=False),
        Column("blob", Text, nullable=False),
        Column("size_bytes", BigInteger, nullable=False),
        _word("source_type", 20),
        _document("source_metadata"),
        CheckConstraint("file_hash ~ '^[0-9a-f]{64}$'", name=f"{table}_file_hash"),
        UniqueConstraint("workspace_id", "file_hash", name=f"{table}_file_key"),
    )


work_order_settings = Table(
    "work_order_settings",
    metadata,
    Column("workspace_id", Uuid, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("spreadsheet_id", Text, unique=True),
    Column("drive_folder_id", Text),
    _word("sheet_name", 100, "Work orders"),
    _at("created_at"),
    _at("updated_at"),
)

fm_profiles = Table(
    "fm_profiles",
    metadata,
    _id(),
    _workspace(),
    _word("fm_key", 100),
    Column("profile_version", Integer, nullable=False),
    Column("profile", JSONB, nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    _ref("created_by", "users", null=True),
    _at("created_at"),
    CheckConstraint("fm_key <> ''", name="fm_profiles_fm_key"),
    CheckConstraint("jsonb_typeof(profile) = 'object'", name="fm_profiles_profile"),
    UniqueConstraint("workspace_id", "fm_key", "profile_version", name="fm_profiles_version_key"),
)

work_orders = Table(
    "work_orders",
    metadata,
    _id(),
    _workspace(),
    _word("fm_key", 100, ""),
    Column("work_order_number", Text),
    Column("number_key", Text),
    _word("status", 20, "RECEIVED"),
    *(Column(name, Text) for name in ("customer_name", "site_address", "description", "priority", "contact")),
    Column("ordered_on", Date),
    Column("due_on", Date),
    Column("amount", Numeric(14, 2)),
    _word("currency", 3, null=True),
    _document("extra"),
    _number("revision", 0),
    _version(),
    _at("created_at"),
    _at("updated_at"),
    _one_of("work_orders", "status", "RECEIVED", "READY", "REVIEW"),
    Index(
        "work_orders_number_key",
        "workspace_id",
        "fm_key",
        "number_key",
        unique=True,
        postgresql_where=text("number_key is not null"),
    ),
    Index(
        "work_orders_lookup_idx",
        "workspace_id",
        "number_key",
        postgresql_where=text("number_key is not null"),
    ),
    Index("work_orders_newest_idx", "workspace_id", "created_at", "id"),
)

work_order_sources = Table(
    "work_order_sources",
    metadata,
    _id("rowmill.uuid7()"),
    _workspace(),
    _ref("work_order_id", "work_orders"),
    Column("answered_id", Uuid, nullable=False),
    *_file("work_order_sources"),
    _word("state", 20, "PENDING"),
    Column("revision", Integer),
    _version(),
    _at("created_at"),
    _one_of("work_order_sources", "state", "PENDING", "READ", "FAILED"),
    Index("work_order_sources_order_idx", "work_order_id"),
    Index("work_order_sources_answered_idx", "answered_id"),
)

signed_documents = Table(
    "signed_documents",
    metadata,
    _id("rowmill.uuid7()"),
    _workspace(),
    *_file("signed_documents"),
    _word("fm_key", 100, ""),
    Column("work_order_number", Text),
    Column("number_key", Text),
    Column("signed_pdf_url", Text),
    Column("signed_preview_image_url", Text),
    _document("extraction_result", None),
    _word("state", 20, "PENDING"),
    Column("reason", Text),
    _version(),
    _at("created_at"),
    _at("updated_at"),
    _one_of("signed_documents", "state", "PENDING", "MATCHED", "REVIEW", "REFUSED"),
    Index("signed_documents_waiting_idx", "workspace_id", "number_key", postgresql_where=text("state = 'REVIEW'")),
)

signed_match = Table(
    "signed_match",
    metadata,
    Column("work_order_id", Uuid, ForeignKey("work_orders.id"), primary_key=True),
    _ref("signed_document_id", "signed_documents"),
    _workspace(),
    _ref("matched_by", "users", null=True),
    _at("created_at"),
    UniqueConstraint("signed_document_id", name="signed_match_document_key"),
)

extraction_runs = Table(
    "extraction_runs",
    metadata,
    _id("rowmill.uuid7()"),
    _workspace(),
    _ref("work_order_source_id", "work_order_sources", null=True),
    _ref("signed_document_id", "signed_documents", null=True),
    _word("source", 20),
    _word("fm_key", 100, ""),
    Column("profile_version", Integer),
    _word("outcome", 20),
    _document("fields"),
    _document("warnings", "[]"),
    Column("duration_ms", Integer),
    Column("task_id", Uuid),
    Column("run_no", BigInteger),
    _at("created_at"),
    _one_of("extraction_runs", "source", "robot", "caller"),
    _one_of("extraction_runs", "outcome", "OK", "PARTIAL", "FAILED"),
    CheckConstraint("num_nonnulls(work_order_source_id, signed_document_id) = 1", name="extraction_runs_one_document"),
    Index(
        "extraction_runs_source_idx",
        "work_order_source_id",
        "id",
        postgresql_where=text("work_order_source_id is not null"),
    ),
    Index(
        "extraction_runs_signed_idx",
        "signed_document_id",
        "id",
        postgresql_where=text("signed_document_id is not null"),
    ),
)

work_order_reviews = Table(
    "work_order_reviews",
    metadata,
    _id("rowmill.uuid7()"),
    _workspace(),
    _word("kind", 30),
    _ref("work_order_id", "work_orders", null=True, ondelete="CASCADE"),
    _ref("source_id", "work_order_sources", null=True),
    _ref("signed_document_id", "signed_documents", null=True),
    _document("details"),
    _word("resolution", 20, null=True),
    _ref("resolved_by", "users", null=True),
    _at("resolved_at", None),
    _version(),
    _at("created_at"),
    _one_of(
        "work_order_reviews",
        "kind",
        *("unreadable", "no_number", "other_number", "same_number", "fields_differ", "signed_unreadable"),
        *("signed_no_number", "signed_missing", "signed_ambiguous", "signed_second"),
    ),
    _one_of("work_order_reviews", "resolution", "accepted", "kept", "matched", "dismissed"),
    Index("work_order_reviews_open_idx", "workspace_id", "id", postgresql_where=text("resolution is null")),
    Index("work_order_reviews_order_idx", "work_order_id"),
    Index(
        "work_order_reviews_signed_idx",
        "signed_document_id",
        postgresql_where=text("signed_document_id is not null"),
    ),
)

export_jobs = Table(
    "export_jobs",
    metadata,
    _id(),
    _workspace(),
    _ref("work_order_id", "work_orders", ondelete="CASCADE"),
    Column("spreadsheet_id", Text, nullable=False),
    _word("status", 20, "PENDING"),
    _number("attempts", 0),
    _at("next_attempt_at"),
    Column("last_error", Text),
    Column("exported_version", BigInteger),
    _at("exported_at", None),
    _version(),
    _at("created_at"),
    _at("updated_at"),
    _one_of("export_jobs", "status", "PENDING", "PROCESSING", "DONE", "FAILED"),
    CheckConstraint("attempts between 0 and 5", name="export_jobs_attempts"),
    UniqueConstraint("work_order_id", name="export_jobs_order_key"),
    Index(
        "export_jobs_due_idx",
        "spreadsheet_id",
        "next_attempt_at",
        postgresql_where=text("status in ('PENDING', 'PROCESSING')"),
    ),
    Index("export_jobs_status_idx", "workspace_id", "status"),
)
