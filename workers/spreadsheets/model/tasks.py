"""Payloads and effects: what comes in as a task, and what a decision writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from core import Effect


class TransformCell(BaseModel):
    """Compute one cell from its inputs, as its column is configured."""

    cell_id: UUID


class FillCells(BaseModel):
    """Compute many cells of one column together."""

    column_id: UUID
    cell_ids: tuple[UUID, ...] = Field(min_length=1, max_length=1000)


class ImportFile(BaseModel):
    """Append the rows of a file below `files_dir` to a sheet; unknown header names become columns."""

    spreadsheet_id: UUID
    file: str = Field(min_length=1, max_length=1000)


class ExportFile(BaseModel):
    """Write a sheet into a file below `files_dir`; its ending decides the format unless `format` says it."""

    spreadsheet_id: UUID
    file: str = Field(min_length=1, max_length=1000)
    format: Literal["xlsx", "csv"] | None = None


@dataclass(frozen=True, slots=True)
class SetCell(Effect):
    """What a cell holds from now on: entered `content`, what is `shown` for it, and its kind."""

    entity: ClassVar[str | None] = "cells"
    key: ClassVar[tuple[str, ...]] = ("cell_id",)
    cell_id: UUID
    content: str | None
    shown: dict[str, Any] | None = None
    cell_type: str = "text"


@dataclass(frozen=True, slots=True)
class AddColumn(Effect):
    """A plain column at the end of a sheet."""

    column_id: UUID
    spreadsheet_id: UUID
    position: int
    title: str


@dataclass(frozen=True, slots=True)
class AppendRows(Effect):
    """Rows below the last one of a sheet; each row holds one value per column of `column_ids`."""

    entity: ClassVar[str | None] = "spreadsheets"
    key: ClassVar[tuple[str, ...]] = ("spreadsheet_id",)
    folds: ClassVar[bool] = False
    bulk: ClassVar[bool] = True
    spreadsheet_id: UUID
    column_ids: tuple[UUID, ...]
    rows: tuple[tuple[str | None, ...], ...]
