"""What the routes of the work orders take. Parameters of ingestion may be written in either case of the
documents: `workspace_id` or `workspaceId`."""

from __future__ import annotations

from typing import Any, Final, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from core.web import Model

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


class Decision(Model):
    """accepted = write what was read, and `fields` where they are given; kept = leave the order; dismissed = close."""

    decision: Literal["accepted", "kept", "dismissed"]
    fields: dict[str, str] = Field(default_factory=dict)


class Match(Model):
    """The order a signed document belongs to; `replace` takes the place of another document."""

    work_order_id: UUID
    replace: bool = False


class Process(Model):
    """How many jobs to process at most."""

    limit: int = Field(10, ge=1, le=1000)


class NewProfile(Model):
    """A facility manager's profile; the next version of it, where there is one."""

    workspace_id: UUID
    profile: dict[str, Any]
