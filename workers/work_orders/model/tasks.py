"""Payloads of the task types."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, Field


class ReadSource(BaseModel):
    """Read the PDF of a work order."""

    source_id: UUID


class ReadSigned(BaseModel):
    """Read a signed document."""

    signed_document_id: UUID


class ExportSheet(BaseModel):
    """Write all rows of a spreadsheet that are due."""

    spreadsheet_id: str = Field(min_length=1, max_length=500)


class CheckSheet(BaseModel):
    """Compare a spreadsheet with the rows."""

    spreadsheet_id: str = Field(min_length=1, max_length=500)


class ForgetOldRuns(BaseModel):
    """Delete extraction runs older than so many days, but for the newest of each document."""

    days: int = Field(90, ge=1, le=3650)
