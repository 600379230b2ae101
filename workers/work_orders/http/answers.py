"""What the routes of the work orders give."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from core.web import Document, Model


class IngestedOrder(Model):
    """`status` is RECEIVED until the PDF has been read."""

    work_order_id: UUID
    source_id: UUID
    is_new: bool
    status: str


class IngestedSigned(Model):
    """`matched_work_order_id` is null while the document has no order; `reason` says why."""

    signed_document_id: UUID
    is_new: bool
    matched_work_order_id: UUID | None
    state: str
    reason: str | None


class IngestedLetter(Model):
    """One answer for each PDF of the message."""

    work_orders: list[IngestedOrder] = Field(default_factory=list)
    signed_documents: list[IngestedSigned] = Field(default_factory=list)


class ListedOrder(Model):
    """A work order as the preview shows it."""

    id: UUID
    workspace_id: UUID
    fm_key: str
    work_order_number: str | None
    status: str
    customer_name: str | None
    site_address: str | None
    due_on: date | None
    amount: str | None
    currency: str | None
    revision: int
    created_at: datetime
    source_type: str | None
    source_metadata: Document | None
    source_state: str | None
    signed_document_id: UUID | None
    export_status: str | None
    export_attempts: int | None
    export_error: str | None
    exported_at: datetime | None


class Preview(Model):
    """The newest 20 work orders, and how many exports are in which state."""

    work_orders: list[ListedOrder]
    exports: dict[str, int]


class Source(Model):
    """A PDF of an order, and how it was last read."""

    id: UUID
    source_type: str
    source_metadata: Document
    state: str
    revision: int | None
    size_bytes: int
    file_hash: str
    created_at: datetime
    read_by: str | None
    outcome: str | None
    fm_key: str | None
    profile_version: int | None
    fields: Document | None
    warnings: Document | None
    duration_ms: int | None


class Order(Model):
    """A work order with all it stands on."""

    id: UUID
    workspace_id: UUID
    fm_key: str
    work_order_number: str | None
    status: str
    revision: int
    version: int
    created_at: datetime
    updated_at: datetime
    fields: Document
    signed_document_id: UUID | None
    export_status: str | None
    export_error: str | None
    sources: list[Source]


class SignedDocument(Model):
    """A signed document, its order, and how it was last read. `reason` says why it has no order."""

    id: UUID
    workspace_id: UUID
    fm_key: str
    work_order_number: str | None
    state: str
    reason: str | None
    matched_work_order_id: UUID | None
    source_type: str
    source_metadata: Document
    signed_pdf_url: str | None
    signed_preview_image_url: str | None
    extraction_result: Document | None
    size_bytes: int
    file_hash: str
    created_at: datetime
    read_by: str | None
    outcome: str | None
    profile_version: int | None
    fields: Document | None
    warnings: Document | None
    duration_ms: int | None


class Review(Model):
    """An open question."""

    id: UUID
    workspace_id: UUID
    kind: str
    work_order_id: UUID | None
    work_order_number: str | None
    source_id: UUID | None
    signed_document_id: UUID | None
    details: Document
    created_at: datetime


class Reviews(Model):
    """Open questions."""

    reviews: list[Review]
    more: bool


class Export(Model):
    """The export of one row."""

    id: UUID
    workspace_id: UUID
    work_order_id: UUID
    work_order_number: str | None
    spreadsheet_id: str
    status: str
    attempts: int
    next_attempt_at: datetime
    last_error: str | None
    exported_at: datetime | None


class Exports(Model):
    """The export queue."""

    exports: list[Export]


class Processed(Model):
    """What came of them; `waiting` are those that no worker had finished in time."""

    processed: int
    failed: int
    quota_error: bool
    waiting: int


class Done(Model):
    """It is done."""

    id: UUID


class StoredProfile(Model):
    """A version of a profile."""

    workspace_id: UUID
    fm_key: str
    profile_version: int
    profile: Document
    created_at: datetime


class Profiles(Model):
    """All versions, the newest of each first."""

    profiles: list[StoredProfile]
