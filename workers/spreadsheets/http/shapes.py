"""What clients send and get about the shape of a sheet, its past, its sharing, and runs of its columns."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from core.web import Model
from workers.spreadsheets.http.models import AskedSheet, Config, Inputs, RowNumber

Ranges = Annotated[list[tuple[RowNumber, RowNumber]], Field(min_length=1, max_length=500)]
UNDONE = 500  # edits at once


class MovedColumn(Model):
    """In front of which column; behind the last one without."""

    before: UUID | None = None


class BlankRows(Model):
    """Blank rows in front of a row."""

    before: RowNumber
    count: int = Field(1, ge=1, le=10_000)


class SomeRows(Model):
    """Rows from one to another, both included."""

    first: RowNumber
    last: RowNumber


class MovedRows(SomeRows):
    """In front of which row they go."""

    before: RowNumber


class DeletedRows(SomeRows):
    """With `keep_gap` the rows below stay where they are."""

    keep_gap: bool = False


class ShapedRows(SomeRows):
    """How they are shown; what is left out stays as it is."""

    height: int | None = Field(None, ge=20, le=500, description="in pixels")
    is_visible: bool | None = None


class AskedDeletion(AskedSheet):
    """Rows that were deleted, by the id that deleting them gave."""

    event_id: UUID


class DeletedPart(Model):
    """A column or rows that can be brought back."""

    kind: Literal["column", "rows"]
    id: UUID
    title: str | None
    at: datetime
    first_row: int | None
    last_row: int | None


class DeletedParts(Model):
    """The newest first."""

    deleted: list[DeletedPart]


class ShapedRow(Model):
    """A row that is shown otherwise than the others."""

    row: int
    height: int | None
    is_visible: bool


class ShapedRowList(Model):
    """By their numbers."""

    rows: list[ShapedRow]


class Sharing(Model):
    """What is left out stays as it is."""

    is_public: bool | None = Field(None, description="whether everybody with a login may read it")
    owner: str | None = Field(None, max_length=255, description="the e-mail address of its new owner")


class Undo(Model):
    """Edits by their ids from the history, or all of one command, or of one task. `anyway` also overwrites what has
    changed since."""

    edits: list[UUID] = Field(default_factory=list, max_length=UNDONE)
    command: UUID | None = None
    task: UUID | None = None
    anyway: bool = False


class RunRequest(Model):
    """`rows` as pairs of first and last; all without. `only` those that hold nothing yet, or an error."""

    rows: Ranges | None = None
    only: Literal["all", "missing", "errors"] = "all"


class EstimateRequest(Model):
    """An existing column, or one as it is planned."""

    column_id: UUID | None = None
    config: Config = Field(default_factory=dict)
    inputs: Inputs = Field(default_factory=list)
    rows: Ranges | None = None


class Estimate(Model):
    """What a language-model column would ask. Tokens asked are guessed from the length of the prompts; tokens
    answered are the most that the configuration allows. `exact` is false where there are too many rows to look at
    each."""

    rows: int
    calls: int
    answered_already: int
    tokens_asked: int
    tokens_answered: int
    cost: float | None = Field(description="in the currency of the configured prices; null without them")
    budget: int
    used: int
    fits: bool
    exact: bool
    model: str | None = Field(description="null where no language model is set up")


class Budget(Model):
    """Tokens that the language-model columns of a sheet may use in all, and have used."""

    tokens: int = Field(ge=0, le=10**15)
    used: int = 0


class NewBudget(Model):
    """Another one."""

    tokens: int = Field(ge=0, le=10**15)
