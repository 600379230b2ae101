"""What the routes of deals take and give."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from core.web import Document, Model
from workers.deals.entries import DealChanges, Need, NewDeal, NewSpace, PlaceStatus, SpaceChanges, Stage

RowId = Annotated[int, Field(ge=1, le=2**31 - 1)]


class ById(Model):
    """Names a row."""

    id: RowId


class AskedDeals(Model):
    """The query of a list of deals."""

    needs: list[Need] = Field([], max_length=20, description="Flags of the requirements that must be true.")
    stage: Stage | None = None
    limit: int = Field(50, ge=1, le=200)
    before: RowId | None = Field(None, description="The last id of the page before.")


class AskedSpaces(Model):
    """The query of a search for spaces."""

    deal: RowId | None = Field(None, description="What fits this deal: its needs, its budget, its place.")
    has: list[Need] = Field([], max_length=20, description="Amenities that must be there.")
    limit: int = Field(50, ge=1, le=200)


class AskedMails(Model):
    """The query of the unassigned list."""

    limit: int = Field(50, ge=1, le=200)
    after: UUID | None = Field(None, description="The last id of the page before.")


class Versioned(Model):
    """The version of the row that the person saw."""

    version: int


class SpaceOfDeal(Model):
    """How far a space has come in a deal."""

    space_id: RowId
    status: PlaceStatus = "shown"


class Made(Model):
    """The id of what was made."""

    id: int


class Changed(Model):
    """`version` is that of the row after the change; the next change names it."""

    id: int
    version: int


class ListedDeal(Model):
    """A deal in a list; `to_review` counts its pending drafts."""

    id: int
    workspace_id: UUID
    seeker_name: str
    seeker_email: str
    company_name: str
    team_size: int
    monthly_budget: int
    requirements: Document
    stage: str
    version: int
    created_at: datetime
    to_review: int


class DealList(Model):
    """A page of deals."""

    deals: list[ListedDeal]
    more: bool


class Deal(Model):
    """A deal as a whole."""

    id: int
    workspace_id: UUID
    seeker_name: str
    seeker_email: str
    company_name: str
    team_size: int
    monthly_budget: int
    requirements: Document
    stage: str
    version: int
    created_at: datetime
    thread: Document
    spaces: Document
    drafts: Document


class ListedSpace(Model):
    """A space in a list."""

    id: int
    workspace_id: UUID
    name: str
    address: str
    neighborhood: str | None
    host_company: str
    amenities: Document
    availability: Document
    monthly_rate: int
    version: int


class SpaceList(Model):
    """Spaces, the cheapest first."""

    spaces: list[ListedSpace]


class Space(ListedSpace):
    """A space as a whole."""

    host_email: str
    host_context: str | None
    detailed_amenities: Document | None
    created_at: datetime


class NewMail(Model):
    """A whole mail as it came in (.eml), in base64."""

    eml_base64: Annotated[str, StringConstraints(min_length=1)]
    workspace_id: UUID | None = None


class TakenIn(Model):
    """Where a mail belongs is decided by a task; look at the deal, or at the unassigned list."""

    inbound_id: UUID


class ByMail(Model):
    """Names a mail that came in."""

    id: UUID


class Assignment(Model):
    """The deal that a mail belongs to."""

    deal_id: RowId


class UnassignedMail(Model):
    """A mail that waits for a person."""

    id: UUID
    workspace_id: UUID
    message_id: str
    from_address: str
    subject: str
    body: str
    sent_at: datetime
    received_at: datetime
    unassigned_reason: str
    candidates: Document
    version: int


class MailList(Model):
    """A page of the unassigned list. Of a text the first 10,000 characters."""

    mails: list[UnassignedMail]
    more: bool


class DealEntry(NewDeal, Model):
    """A deal as it is entered."""


class SpaceEntry(NewSpace, Model):
    """A space as it is entered."""


class DealChange(DealChanges, Versioned):
    """Of the deal in this version; what is not named stays."""


class SpaceChange(SpaceChanges, Versioned):
    """Of the space in this version; what is not named stays."""
