"""Payloads and effects of the torture domain. `n` is the number that the producer's ledger knows a task by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, Field

from core import Effect


class Work(BaseModel):
    """Takes `ms`, then marks; sets a slot where one is named."""

    n: int
    ms: float = Field(0.0, ge=0, le=60_000)
    slot: int | None = None


class Chunks(BaseModel):
    """Marks 0 .. chunks - 1, each in a commit of its own."""

    n: int
    chunks: int = Field(ge=1, le=100)
    ms: float = 0.0


class Act(BaseModel):
    """Does something harmful, or waits; then marks."""

    n: int
    act: str
    arg: Any = None


@dataclass(frozen=True, slots=True)
class Mark(Effect):
    """A row in `torture_effects`."""

    n: int


@dataclass(frozen=True, slots=True)
class SetSlot(Effect):
    """A hot row, written by many tasks; each write leaves its row in `torture_edits`."""

    entity: ClassVar[str | None] = "torture_slots"
    key: ClassVar[tuple[str, ...]] = ("slot",)
    slot: int
    value: str
