"""What may be written about deals. Each effect has its writer in `queries/`, and leaves an audit row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from core import Effect
from workers.deals.model.targets import OfDeal, OfDraft


@dataclass(frozen=True, slots=True)
class AddDeal(OfDeal):
    """A new deal; its id was drawn before."""

    deal_id: int
    workspace_id: UUID
    seeker_name: str
    seeker_email: str
    company_name: str
    team_size: int
    monthly_budget: int
    requirements: dict[str, Any]
    stage: str = "inquiry"


@dataclass(frozen=True, slots=True)
class ChangeDeal(OfDeal):
    """What a deal is from now on, as a whole."""

    deal_id: int
    seeker_name: str
    seeker_email: str
    company_name: str
    team_size: int
    monthly_budget: int
    requirements: dict[str, Any]
    stage: str
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class PlaceSpace(OfDeal):
    """A space of a deal, and how far it has come there."""

    deal_id: int
    space_id: int
    status: str


@dataclass(frozen=True, slots=True)
class AddSpace(Effect):
    """A new space; its id was drawn before."""

    entity: ClassVar[str | None] = "spaces"
    key: ClassVar[tuple[str, ...]] = ("space_id",)
    folds: ClassVar[bool] = False
    space_id: int
    workspace_id: UUID
    name: str
    address: str
    host_company: str
    host_email: str
    amenities: dict[str, bool]
    availability: dict[str, Any]
    monthly_rate: int
    neighborhood: str | None = None
    host_context: str | None = None
    detailed_amenities: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ChangeSpace(Effect):
    """What a space is from now on, as a whole."""

    entity: ClassVar[str | None] = "spaces"
    key: ClassVar[tuple[str, ...]] = ("space_id",)
    folds: ClassVar[bool] = False
    space_id: int
    name: str
    address: str
    host_company: str
    host_email: str
    amenities: dict[str, bool]
    availability: dict[str, Any]
    monthly_rate: int
    neighborhood: str | None = None
    host_context: str | None = None
    detailed_amenities: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class TakeIn(Effect):
    """A mail that has come in, once by its Message-ID; where it belongs is decided by a task."""

    inbound_id: UUID
    workspace_id: UUID
    message_id: str
    in_reply_to: str | None
    reference_ids: tuple[str, ...]
    from_address: str
    to_address: str
    subject: str
    body: str
    sent_at: datetime
    source: str
    automatic: bool = False
    attachments: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class FileEmail(Effect):
    """The mail belongs to this deal: it becomes a row of the thread, and a reply is drafted where one is wanted."""

    entity: ClassVar[str | None] = "inbound_emails"
    key: ClassVar[tuple[str, ...]] = ("inbound_id",)
    folds: ClassVar[bool] = False
    inbound_id: UUID
    deal_id: int
    how: str
    wants_draft: bool = True


@dataclass(frozen=True, slots=True)
class LeaveUnassigned(Effect):
    """Nobody can tell which deal it belongs to: it waits for a person."""

    entity: ClassVar[str | None] = "inbound_emails"
    key: ClassVar[tuple[str, ...]] = ("inbound_id",)
    folds: ClassVar[bool] = False
    inbound_id: UUID
    reason: str
    candidates: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DismissEmail(Effect):
    """A person says that it belongs to no deal: it leaves the unassigned list and is kept."""

    entity: ClassVar[str | None] = "inbound_emails"
    key: ClassVar[tuple[str, ...]] = ("inbound_id",)
    folds: ClassVar[bool] = False
    inbound_id: UUID


@dataclass(frozen=True, slots=True)
class SaveDraft(Effect):
    """A new draft, unless its mail has one already."""

    deal_id: int
    inbound_email_id: int
    body: str
    confidence: int
    reasoning: dict[str, Any]
    metadata: dict[str, Any]
    validation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AddVersion(OfDraft):
    """Another text, now the active one: made anew by an instruction, or edited by a person. It is pending again."""

    draft_id: int
    body: str
    confidence: int
    reasoning: dict[str, Any]
    metadata: dict[str, Any]
    validation: dict[str, Any]
    prompt: str | None = None
    edited_by: str | None = None


@dataclass(frozen=True, slots=True)
class SwitchVersion(OfDraft):
    """An earlier text becomes the active one, with its confidence, reasoning and metadata. It is pending again."""

    draft_id: int
    to_version: int
    validation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RecheckDraft(OfDraft):
    """What the check says now."""

    draft_id: int
    validation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CountRegeneration(OfDraft):
    """Takes one of the three, by the database's clock, before the work is enqueued."""

    draft_id: int
    instruction: str
    by: str


@dataclass(frozen=True, slots=True)
class UncountRegeneration(OfDraft):
    """Gives it back: the drafter failed for good."""

    draft_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class ApproveDraft(OfDraft):
    """This text was read and may be sent; the database compares the hash with what it holds."""

    draft_id: int
    by: str
    body_sha256: str
    validation: dict[str, Any]
    override_reason: str | None = None


@dataclass(frozen=True, slots=True)
class ArchiveDraft(OfDraft):
    """Out of the lists, with who, when and why; nothing is deleted."""

    draft_id: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class RestoreDraft(OfDraft):
    """Back to what it was before."""

    draft_id: int
    by: str


@dataclass(frozen=True, slots=True)
class OpenDelivery(OfDraft):
    """The mail as it will be sent, ready to go; one that was refused begins anew, as it would be sent now."""

    draft_id: int
    message_id: str
    sender: str
    recipient: str
    subject: str
    body: str
    body_sha256: str
    in_reply_to: str | None
    reference_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BeginDelivery(OfDraft):
    """The intent, committed before the server is called: from here on nobody knows until there is a receipt."""

    draft_id: int


@dataclass(frozen=True, slots=True)
class MoveDelivery(OfDraft):
    """Another state of the one delivery under way, and what the server said."""

    draft_id: int
    to_state: str
    reply: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class CompleteDelivery(OfDraft):
    """The mail has left: its row on the thread, the draft's `sent` and its `sent_email_id`, in one transaction."""

    draft_id: int
    ai_metadata: dict[str, Any] = field(default_factory=dict)
    reply: str = ""
    by: str | None = None
