"""Payloads of the domain's tasks."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

# A task without a workspace belongs to the one made at install, as rowmill.default_workspace() has it.
DEFAULT_WORKSPACE = UUID("00000000-0000-4000-8000-000000000001")
RowId = Annotated[int, Field(ge=1, le=2**31 - 1)]


class ReceiveEmail(BaseModel):
    """Put a mail that has come in on its thread, or on the unassigned list."""

    inbound_id: UUID


class GenerateDraft(BaseModel):
    """Draft a reply to a mail of a deal."""

    email_id: RowId


class RegenerateDraft(BaseModel):
    """Draft it anew as a person asks. Our own door has counted it already; for any other it is counted first."""

    draft_id: RowId
    instruction: str = Field(min_length=1, max_length=2000)
    by: str = Field("", max_length=255)
    counted: bool = False


class SendDraft(BaseModel):
    """Send an approved draft, once."""

    draft_id: RowId


class PollMailbox(BaseModel):
    """Fetch what is new in the mailbox of the settings."""

    most: int = Field(50, ge=1, le=500)
