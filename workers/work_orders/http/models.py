"""What the routes of the work orders take and give. Parameters of ingestion may be written in either case of the
documents: `workspace_id` or `workspaceId`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from core.web import Document, Model

UPLOAD_BYTES: Final = 25_000_000
UPLOAD_S: Final = 60.0
Text = Field(None, max_length=2000)


class _Either(Model):
    """Both ways of writing a name are taken."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Where(_Either):
    """A workspace, by its id or by its spreadsheet; a spreadsheet that is new makes a workspace of its own. Where both
    are given the id counts. `user_id` is taken and not used: the user of the token acts."""

    workspace_id: UUID | None = None
    spreadsheet_id: str | None = Field(None, min_length=1, max_length=200)
    user_id: str | None = Field(None, max_length=255)


class OrderParameters(Where):
    """Of a work order's PDF. With `parsed_work_order` the caller has read it himself."""

    source_type: Literal["GMAIL", "UPLOAD", "API"] = "UPLOAD"
    source_metadata: dict[str, Any] = Field(default_factory=dict)
    parsed_work_order: dict[str, Any] | None = None


class SignedParameters(Where):
    """Of a signed document. With a number or an extraction result the caller has read it himself."""

    source_type: Literal["GMAIL", "UPLOAD", "API"] = "UPLOAD"
    source_metadata: dict[str, Any] = Field(default_factory=dict)
    fm_key: str | None = Field(None, max_length=100)
    work_order_number: str | None = Field(None, max_length=200)
    extraction_result: dict[str, Any] | None = None
    signed_pdf_url: str | None = Text
    signed_preview_image_url: str | None = Text


class Letter(Where):
    """Of an `.eml` message: what its PDFs are."""

    kind: Literal["work_orders", "signed"] = "work_orders"


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


class AskedWorkspace(Model):
    """Of one workspace, or of all that you may see."""

    workspace_id: UUID | None = None


class AskedId(Model):
    """One thing."""

    id: UUID


class AskedReviews(AskedWorkspace):
    """The oldest first."""

    after: UUID | None = Field(None, description="The last id of the page before.")
    limit: int = Field(50, ge=1, le=200)


class AskedExports(AskedWorkspace):
    """The latest first."""

    status: Literal["PENDING", "PROCESSING", "DONE", "FAILED"] | None = None
    limit: int = Field(50, ge=1, le=200)


class AskedSignedPage(AskedId):
    """A page of a signed document."""

    page: int = Field(1, ge=1, le=50)


class AskedPage(AskedSignedPage):
    """A page of a work order's PDF: the newest one, unless a source is named."""

    source_id: UUID | None = None


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


class Decision(Model):
    """accepted = write what was read, and `fields` where they are given; kept = leave the order; dismissed = close."""

    decision: Literal["accepted", "kept", "dismissed"]
    fields: dict[str, str] = Field(default_factory=dict)


class Match(Model):
    """The order a signed document belongs to; `replace` takes the place of another document."""

    work_order_id: UUID
    replace: bool = False


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


class Process(Model):
    """How many jobs to process at most."""

    limit: int = Field(10, ge=1, le=1000)


class Processed(Model):
    """What came of them; `waiting` are those that no worker had finished in time."""

    processed: int
    failed: int
    quota_error: bool
    waiting: int


class Done(Model):
    """It is done."""

    id: UUID


class NewProfile(Model):
    """A facility manager's profile; the next version of it, where there is one."""

    workspace_id: UUID
    profile: dict[str, Any]


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
