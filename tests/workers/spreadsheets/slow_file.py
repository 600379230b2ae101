"""A CSV file whose reader stands still in its thread until it is let go."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from workers.spreadsheets.adapter import csv_files, tables
from workers.spreadsheets.adapter.records import Reader, Record

LIMIT_S = 20.0


class SlowFile:
    """The first reading after the measuring one stops at its start: `reading` tells so, `go` lets it pass, `closed`
    tells that its file is closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reading, self.go, self.closed = threading.Event(), threading.Event(), threading.Event()
        honest, openings = csv_files.csv_reader, 0

        def csv_reader(path: Path, sample: bytes) -> Reader:
            opened = honest(path, sample)

            def records() -> Generator[Record]:
                nonlocal openings
                openings += 1
                yield from (self._slowly(opened()) if openings == 2 else opened())

            return records

        monkeypatch.setattr(tables, "csv_reader", csv_reader)

    def _slowly(self, records: Generator[Record]) -> Generator[Record]:
        self.reading.set()
        assert self.go.wait(LIMIT_S)
        try:
            yield from records
        finally:
            self.closed.set()
