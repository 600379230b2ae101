"""A column that looks values up in another: its configuration and its task."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from workers.spreadsheets.model.steps import Text


class ComputeLookup(BaseModel):
    """Compute a column of lookups and write what has changed."""

    column_id: UUID


class Lookup(BaseModel):
    """The configuration of a column filled in by `spreadsheets.lookup`.

    Its one input column holds what is looked for in the column `match` of the sheet; the cell shows what stands in the
    column `value` of the first row found. Upper and lower case and spaces at the ends do not matter. `missing` is shown
    for what is not there; without it the cell says so.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    spreadsheet_id: UUID
    match: UUID
    value: UUID
    missing: Text | None = None
