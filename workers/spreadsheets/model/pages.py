"""Web pages in a sheet: the configuration of a column that fetches them, its task, and the intent before a fetch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core import Effect

Part = Literal["title", "description", "text", "links"]


class FetchPage(BaseModel):
    """Fetch the page whose address stands in the cell's input, and fill in what the column's configuration names."""

    cell_id: UUID


class Pages(BaseModel):
    """The configuration of a column filled in by `spreadsheets.fetch_page`. Its one input column holds the addresses.

    `outputs` says which column of the sheet gets which part of a page; these columns have no operator of their own.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    outputs: dict[Part, UUID] = Field(min_length=1)
    max_links: int = Field(default=50, ge=1, le=200)


@dataclass(frozen=True, slots=True)
class Page:
    """What was found on a page; links are whole addresses."""

    title: str | None
    description: str | None
    text: str | None
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BeginFetch(Effect):
    """The intent: this cell's page is being fetched, and its row has a cell in every output column."""

    entity: ClassVar[str | None] = "cells"
    key: ClassVar[tuple[str, ...]] = ("cell_id",)
    cell_id: UUID
    column_ids: tuple[UUID, ...]
    shown: dict[str, Any]
