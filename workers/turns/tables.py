"""SQLAlchemy tables of the turns domain; the DDL stands in migrations/turns."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Enum,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, ENUM, JSONB, OID

from core.schema import Xid8, metadata

DEFAULT_WORKSPACE = text("'00000000-0000-4000-8000-000000000001'")
NOW = "now()"
CLOCK = "clock_timestamp()"
STATUSES = ("PENDING", "DFO_APPROVAL_NEEDED", "DFO_APPROVED", "HO_APPROVAL_NEEDED", "HO_APPROVED", "REJECTED")
APPROVAL = Enum(*STATUSES, name="approval_status")
ROLES = (
    "SUPER_ADMIN",
    "ADMIN",
    "PROPERTY_MANAGER",
    "SR_PROPERTY_MANAGER",
    "VENDOR",
    "INSPECTOR",
    "DFO_APPROVER",
    "HO_APPROVER",
    "USER",
)


def _id(default: str = "gen_random_uuid()") -> Column[object]:
    return Column("id", Uuid, primary_key=True, server_default=text(default))


def _at(name: str, default: str | None = NOW) -> Column[object]:
    made = None if default is None else text(default)
    return Column(name, DateTime(timezone=True), nullable=default is None, server_default=made)


def _flag(name: str, default: str) -> Column[object]:
    return Column(name, Boolean, nullable=False, server_default=text(default))


def _xact() -> Column[object]:
    return Column("xact_id", Xid8, nullable=False, server_default=text("pg_current_xact_id()"))


def _one(table: str) -> list[Column[object] | CheckConstraint]:
    return [
        Column("one", Boolean, primary_key=True, server_default=text("true")),
        CheckConstraint("one", name=f"{table}_one"),
    ]


def _base() -> list[Column[object]]:
    return [
        _id(),
        _at("created_at"),
        _at("updated_at"),
        Column("version", Integer, nullable=False, server_default=text("1")),
        Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False, server_default=DEFAULT_WORKSPACE),
        Column("created_by", Uuid),
        Column("updated_by", Uuid),
    ]


properties = Table(
    "properties",
    metadata,
    *_base(),
    Column("property_id", String(50), nullable=False),
    Column("name", String(255), nullable=False),
    Column("street_address", String(255), nullable=False),
    Column("city", String(100)),
    Column("state", String(50)),
    Column("zip_code", String(20)),
    Column("country", String(100), server_default="United States"),
    Column("year_built", Integer),
    Column("area_sqft", Integer),
    Column("bedrooms", Numeric(3, 1)),
    Column("bathrooms", Numeric(3, 1)),
    _flag("is_active", "true"),
    _flag("is_core", "true"),
    Column("property_manager_id", Uuid, ForeignKey("users.id")),
    Column("sr_property_manager_id", Uuid, ForeignKey("users.id")),
    Index("properties_property_id_idx", "property_id", unique=True),
    Index("properties_is_active_idx", "is_active"),
    Index("properties_manager_idx", "property_manager_id"),
    Index("idx_properties_manager", "property_manager_id", "is_active"),
)

vendors = Table(
    "vendors",
    metadata,
    *_base(),
    Column("name", String(255), nullable=False),
    Column("email", String(255)),
    Column("phone", String(20)),
    Column("trade", String(100)),
    _flag("is_active", "true"),
    _flag("is_approved", "false"),
    Index("vendors_active_idx", "is_active", "is_approved"),
)

turn_stages = Table(
    "turn_stages",
    metadata,
    *_base(),
    Column("name", String(100), nullable=False),
    Column("display_order", Integer, nullable=False),
    Column("color", String(7), server_default="#000000"),
    _flag("is_amount_required", "false"),
    _flag("is_vendor_required", "false"),
    _flag("requires_approval", "false"),
    _flag("is_complete_stage", "false"),
    _flag("is_active", "true"),
    UniqueConstraint("display_order"),
)

turns = Table(
    "turns",
    metadata,
    *_base(),
    Column("turn_id", String(50), nullable=False),
    Column("property_id", Uuid, ForeignKey("properties.id"), nullable=False),
    Column("stage_id", Uuid, ForeignKey("turn_stages.id"), nullable=False),
    Column("wo_number", String(50)),
    Column("move_out_date", Date),
    Column("turn_amount", Numeric(10, 2)),
    Column("approved_turn_amount", Numeric(10, 2)),
    Column("vendor_id", Uuid, ForeignKey("vendors.id")),
    Column("expected_completion_date", Date),
    Column("turn_completion_date", Date),
    Column("approval_status", APPROVAL, server_default="PENDING"),
    _flag("is_active", "true"),
    Index("turns_turn_id_idx", "turn_id", unique=True),
    Index("turns_property_id_idx", "property_id"),
    Index("turns_stage_id_idx", "stage_id"),
    Index("turns_vendor_id_idx", "vendor_id"),
    Index("turns_is_active_idx", "is_active"),
    Index("idx_turns_active", "is_active", "stage_id"),
    Index(
        "turns_due_idx",
        "expected_completion_date",
        postgresql_where=text("is_active and turn_completion_date is null"),
    ),
)

approval_steps = Table(
    "approval_steps",
    metadata,
    Column("from_status", APPROVAL, nullable=False),
    Column("to_status", APPROVAL, nullable=False),
    Column("role", ENUM(*ROLES, name="user_role", create_type=False), nullable=False),
    PrimaryKeyConstraint("from_status", "to_status", "role"),
)

turn_policy = Table(
    "turn_policy",
    metadata,
    *_one("turn_policy"),
    Column("ho_approval_limit", Numeric(10, 2), nullable=False, server_default=text("5000")),
)

turn_notices = Table(
    "turn_notices",
    metadata,
    _id("rowmill.uuid7()"),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False),
    Column("turn_id", Uuid, nullable=False),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(50), nullable=False),
    Column("turn_version", Integer, nullable=False),
    Column("told", String(500), nullable=False),
    Column("task_id", Uuid),
    _at("created_at", CLOCK),
    _at("seen_at", None),
    UniqueConstraint("turn_id", "user_id", "kind", "turn_version", name="turn_notices_once"),
    Index("turn_notices_user_idx", "user_id", "created_at"),
)

audit_logs = Table(
    "audit_logs",
    metadata,
    _id("rowmill.uuid7()"),
    _at("created_at", CLOCK),
    Column("workspace_id", Uuid),
    Column("table_name", String(63), nullable=False),
    Column("row_id", Uuid, nullable=False),
    Column("action", String(10), nullable=False),
    Column("user_id", Uuid),
    Column("task_id", Uuid),
    Column("run_no", BigInteger),
    Column("command_id", Uuid),
    Column("sql_user", Text, nullable=False, server_default=text("session_user")),
    Column("changed_columns", ARRAY(Text)),
    Column("old_values", JSONB),
    Column("new_values", JSONB),
    _xact(),
    CheckConstraint("action in ('insert', 'update', 'delete')", name="audit_logs_action"),
    Index("audit_logs_row_idx", "row_id", "id"),
    Index("audit_logs_user_idx", "user_id", "id", postgresql_where=text("user_id is not null")),
    Index("audit_logs_time_idx", "created_at", postgresql_using="brin"),
)

turn_operations = Table(
    "turn_operations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("answer", JSONB, nullable=False),
    _at("created_at", CLOCK),
    Index("turn_operations_time_idx", "created_at", postgresql_using="brin"),
)

sync_outbox = Table(
    "sync_outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _xact(),
    Column("rel", OID, nullable=False),
    Column("op", String(1), nullable=False),
    Column("old_row", JSONB),
    Column("new_row", JSONB),
    Column("workspace_id", Uuid),
)

sync_feed = Table(
    "sync_feed",
    metadata,
    Column("lsn", BigInteger, nullable=False),
    Column("pos", Integer, nullable=False),
    Column("xact_id", Xid8, nullable=False),
    Column("rel", OID, nullable=False),
    Column("op", String(1), nullable=False),
    Column("old_row", JSONB),
    Column("new_row", JSONB),
    Column("workspace_id", Uuid),
    _at("created_at", CLOCK),
    PrimaryKeyConstraint("lsn", "pos"),
    Index("sync_feed_rel_idx", "rel", "lsn"),
)

sync_head = Table(
    "sync_head",
    metadata,
    *_one("sync_head"),
    Column("lsn", BigInteger, nullable=False),
    Column("pruned", BigInteger, nullable=False),
    Column("epoch", BigInteger, nullable=False, server_default=text("1")),
)

sync_shapes = Table(
    "sync_shapes",
    metadata,
    Column("handle", String(80), primary_key=True),
    Column("definition", String(32), nullable=False),
    Column("rel", OID, nullable=False),
    Column("layout", String(32), nullable=False),
    Column("spec", JSONB, nullable=False),
    Column("snapshot_lsn", BigInteger, nullable=False),
    Column("waiting", ARRAY(Xid8), nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("row_count", BigInteger, nullable=False),
    Column("byte_count", BigInteger, nullable=False),
    _flag("is_current", "true"),
    _at("made_at", CLOCK),
    _at("used_at", CLOCK),
    Index("sync_shapes_current_idx", "definition", unique=True, postgresql_where=text("is_current")),
    Index("sync_shapes_rel_idx", "rel"),
)

sync_chunks = Table(
    "sync_chunks",
    metadata,
    Column(
        "handle", String(80), ForeignKey("sync_shapes.handle", ondelete="CASCADE"), nullable=False, primary_key=True
    ),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    prefixes=["UNLOGGED"],
)
