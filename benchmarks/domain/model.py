"""Payloads and the one effect of the bench domain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel

from core import Effect


class Nothing(BaseModel):
    """A number that nobody looks at."""

    n: int


class WriteCell(BaseModel):
    """A cell and what to write into it."""

    cell_id: int
    content: str


class ProbeCell(BaseModel):
    """`at`: the machine's monotonic clock just before the INSERT."""

    cell_id: int
    at: float


@dataclass(frozen=True, slots=True)
class SetBenchCell(Effect):
    """A cell's new content, audited."""

    entity: ClassVar[str | None] = "bench_cells"
    key: ClassVar[tuple[str, ...]] = ("cell_id",)
    cell_id: int
    content: str
