"""SQLAlchemy tables of the spreadsheets domain; the DDL stands in migrations/spreadsheets."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from core.schema import Xid8, metadata

DEFAULT_WORKSPACE = text("'00000000-0000-4000-8000-000000000001'")


LIVE_LOOKUPS = text("operator = 'spreadsheets.lookup' and deleted_at is null")


def _id(default: str = "gen_random_uuid()") -> Column[object]:
    return Column("id", Uuid, primary_key=True, server_default=text(default))


def _at(name: str, default: str | None = "now()") -> Column[object]:
    made = None if default is None else text(default)
    return Column(name, DateTime(timezone=True), nullable=default is None, server_default=made)


def _version() -> Column[object]:
    default = text("nextval('rowmill.version')")
    return Column("version", BigInteger, nullable=False, server_default=default)


def _number(name: str, default: int) -> Column[object]:
    return Column(name, Integer, nullable=False, server_default=text(str(default)))


def _flag(name: str, default: str) -> Column[object]:
    return Column(name, Boolean, nullable=False, server_default=text(default))


def _part_of(name: str, parent: str) -> Column[object]:
    return Column(name, Uuid, ForeignKey(f"{parent}.id", ondelete="CASCADE"), nullable=False)


spreadsheets = Table(
    "spreadsheets",
    metadata,
    _id(),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False, server_default=DEFAULT_WORKSPACE),
    Column("name", String(255), nullable=False),
    Column("description", Text),
    Column("owner_id", Uuid, ForeignKey("users.id"), nullable=False),
    _flag("is_public", "false"),
    _number("default_columns", 2),
    _number("default_rows", 8),
    _version(),
    _at("created_at"),
    _at("updated_at"),
    _at("deleted_at", None),
    Index("spreadsheets_owner_idx", "owner_id"),
    Index("spreadsheets_name_idx", "name"),
    Index("spreadsheets_workspace_idx", "workspace_id"),
)

sheet_columns = Table(
    "sheet_columns",
    metadata,
    _id(),
    _part_of("spreadsheet_id", "spreadsheets"),
    Column("position", Integer, nullable=False),
    Column("title", String(255), nullable=False),
    _number("width", 150),
    _flag("is_visible", "true"),
    Column("operator", String(100)),
    Column("config", JSONB, nullable=False, server_default=text("'{}'")),
    _version(),
    _at("created_at"),
    _at("updated_at"),
    _at("deleted_at", None),
    Index(
        "sheet_columns_position_key",
        "spreadsheet_id",
        "position",
        unique=True,
        postgresql_where=text("deleted_at is null"),
    ),
    *(
        Index(f"sheet_columns_{name}_idx", text(f"lower(config ->> '{name}')"), postgresql_where=LIVE_LOOKUPS)
        for name in ("match", "value")
    ),
)

column_inputs = Table(
    "column_inputs",
    metadata,
    _part_of("column_id", "sheet_columns"),
    Column("ordinal", Integer, nullable=False),
    _part_of("input_column_id", "sheet_columns"),
    PrimaryKeyConstraint("column_id", "ordinal"),
    CheckConstraint("column_id <> input_column_id", name="column_inputs_not_itself"),
    Index("column_inputs_input_idx", "input_column_id"),
)

cells = Table(
    "cells",
    metadata,
    _id(),
    _part_of("spreadsheet_id", "spreadsheets"),
    _part_of("column_id", "sheet_columns"),
    Column("row_number", Integer, nullable=False),
    Column("content", Text),
    Column("formatted_content", JSONB),
    Column("cell_type", String(50), nullable=False, server_default=text("'text'")),
    _flag("is_formula", "false"),
    Column("based_on", BigInteger),
    _version(),
    _at("created_at"),
    _at("updated_at"),
    CheckConstraint("row_number > 0", name="cells_row_number"),
    UniqueConstraint("spreadsheet_id", "column_id", "row_number", name="cells_place_key"),
    Index("cells_column_idx", "column_id", "row_number"),
)

cell_edit_events = Table(
    "cell_edit_events",
    metadata,
    _id("rowmill.uuid7()"),
    Column("cell_id", Uuid, nullable=False),
    Column("spreadsheet_id", Uuid, nullable=False),
    Column("column_id", Uuid, nullable=False),
    Column("row_number", Integer, nullable=False),
    Column("user_id", Uuid),
    Column("task_id", Uuid),
    Column("run_no", BigInteger),
    Column("command_id", Uuid),
    Column("sql_user", Text),
    Column("old_content", Text),
    Column("new_content", Text),
    Column("edit_type", String(50), nullable=False, server_default=text("'manual'")),
    Column("xact_id", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    _at("created_at", "clock_timestamp()"),
    CheckConstraint("edit_type in ('manual', 'robot', 'import', 'undo', 'sql')", name="cell_edit_events_edit_type"),
    CheckConstraint("num_nonnulls(user_id, task_id, sql_user) = 1", name="cell_edit_events_one_author"),
    Index("cell_edit_events_cell_idx", "cell_id", "id"),
    Index("cell_edit_events_task_idx", "task_id", postgresql_where=text("task_id is not null")),
    Index("cell_edit_events_user_idx", "user_id", postgresql_where=text("user_id is not null")),
    Index("cell_edit_events_time_idx", "created_at", postgresql_using="brin"),
    Index("cell_edit_events_feed_idx", "spreadsheet_id", "xact_id"),
    Index("cell_edit_events_command_idx", "command_id", postgresql_where=text("command_id is not null")),
)

sheet_edit_events = Table(
    "sheet_edit_events",
    metadata,
    _id("rowmill.uuid7()"),
    Column("spreadsheet_id", Uuid, nullable=False),
    Column("column_id", Uuid),
    Column("action", String(50), nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("user_id", Uuid),
    Column("task_id", Uuid),
    Column("run_no", BigInteger),
    Column("command_id", Uuid),
    Column("sql_user", Text),
    Column("xact_id", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    _at("created_at", "clock_timestamp()"),
    CheckConstraint("num_nonnulls(user_id, task_id, sql_user) = 1", name="sheet_edit_events_one_author"),
    Index("sheet_edit_events_feed_idx", "spreadsheet_id", "xact_id"),
)

sheet_rows = Table(
    "sheet_rows",
    metadata,
    _part_of("spreadsheet_id", "spreadsheets"),
    Column("row_number", Integer, nullable=False),
    Column("height", Integer),
    Column("is_visible", Boolean),
    PrimaryKeyConstraint("spreadsheet_id", "row_number"),
)

removed_cells = Table(
    "removed_cells",
    metadata,
    Column("event_id", Uuid, nullable=False),
    Column("id", Uuid, nullable=False),
    _part_of("spreadsheet_id", "spreadsheets"),
    _part_of("column_id", "sheet_columns"),
    Column("row_number", Integer, nullable=False),
    Column("content", Text),
    Column("formatted_content", JSONB),
    Column("cell_type", String(50), nullable=False),
    Column("is_formula", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("event_id", "id"),
)

sheet_budgets = Table(
    "sheet_budgets",
    metadata,
    Column("spreadsheet_id", Uuid, ForeignKey("spreadsheets.id", ondelete="CASCADE"), primary_key=True),
    Column("tokens", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False, server_default=text("0")),
    _at("updated_at"),
    CheckConstraint("tokens >= 0", name="sheet_budgets_tokens"),
)

language_calls = Table(
    "language_calls",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("spreadsheet_id", Uuid, nullable=False),
    Column("cell_id", Uuid, nullable=False),
    Column("task_id", Uuid),
    Column("run_no", BigInteger),
    Column("granted", Boolean, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("spent", BigInteger),
    _at("created_at"),
    _at("settled_at", None),
    Index("language_calls_sheet_idx", "spreadsheet_id", "created_at"),
)

language_answers = Table(
    "language_answers",
    metadata,
    Column("workspace_id", Uuid, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("prompt_hash", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    _at("created_at"),
    PrimaryKeyConstraint("workspace_id", "prompt_hash"),
    Index("language_answers_age_idx", "created_at"),
)

transformer_sessions = Table(
    "transformer_sessions",
    metadata,
    _id(),
    Column("workspace_id", Uuid, ForeignKey("workspaces.id"), nullable=False, server_default=DEFAULT_WORKSPACE),
    _part_of("spreadsheet_id", "spreadsheets"),
    Column("kind", String(100), nullable=False),
    Column("session_name", String(255), nullable=False),
    Column("initial_input", JSONB, nullable=False),
    Column("steps", ARRAY(Text), nullable=False),
    _number("current_step", 1),
    Column("total_steps", Integer, nullable=False),
    Column("step_data", JSONB, nullable=False, server_default=text("'{}'")),
    _flag("is_completed", "false"),
    _flag("requires_user_input", "false"),
    Column("user_input_prompt", Text),
    Column("user_input_schema", JSONB),
    Column("user_input_form", JSONB),
    Column("task_id", Uuid),
    Column("started_by", Uuid, ForeignKey("users.id")),
    _version(),
    _at("created_at"),
    _at("updated_at"),
    _at("completed_at", None),
    _at("cancelled_at", None),
    CheckConstraint("jsonb_typeof(initial_input) = 'object'", name="transformer_sessions_input"),
    CheckConstraint(
        "total_steps = cardinality(steps) and current_step between 1 and total_steps", name="transformer_sessions_steps"
    ),
    CheckConstraint("is_completed = (completed_at is not null)", name="transformer_sessions_completed"),
    CheckConstraint("requires_user_input = (user_input_prompt is not null)", name="transformer_sessions_asks"),
    Index("transformer_sessions_sheet_idx", "spreadsheet_id", "created_at"),
    Index("transformer_sessions_name_idx", "session_name"),
    Index("transformer_sessions_status_idx", "is_completed", "requires_user_input"),
)
