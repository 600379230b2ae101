"""SQLAlchemy tables of the deals domain; the DDL stands in migrations/deals."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from core.schema import metadata

DEFAULT_WORKSPACE = text("'00000000-0000-4000-8000-000000000001'")


def _id() -> Column[object]:
    return Column("id", Integer, Identity(), primary_key=True)


def _workspace(*, root: bool = False) -> Column[object]:
    keys = [ForeignKey("workspaces.id")] if root else []
    return Column("workspace_id", Uuid, *keys, nullable=False, server_default=DEFAULT_WORKSPACE)


def _at(name: str, *, required: bool = True, default: bool = True) -> Column[object]:
    made = text("now()") if required and default else None
    return Column(name, DateTime(timezone=True), nullable=not required, server_default=made)


def _name(name: str, length: int = 255, *, required: bool = True) -> Column[object]:
    return Column(name, String(length), nullable=not required)


def _text(name: str, *, required: bool = False) -> Column[object]:
    return Column(name, Text, nullable=not required)


def _number(name: str, default: int | None = None, *, required: bool = True) -> Column[object]:
    return Column(name, Integer, nullable=not required, server_default=None if default is None else text(str(default)))


def _version() -> Column[object]:
    return Column("version", BigInteger, nullable=False, server_default=text("nextval('rowmill.version')"))


def _flag(name: str) -> Column[object]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def _object(name: str, *, required: bool = False) -> Column[object]:
    return Column(name, JSONB, nullable=not required)


def _list(name: str) -> Column[object]:
    return Column(name, JSONB, nullable=False, server_default=text("'[]'"))


def _is(table: str, column: str, kind: str = "object") -> CheckConstraint:
    return CheckConstraint(f"jsonb_typeof({column}) = '{kind}'", name=f"{table}_{column}")


def _one_of(table: str, column: str, *values: str) -> CheckConstraint:
    told = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} in ({told})", name=f"{table}_{column}")


def _belongs(table: str, column: str, parent: str, name: str) -> ForeignKeyConstraint:
    """A row and what it belongs to are of one workspace."""
    own, theirs = [column, "workspace_id"], [f"{parent}.id", f"{parent}.workspace_id"]
    return ForeignKeyConstraint(own, theirs, name=f"{table}_{name}_fkey")


def _referable(table: str) -> UniqueConstraint:
    return UniqueConstraint("id", "workspace_id", name=f"{table}_id_workspace_key")


deals = Table(
    "deals",
    metadata,
    _id(),
    _workspace(root=True),
    _name("seeker_name"),
    _name("seeker_email"),
    _name("company_name"),
    _number("team_size"),
    _number("monthly_budget"),
    _object("requirements", required=True),
    _name("stage", 50),
    _version(),
    _at("created_at"),
    _at("deleted_at", required=False),
    CheckConstraint("team_size > 0", name="deals_team_size"),
    CheckConstraint("monthly_budget >= 0", name="deals_monthly_budget"),
    _is("deals", "requirements"),
    _one_of("deals", "stage", "inquiry", "touring", "negotiating", "closed"),
    _referable("deals"),
    Index("idx_deals_requirements", "requirements", postgresql_using="gin"),
    Index("idx_deals_seeker_email", "workspace_id", text("lower(seeker_email)")),
    Index("idx_deals_seeker_name", "workspace_id", text("lower(seeker_name)")),
    Index("idx_deals_company_name", "workspace_id", text("lower(company_name)")),
)

spaces = Table(
    "spaces",
    metadata,
    _id(),
    _workspace(root=True),
    _name("name"),
    _text("address", required=True),
    _name("neighborhood", 100, required=False),
    _name("host_company"),
    _name("host_email"),
    _text("host_context"),
    _object("amenities", required=True),
    _object("availability", required=True),
    _number("monthly_rate"),
    _object("detailed_amenities"),
    _version(),
    _at("created_at"),
    _is("spaces", "amenities"),
    _is("spaces", "availability"),
    _is("spaces", "detailed_amenities"),
    CheckConstraint("monthly_rate >= 0", name="spaces_monthly_rate"),
    _referable("spaces"),
    Index("idx_spaces_amenities", "amenities", postgresql_using="gin"),
    Index("idx_spaces_name", "workspace_id", text("lower(name)")),
    Index("idx_spaces_host_company", "workspace_id", text("lower(host_company)")),
)

deal_spaces = Table(
    "deal_spaces",
    metadata,
    _id(),
    _workspace(),
    _number("deal_id"),
    _number("space_id"),
    _name("status", 50),
    _at("created_at"),
    _one_of("deal_spaces", "status", "shown", "interested", "touring", "rejected", "selected"),
    UniqueConstraint("deal_id", "space_id", name="deal_spaces_pair_key"),
    _belongs("deal_spaces", "deal_id", "deals", "deal"),
    _belongs("deal_spaces", "space_id", "spaces", "space"),
    Index("idx_deal_spaces_deal_id", "deal_id"),
    Index("idx_deal_spaces_space_id", "space_id"),
)

emails = Table(
    "emails",
    metadata,
    _id(),
    _workspace(),
    _number("deal_id"),
    _name("from"),
    _name("to"),
    _text("subject", required=True),
    _text("body", required=True),
    _at("sent_at"),
    _flag("ai_generated"),
    _object("ai_metadata"),
    Column("direction", String(10), nullable=False, server_default=text("'inbound'")),
    _text("message_id"),
    _text("in_reply_to"),
    _list("reference_ids"),
    _is("emails", "ai_metadata"),
    _is("emails", "reference_ids", "array"),
    _one_of("emails", "direction", "inbound", "outbound"),
    _referable("emails"),
    _belongs("emails", "deal_id", "deals", "deal"),
    Index("idx_emails_deal_id", "deal_id"),
    Index("idx_emails_sent_at", "sent_at"),
    Index("idx_emails_deal_sent", "deal_id", "sent_at"),
    Index(
        "emails_message_id_key",
        "workspace_id",
        "message_id",
        unique=True,
        postgresql_where=text("message_id is not null"),
    ),
)

inbound_emails = Table(
    "inbound_emails",
    metadata,
    Column("id", Uuid, primary_key=True),
    _workspace(root=True),
    _text("message_id", required=True),
    _text("in_reply_to"),
    _list("reference_ids"),
    _name("from"),
    _name("to"),
    _text("subject", required=True),
    _text("body", required=True),
    _at("sent_at", default=False),
    _at("received_at"),
    _name("source", 20),
    _flag("automatic"),
    _list("attachments"),
    _number("email_id", required=False),
    _text("unassigned_reason"),
    _list("candidates"),
    _version(),
    _is("inbound_emails", "reference_ids", "array"),
    _is("inbound_emails", "attachments", "array"),
    _is("inbound_emails", "candidates", "array"),
    _one_of("inbound_emails", "source", "cli", "http", "imap", "sql"),
    UniqueConstraint("workspace_id", "message_id", name="inbound_emails_message_id_key"),
    _belongs("inbound_emails", "email_id", "emails", "email"),
    CheckConstraint("email_id is null or unassigned_reason is null", name="inbound_emails_one_place"),
    Index(
        "idx_inbound_emails_unassigned",
        "workspace_id",
        "received_at",
        postgresql_where=text("unassigned_reason is not null"),
    ),
)

email_drafts = Table(
    "email_drafts",
    metadata,
    _id(),
    _workspace(),
    _number("deal_id"),
    _number("inbound_email_id"),
    _text("ai_generated_body", required=True),
    _text("edited_body"),
    _text("final_body"),
    _number("confidence_score"),
    Column("status", String(50), nullable=False, server_default=text("'pending'")),
    _object("reasoning"),
    _object("metadata"),
    _object("validation"),
    _number("regeneration_count", 0),
    _at("last_regeneration_at", required=False),
    _number("current_version", 0),
    _object("draft_versions"),
    _at("created_at"),
    _at("reviewed_at", required=False),
    _name("reviewed_by", required=False),
    _at("sent_at", required=False),
    _number("sent_email_id", required=False),
    _at("archived_at", required=False),
    _name("archived_by", required=False),
    _text("archive_reason"),
    _name("archived_from", 50, required=False),
    _text("approved_sha256"),
    _text("override_reason"),
    _version(),
    CheckConstraint("confidence_score between 0 and 100", name="email_drafts_confidence"),
    _one_of("email_drafts", "status", "pending", "approved", "sent", "archived"),
    _is("email_drafts", "reasoning"),
    _is("email_drafts", "metadata"),
    CheckConstraint(
        "validation is null or (coalesce(validation ->> 'status', '') in ('passed', 'warnings', 'failed') "
        "and coalesce(jsonb_typeof(validation -> 'issues'), '') = 'array')",
        name="email_drafts_validation",
    ),
    CheckConstraint("regeneration_count between 0 and 3", name="email_drafts_regenerations"),
    CheckConstraint("jsonb_typeof(draft_versions) = 'array'", name="email_drafts_versions"),
    _referable("email_drafts"),
    _belongs("email_drafts", "deal_id", "deals", "deal"),
    _belongs("email_drafts", "inbound_email_id", "emails", "inbound"),
    _belongs("email_drafts", "sent_email_id", "emails", "sent"),
    CheckConstraint(
        "draft_versions is null or (current_version >= 0 "
        "and final_body is not distinct from draft_versions -> current_version ->> 'body')",
        name="email_drafts_active_version",
    ),
    CheckConstraint(
        "status not in ('approved', 'sent') or (reviewed_at is not null and final_body is not null and "
        "approved_sha256 is not distinct from encode(sha256(convert_to(final_body, 'UTF8')), 'hex'))",
        name="email_drafts_approved_text",
    ),
    CheckConstraint(
        "status not in ('approved', 'sent') or coalesce(validation ->> 'status', 'failed') <> 'failed' "
        "or override_reason is not null",
        name="email_drafts_checked",
    ),
    CheckConstraint(
        "(sent_at is not null and sent_email_id is not null) "
        "= (status = 'sent' or archived_from is not distinct from 'sent')",
        name="email_drafts_sent",
    ),
    CheckConstraint(
        "(status = 'archived') = (archived_at is not null and archived_by is not null and archived_from is not null) "
        "and (status = 'archived' or archived_from is null) and archived_from in ('pending', 'approved', 'sent')",
        name="email_drafts_archived",
    ),
    Index("idx_email_drafts_deal_id", "deal_id"),
    Index("idx_email_drafts_inbound_email_id", "inbound_email_id"),
    Index("idx_email_drafts_status", "status"),
    Index("idx_email_drafts_deal_status", "deal_id", "status"),
    Index("idx_email_drafts_reasoning", "reasoning", postgresql_using="gin"),
    Index(
        "email_drafts_one_live_key",
        "inbound_email_id",
        unique=True,
        postgresql_where=text("status <> 'archived'"),
    ),
)

email_deliveries = Table(
    "email_deliveries",
    metadata,
    _id(),
    _workspace(),
    _number("draft_id"),
    _name("state", 20),
    _text("message_id", required=True),
    _name("sender"),
    _name("recipient"),
    _text("subject", required=True),
    _text("body", required=True),
    _text("body_sha256", required=True),
    _text("in_reply_to"),
    _list("reference_ids"),
    _number("tries", 0),
    _text("reply"),
    Column("task_id", Uuid),
    _name("resolved_by", required=False),
    _at("created_at"),
    _at("changed_at"),
    _one_of("email_deliveries", "state", "ready", "sending", "sent", "uncertain", "refused"),
    _is("email_deliveries", "reference_ids", "array"),
    UniqueConstraint("draft_id", "body_sha256", name="email_deliveries_text_key"),
    UniqueConstraint("workspace_id", "message_id", name="email_deliveries_message_id_key"),
    _belongs("email_deliveries", "draft_id", "email_drafts", "draft"),
    Index("email_deliveries_one_live_key", "draft_id", unique=True, postgresql_where=text("state <> 'refused'")),
    Index(
        "idx_email_deliveries_uncertain",
        "workspace_id",
        "changed_at",
        postgresql_where=text("state = 'uncertain'"),
    ),
)
