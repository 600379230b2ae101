"""What the routes of drafts take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from core.web import Document, Model
from workers.deals.http.models import RowId, Versioned
from workers.deals.model import MAX_BODY

Why = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=MAX_BODY)]
Status = Literal["pending", "approved", "sent", "archived"]


class AskedDrafts(Model):
    """The query of a list of drafts."""

    status: Status = "pending"
    deal: RowId | None = None
    space: RowId | None = Field(None, description="Those whose reasoning stands on a fact of this space.")
    limit: int = Field(50, ge=1, le=200)
    before: RowId | None = None


class ListedDraft(Model):
    """A draft in a list."""

    id: int
    workspace_id: UUID
    deal_id: int
    status: str
    confidence_score: int
    validation: Document | None
    version: int
    current_version: int
    created_at: datetime
    reviewed_by: str | None
    archived_by: str | None
    archive_reason: str | None
    company_name: str
    seeker_email: str
    inbound_subject: str
    delivery: str | None


class DraftList(Model):
    """A page of drafts."""

    drafts: list[ListedDraft]
    more: bool


class Draft(Model):
    """A draft as a whole, with the mail it answers."""

    id: int
    workspace_id: UUID
    deal_id: int
    inbound_email_id: int
    ai_generated_body: str
    edited_body: str | None
    final_body: str | None
    confidence_score: int
    status: str
    reasoning: Document | None
    metadata: Document | None
    validation: Document | None
    regeneration_count: int
    last_regeneration_at: datetime | None
    current_version: int
    draft_versions: Document | None
    created_at: datetime
    reviewed_at: datetime | None
    reviewed_by: str | None
    sent_at: datetime | None
    sent_email_id: int | None
    archived_at: datetime | None
    archived_by: str | None
    archive_reason: str | None
    override_reason: str | None
    version: int
    company_name: str
    seeker_email: str
    inbound_subject: str
    inbound_body: str
    delivery: str | None
    message_id: str | None
    reply: str | None


class Approval(Versioned):
    """`override` approves a draft that failed the check; its words stand in the audit."""

    override: Why | None = None


class Edit(Versioned):
    """The whole new text."""

    body: Text


class Regeneration(Versioned):
    """What is to be different."""

    instruction: Why


class Switch(Versioned):
    """The version that becomes the active one."""

    to_version: int = Field(ge=0, le=10_000)


class Archival(Versioned):
    """Why it is not wanted."""

    reason: Annotated[str, StringConstraints(max_length=2000)] = ""


class Resolution(Versioned):
    """What became of a mail."""

    arrived: bool = Field(description="Whether the mail has reached its recipient, as a person found out.")


class Event(Model):
    """Something that happened to a draft."""

    id: UUID
    at: datetime
    action: str
    before: Document | None
    after: Document | None
    task_id: UUID | None
    command_id: UUID | None
    by: str | None


class History(Model):
    """Oldest first."""

    events: list[Event]


class Reason(Model):
    """Archived drafts of one reason."""

    reason: str
    archived_from: str
    drafts: int
    mean_confidence: float
    last_at: datetime


class Reasons(Model):
    """The most frequent first."""

    reasons: list[Reason]
