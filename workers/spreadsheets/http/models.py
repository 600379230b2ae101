"""What clients of the spreadsheets send and get."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from core.web import Document, Model

EDITS: Final = 500  # cells of one batch
NEW_ROWS: Final = 500
WINDOW_ROWS: Final = 1000
WINDOW_CELLS: Final = 20_000
ROW_LIMIT: Final = 2_000_000  # an export goes through every row up to the last one
CONTENT: Final = 50_000  # characters of a cell
COLUMNS: Final = 200  # of a new sheet
BODY_BYTES: Final = 4_000_000

State = Literal["ok", "blank", "stale", "error"]


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("it must not be blank")
    return text.strip()


Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_said)]
Content = Annotated[str, Field(max_length=CONTENT)] | None
RowNumber = Annotated[int, Field(ge=1, le=ROW_LIMIT)]
Width = Annotated[int, Field(ge=40, le=2000)]
Config = dict[str, Any]
Inputs = Annotated[list[UUID], Field(max_length=50)]


# --- what is asked ---------------------------------------------------------------------------------------------------


class AskedList(Model):
    """A page of a list."""

    limit: int = Field(50, ge=1, le=200)
    after: UUID | None = Field(None, description="The last id of the page before.")


class AskedSheet(Model):
    """One spreadsheet."""

    id: UUID


class AskedColumn(AskedSheet):
    """One column of it."""

    column_id: UUID


class AskedWindow(AskedSheet):
    """Some rows and columns of it."""

    first: RowNumber = 1
    last: RowNumber | None = Field(None, description="The last row; 100 rows when it is not given.")
    column: list[UUID] = Field(
        default_factory=list, max_length=COLUMNS, description="Columns to give; all when none is given."
    )


class AskedHistory(AskedSheet):
    """The past of one of its cells."""

    cell_id: UUID
    limit: int = Field(50, ge=1, le=200)
    before: UUID | None = Field(None, description="The last id of the page before.")


class AskedFeed(AskedSheet):
    """Its live feed."""

    token: str | None = Field(None, max_length=6000, description="Go on behind this one; without it, from now on.")
    first: RowNumber = 1
    last: RowNumber | None = None


# --- what is sent ----------------------------------------------------------------------------------------------------


class NewColumn(Model):
    """A column to be made."""

    title: Name
    width: Width = 150
    operator: str | None = Field(None, max_length=100, description="What fills the column in; none for a plain one.")
    config: Config = Field(default_factory=dict)
    inputs: Inputs = Field(default_factory=list)


class NewSheet(Model):
    """A spreadsheet to be made."""

    name: Name
    description: str | None = Field(None, max_length=10_000)
    workspace_id: UUID | None = None
    columns: list[Name] = Field(
        default_factory=lambda: ["A", "B"], max_length=COLUMNS, description="Titles of plain columns."
    )
    rows: int = Field(8, ge=1, le=10_000, description="Rows shown while there are fewer.")


class SheetChange(Model):
    """What is left out stays as it is."""

    name: Name | None = None
    description: str | None = Field(None, max_length=10_000)


class ColumnChange(Model):
    """What is left out stays as it is. `version` is the one that was read; another one by now refuses the change."""

    title: Name | None = None
    width: Width | None = None
    is_visible: bool | None = None
    operator: str | None = Field(None, max_length=100, description='"" makes it a plain column.')
    config: Config | None = None
    inputs: Inputs | None = None
    version: int | None = None


class NewRows(Model):
    """Rows below the last one. Each holds one value for each of `columns`; without columns `count` blank rows."""

    count: int = Field(1, ge=1, le=NEW_ROWS)
    columns: list[UUID] = Field(default_factory=list, max_length=COLUMNS)
    rows: list[list[Content]] = Field(default_factory=list, max_length=NEW_ROWS)


class CellEdit(Model):
    """One cell, by its id or by row and column. `version` is the one that was read, 0 where there was no cell."""

    cell_id: UUID | None = None
    row: RowNumber | None = None
    column_id: UUID | None = None
    content: Content
    version: int = Field(ge=0)


class CellEdits(Model):
    """A batch, written as a whole or not at all."""

    edits: list[CellEdit] = Field(min_length=1, max_length=EDITS)


# --- what comes back -------------------------------------------------------------------------------------------------


class ListedSheet(Model):
    """A spreadsheet in a list."""

    id: UUID
    workspace_id: UUID
    name: str
    description: str | None
    owner_id: UUID
    owner: str
    is_public: bool
    created_at: datetime
    updated_at: datetime
    columns: int


class SheetList(Model):
    """A page of spreadsheets."""

    sheets: list[ListedSheet]
    more: bool


class ShownColumn(Model):
    """A column: its operator fills it in from its inputs."""

    id: UUID
    position: int
    title: str
    width: int
    is_visible: bool
    operator: str | None
    config: Document
    version: int
    inputs: list[UUID]


class Sheet(Model):
    """A spreadsheet with its columns."""

    id: UUID
    workspace_id: UUID
    name: str
    description: str | None
    owner_id: UUID
    owner: str
    is_public: bool
    may_edit: bool
    rows: int
    version: int
    created_at: datetime
    updated_at: datetime
    columns: list[ShownColumn]


class Cell(Model):
    """`content` is what was entered, `value` what is shown where that differs, `state` whether it is being computed."""

    id: UUID
    column_id: UUID
    row: int
    content: str | None
    type: str
    version: int
    state: State
    value: str | None = None
    error: str | None = None
    input: str | None = None
    note: str | None = None


class Window(Model):
    """`token` is the place in the feed that these cells are from: a feed from there on misses nothing."""

    token: str
    first: int
    last: int
    cells: list[Cell]


class EditedCell(Model):
    """A cell behind an edit."""

    cell_id: UUID
    column_id: UUID
    row: int
    content: str | None
    version: int


class Edited(Model):
    """The cells of a batch, in its order."""

    cells: list[EditedCell]


class AddedRows(Model):
    """Where the new rows stand."""

    first_row: int
    last_row: int


class Done(Model):
    """What was made or changed."""

    id: UUID


class Author(Model):
    """Exactly one of a person, a run of a task, a login of the database."""

    user: UUID | None = None
    email: str | None = None
    task: UUID | None = None
    run: int | None = None
    operator: str | None = None
    sql_user: str | None = None


class PastChange(Model):
    """One change of a cell."""

    id: UUID
    at: datetime
    old: str | None
    new: str | None
    edit: str
    by: Author
    command_id: UUID | None


class History(Model):
    """A page of changes, newest first."""

    changes: list[PastChange]
    more: bool
