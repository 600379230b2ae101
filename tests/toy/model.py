"""Payloads and effects of the toy domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from core import Effect


class SetPayload(BaseModel):
    row_id: int
    value: str


class CopyPayload(BaseModel):
    source: int
    target: int


class ActPayload(BaseModel):
    """What `toy.act` is to do: name of an action, and its argument."""

    act: str
    arg: Any = None


class NotePayload(BaseModel):
    note: str = Field(max_length=100_000)


@dataclass(frozen=True, slots=True)
class SetValue(Effect):
    entity: ClassVar[str | None] = "toy_rows"
    key: ClassVar[tuple[str, ...]] = ("row_id",)
    row_id: int
    value: str | None


@dataclass(frozen=True, slots=True)
class SetOnce(Effect):
    """Like SetValue, but two of them on one row do not fold."""

    entity: ClassVar[str | None] = "toy_rows"
    key: ClassVar[tuple[str, ...]] = ("row_id",)
    folds: ClassVar[bool] = False
    row_id: int
    value: str | None


@dataclass(frozen=True, slots=True)
class AddNote(Effect):
    note: str
