"""What a producer was told, on disk before he believes it: ranges of numbers before they are sent, ids after their
commit was acknowledged. A range that was sent and never acknowledged is unknown: its tasks may be there.

A file of lines, each on the disk (fsync) before the producer goes on; a last line that a killed producer left
unfinished does not count."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID


class Ledger:
    """One producer's. Open it with `with` to write; reading needs no opening and may go on beside the writer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    def __enter__(self) -> Self:
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def sent(self, low: int, high: int) -> None:
        """These numbers, both included, are about to be sent."""
        self._write(f"sent {low} {high}")

    def acknowledged(self, ids: Sequence[UUID]) -> None:
        """The commit of these tasks was answered."""
        self._write(f"acked {' '.join(map(str, ids))}")

    def _write(self, line: str) -> None:
        assert self._file is not None
        os.write(self._file, f"{line}\n".encode())
        os.fsync(self._file)

    def acked(self) -> list[UUID]:
        return [UUID(word) for kind, words in self._lines() if kind == "acked" for word in words]

    def sent_ranges(self) -> list[tuple[int, int]]:
        """What was sent; ranges that follow each other are one, since each task is compared with each range."""
        ranges: list[tuple[int, int]] = []
        for low, high in ((int(words[0]), int(words[1])) for kind, words in self._lines() if kind == "sent"):
            before = ranges.pop() if ranges and ranges[-1][1] == low - 1 else (low, low)
            ranges.append((before[0], high))
        return ranges

    def _lines(self) -> Iterator[tuple[str, list[str]]]:
        if not self.path.exists():
            return
        whole, _, _ = self.path.read_text(encoding="ascii").rpartition("\n")
        for line in whole.splitlines():
            kind, *words = line.split()
            yield kind, words
