"""What every reader gives: records of cells, from a file that can be opened again and again, or a sentence."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from core import RowmillError

Record = Sequence[str | None]
Reader = Callable[[], Generator[Record]]  # every call reads from the start; closing the generator closes the file


class FileUnreadable(RowmillError):
    """The file cannot be read as a table; the message says why and what to do."""
