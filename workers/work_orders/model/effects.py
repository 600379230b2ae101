"""What is written: each effect calls the SQL function that every other way in calls as well."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from core import Effect


@dataclass(frozen=True, slots=True)
class IngestOrder(Effect):
    """A work order's PDF whose bytes lie in the blob store. With `fields` the caller has read it himself."""

    workspace_id: UUID
    file_hash: str
    blob: str
    size_bytes: int
    source_type: str
    source_metadata: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class IngestSigned(Effect):
    """A signed document, likewise."""

    workspace_id: UUID
    file_hash: str
    blob: str
    size_bytes: int
    source_type: str
    source_metadata: dict[str, Any] = field(default_factory=dict)
    fm_key: str | None = None
    work_order_number: str | None = None
    extraction_result: dict[str, Any] | None = None
    signed_pdf_url: str | None = None
    signed_preview_image_url: str | None = None


@dataclass(frozen=True, slots=True)
class RecordReading(Effect):
    """What our own reading of a source found: `fields` the plain values, `found` each with its place."""

    entity: ClassVar[str | None] = "work_order_sources"
    key: ClassVar[tuple[str, ...]] = ("source_id",)
    folds: ClassVar[bool] = False
    source_id: UUID
    outcome: str
    fm_key: str
    profile_version: int | None
    fields: dict[str, Any]
    found: dict[str, Any]
    warnings: tuple[str, ...]
    duration_ms: int


@dataclass(frozen=True, slots=True)
class RecordSigned(Effect):
    """The same of a signed document."""

    entity: ClassVar[str | None] = "signed_documents"
    key: ClassVar[tuple[str, ...]] = ("signed_document_id",)
    folds: ClassVar[bool] = False
    signed_document_id: UUID
    outcome: str
    fm_key: str
    profile_version: int | None
    work_order_number: str | None
    found: dict[str, Any]
    warnings: tuple[str, ...]
    duration_ms: int


@dataclass(frozen=True, slots=True)
class MatchSigned(Effect):
    """A person says which order a signed document belongs to."""

    entity: ClassVar[str | None] = "signed_documents"
    key: ClassVar[tuple[str, ...]] = ("signed_document_id",)
    folds: ClassVar[bool] = False
    signed_document_id: UUID
    work_order_id: UUID
    replace: bool = False


@dataclass(frozen=True, slots=True)
class ResolveReview(Effect):
    """A person answers a question: accepted, kept, dismissed. `fields` are his own values for an accepted one."""

    entity: ClassVar[str | None] = "work_order_reviews"
    key: ClassVar[tuple[str, ...]] = ("review_id",)
    folds: ClassVar[bool] = False
    review_id: UUID
    decision: str
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SaveProfile(Effect):
    """A new version of a facility manager's profile."""

    profile_id: UUID
    workspace_id: UUID
    fm_key: str
    profile: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BeginExport(Effect):
    """The intent, before the outside call: this job's row is being written."""

    entity: ClassVar[str | None] = "export_jobs"
    key: ClassVar[tuple[str, ...]] = ("job_id",)
    job_id: UUID


@dataclass(frozen=True, slots=True)
class FinishExport(Effect):
    """The receipt. A row that has changed since `exported_version` is to be done anew."""

    entity: ClassVar[str | None] = "export_jobs"
    key: ClassVar[tuple[str, ...]] = ("job_id",)
    job_id: UUID
    exported_version: int


@dataclass(frozen=True, slots=True)
class FailExport(Effect):
    """A failed attempt; the next one `delay_s` after it, or none. `at`: when it failed (None: now)."""

    entity: ClassVar[str | None] = "export_jobs"
    key: ClassVar[tuple[str, ...]] = ("job_id",)
    job_id: UUID
    error: str
    delay_s: float | None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HoldExport(Effect):
    """Not done, and no attempt used: the destination has asked for mercy."""

    entity: ClassVar[str | None] = "export_jobs"
    key: ClassVar[tuple[str, ...]] = ("job_id",)
    job_id: UUID
    error: str


@dataclass(frozen=True, slots=True)
class RestartExport(Effect):
    """A job begins anew, with fresh attempts."""

    entity: ClassVar[str | None] = "export_jobs"
    key: ClassVar[tuple[str, ...]] = ("job_id",)
    job_id: UUID


@dataclass(frozen=True, slots=True)
class ForgetRuns(Effect):
    """Deletes extraction runs from before a time, but for the newest of each document."""

    bulk: ClassVar[bool] = True
    before: datetime
