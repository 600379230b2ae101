"""What an export asks of a sheet, and how it fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from workers.work_orders.rules.exports import Cell

Take = Callable[[str, float, float], Awaitable[float]]  # a limit's name, rate, burst: the seconds to wait


class SheetFailed(Exception):
    """The sheet was not written, or it is not known whether it was; trying again does no harm."""


class Unwritable(Exception):
    """The sheet cannot be written until somebody does something; the sentence says what."""


class QuotaMet(Exception):
    """The other side has had enough for this minute."""


class MustWait(Exception):
    """Our own limit: come back in so many seconds. Nothing was asked of the other side."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds


class Sheet(Protocol):
    """One sheet of a spreadsheet, its rows known by a key in the first column."""

    @property
    def limit(self) -> str:
        """The name under which this destination is paused."""
        ...

    async def take_turn(self) -> None:
        """The tokens of one export. Raises MustWait."""
        ...

    async def upsert(self, header: Sequence[str], rows: Mapping[str, Sequence[Cell]]) -> None:
        """Puts each row where its key stands, new ones below the last. Doing it again changes nothing."""
        ...

    async def rows(self) -> dict[str, list[Any]]:
        """All rows by key, for a comparison. Takes its own token."""
        ...
