"""Effects of what people do with the shape of a sheet, with runs of its columns and with its past. Each leaves one
audit row, whatever it moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from core import Effect


class OfSheet(Effect):
    """Locks the sheet; another of the same batch waits."""

    __slots__ = ()
    entity: ClassVar[str | None] = "spreadsheets"
    key: ClassVar[tuple[str, ...]] = ("spreadsheet_id",)
    folds: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class MoveColumn(OfSheet):
    """Puts a column in front of another, or behind the last one."""

    spreadsheet_id: UUID
    column_id: UUID
    before_id: UUID | None


@dataclass(frozen=True, slots=True)
class RestoreColumn(OfSheet):
    """Brings a deleted column back, with its cells, behind the last one. What filled it in is configured anew."""

    spreadsheet_id: UUID
    column_id: UUID


@dataclass(frozen=True, slots=True)
class InsertRows(OfSheet):
    """Blank rows in front of a row; those from there on move down."""

    spreadsheet_id: UUID
    first_row: int
    count: int


@dataclass(frozen=True, slots=True)
class MoveRows(OfSheet):
    """Puts rows in front of another row."""

    spreadsheet_id: UUID
    first_row: int
    last_row: int
    before_row: int


@dataclass(frozen=True, slots=True)
class DeleteRows(OfSheet):
    """Takes rows out of the sheet; those below move up unless the gap is kept. `event_id` names them: they can be
    brought back."""

    spreadsheet_id: UUID
    event_id: UUID
    first_row: int
    last_row: int
    keep_gap: bool


@dataclass(frozen=True, slots=True)
class RestoreRows(OfSheet):
    """Brings deleted rows back to where they stood."""

    spreadsheet_id: UUID
    event_id: UUID
    first_row: int
    last_row: int
    keep_gap: bool


@dataclass(frozen=True, slots=True)
class ShapeRows(OfSheet):
    """How rows are shown; None leaves it as it is."""

    spreadsheet_id: UUID
    first_row: int
    last_row: int
    height: int | None
    is_visible: bool | None


@dataclass(frozen=True, slots=True)
class ShareSpreadsheet(OfSheet):
    """Who may see a sheet and whose it is; None leaves it as it is."""

    spreadsheet_id: UUID
    is_public: bool | None
    new_owner: UUID | None


@dataclass(frozen=True, slots=True)
class RunColumn(OfSheet):
    """Computes a column, or some rows of it (`ranges`, a multirange; None = all). `only`: all, missing or errors."""

    spreadsheet_id: UUID
    column_id: UUID
    ranges: str | None
    only: str


@dataclass(frozen=True, slots=True)
class CancelColumn(OfSheet):
    """Ends what is waiting or under way for a column; what it has filled in stays."""

    spreadsheet_id: UUID
    column_id: UUID


@dataclass(frozen=True, slots=True)
class UndoEdit(Effect):
    """What a cell held before an edit. An edit like any other, with a name of its own."""

    entity: ClassVar[str | None] = "cells"
    key: ClassVar[tuple[str, ...]] = ("cell_id",)
    cell_id: UUID
    content: str | None
