"""Formulas in a sheet: the configuration of a column of them, its task, and what a formula shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core import Effect


class ComputeFormulas(BaseModel):
    """Compute all formulas of a sheet and write what has changed."""

    spreadsheet_id: UUID


class Formulas(BaseModel):
    """The configuration of a column of formulas: what every row of the sheet computes in it unless something else is
    entered there; `{row}` stands for its number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    formula: str | None = Field(default=None, min_length=2, max_length=8192, pattern="^=")


@dataclass(frozen=True, slots=True)
class ShowValue(Effect):
    """What a formula shows. `content` is the formula it was computed from, `based_on` the revision of the sheet: it is
    written where the cell still holds that formula and shows nothing newer."""

    entity: ClassVar[str | None] = "cells"
    key: ClassVar[tuple[str, ...]] = ("cell_id",)
    cell_id: UUID
    content: str | None
    formatted_content: dict[str, Any]
    cell_type: str
    based_on: int


@dataclass(frozen=True, slots=True)
class AddBlankCells(Effect):
    """Blank cells where a column has none yet, so that its formula has a place to show its value."""

    spreadsheet_id: UUID
    column_id: UUID
    rows: tuple[int, ...]
