"""SQLAlchemy tables of people; the DDL stands in migrations/people."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Enum,
    ForeignKey,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from core.people.users import ROLES
from core.schema import metadata


def _id() -> Column[object]:
    return Column("id", Uuid, primary_key=True, server_default=text("gen_random_uuid()"))


def _at(name: str, *, required: bool = True) -> Column[object]:
    default = text("now()") if required else None
    return Column(name, DateTime(timezone=True), nullable=not required, server_default=default)


def _version() -> Column[object]:
    return Column("version", BigInteger, nullable=False, server_default=text("1"))


users = Table(
    "users",
    metadata,
    _id(),
    Column("external_id", String(255)),
    Column("email", String(255), nullable=False),
    Column("password_hash", String(255)),
    Column("first_name", String(100)),
    Column("last_name", String(100)),
    Column("phone", String(20)),
    Column("role", Enum(*ROLES, name="user_role"), nullable=False, server_default="USER"),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("email_verified", Boolean, nullable=False, server_default=text("false")),
    Column("last_login", DateTime(timezone=True)),
    _at("created_at"),
    _at("updated_at"),
    _version(),
    Column("created_by", Uuid, ForeignKey("users.id")),
    Column("updated_by", Uuid, ForeignKey("users.id")),
    UniqueConstraint("external_id"),
    UniqueConstraint("email"),
    Index("users_role_idx", "role"),
    Index("users_is_active_idx", "is_active"),
    Index("users_email_lower_idx", text("lower(email::text)")),
)

sessions = Table(
    "sessions",
    metadata,
    _id(),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("token", String(255), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    _at("created_at"),
    _at("updated_at"),
    _version(),
    Column("api_token_id", Uuid, ForeignKey("api_tokens.id", ondelete="CASCADE")),
    UniqueConstraint("token"),
    Index("sessions_user_id_idx", "user_id"),
    Index("sessions_api_token_idx", "api_token_id", postgresql_where=text("api_token_id is not null")),
)

workspaces = Table(
    "workspaces", metadata, _id(), Column("name", String(255), nullable=False), _at("created_at"), _at("updated_at")
)

workspace_members = Table(
    "workspace_members",
    metadata,
    Column("workspace_id", Uuid, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    _at("created_at"),
    PrimaryKeyConstraint("workspace_id", "user_id"),
    Index("workspace_members_user_idx", "user_id"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    _id(),
    Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("token_sha256", LargeBinary, nullable=False),
    Column("scope", String(20), nullable=False),
    _at("created_at"),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("name", String(100), nullable=False, server_default=text("''")),
    Column("last_used_at", DateTime(timezone=True)),
    Column("one_time", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("token_sha256"),
    CheckConstraint("scope in ('read', 'operate', 'admin')", name="api_tokens_scope"),
    Index("api_tokens_user_idx", "user_id"),
)

login_attempts = Table(
    "login_attempts",
    metadata,
    _id(),
    Column("account_sha256", LargeBinary, nullable=False),
    Column("peer", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    Index("login_attempts_account_idx", "account_sha256", "at"),
    Index("login_attempts_peer_idx", "peer", "at"),
    Index("login_attempts_at_idx", "at"),
)
