"""What a PDF holds, and what was read from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Box(NamedTuple):
    """A rectangle of a page, in percent from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float


class Word(NamedTuple):
    """A word of a page; `sure` is 1 for a text layer, less for what was recognised in an image."""

    text: str
    box: Box
    sure: float = 1.0


class Cell(NamedTuple):
    """A cell of a table; one that is covered by a neighbour has no box."""

    text: str
    box: Box | None = None


Table = tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page: its words line by line, and the tables on it as rows of cells."""

    number: int
    lines: tuple[tuple[Word, ...], ...]
    tables: tuple[Table, ...] = ()
    recognised: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One field: what is written there, as it is stored, how sure that is (0 to 1), and where it stands."""

    value: str
    confidence: float
    page: int | None = None
    box: Box | None = None

    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = {"value": self.value, "confidence": round(self.confidence, 2)}
        if self.page is not None:
            told["page"] = self.page
        if self.box is not None:
            told["box"] = [round(each, 2) for each in self.box]
        return told


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read from a document by one profile. `outcome`: OK, PARTIAL, FAILED."""

    outcome: str
    fm_key: str = ""
    profile_version: int | None = None
    fields: dict[str, Found] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    pages: int = 0
