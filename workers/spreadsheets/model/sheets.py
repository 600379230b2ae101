"""Effects of what people do with sheets, columns and cells. Each leaves an audit row with its author."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from core import Effect

DEFAULT_WIDTH = 150


@dataclass(frozen=True, slots=True)
class CreateSpreadsheet(Effect):
    """A new sheet of the person who asks for it."""

    spreadsheet_id: UUID
    workspace_id: UUID
    name: str
    description: str | None = None
    default_rows: int = 8


@dataclass(frozen=True, slots=True)
class ChangeSpreadsheet(Effect):
    """Another name or description (None = as it is), or the end of a sheet."""

    entity: ClassVar[str | None] = "spreadsheets"
    key: ClassVar[tuple[str, ...]] = ("spreadsheet_id",)
    folds: ClassVar[bool] = False
    spreadsheet_id: UUID
    name: str | None = None
    description: str | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class AppendColumn(Effect):
    """A column behind the last one of a sheet, which is locked for it."""

    entity: ClassVar[str | None] = "spreadsheets"
    key: ClassVar[tuple[str, ...]] = ("spreadsheet_id",)
    folds: ClassVar[bool] = False
    spreadsheet_id: UUID
    column_id: UUID
    title: str
    width: int = DEFAULT_WIDTH
    operator: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    input_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeColumn(Effect):
    """What a column is from now on, as a whole; a new operator, configuration or input computes it anew."""

    entity: ClassVar[str | None] = "sheet_columns"
    key: ClassVar[tuple[str, ...]] = ("column_id",)
    column_id: UUID
    title: str
    width: int = DEFAULT_WIDTH
    is_visible: bool = True
    operator: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    input_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class DeleteColumn(Effect):
    """The end of a column; its cells and their history stay in the tables."""

    entity: ClassVar[str | None] = "sheet_columns"
    key: ClassVar[tuple[str, ...]] = ("column_id",)
    column_id: UUID


@dataclass(frozen=True, slots=True)
class PutCell(Effect):
    """What a person enters at a place; the cell is made where there is none."""

    entity: ClassVar[str | None] = "cells"
    key: ClassVar[tuple[str, ...]] = ("cell_id",)
    cell_id: UUID
    spreadsheet_id: UUID
    column_id: UUID
    row_number: int
    content: str | None
