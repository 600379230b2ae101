"""The proof: what every cell must hold, computed from the input file and the producer's log by code that knows nothing
of the engine, against what the database holds; and the audit, replayed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.expected import expected_row, read_rows

Row = Mapping[str, Any]


@dataclass(slots=True)
class Verdict:
    """What the proof found. `lost`: cells that differ from what they must hold; `doubled`: surplus audit rows of a
    (cell, task); `broken`: audit rows that do not continue their cell's history."""

    cells: int = 0
    lost: int = 0
    doubled: int = 0
    broken: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return self.cells > 0 and not (self.lost or self.doubled or self.broken)


def sources(contacts: Path, edits: Path) -> dict[int, dict[str, str | None]]:
    """The source cells by row number: the file, then every acknowledged edit in order."""
    rows = {number: dict(row) for number, row in enumerate(read_rows(contacts), start=1)}
    if edits.exists():
        for line in edits.read_text(encoding="utf-8").splitlines():
            edit = json.loads(line)
            rows[edit["row"]][edit["title"]] = edit["content"]
    return rows


def prove(contacts: Path, edits: Path, cells: Sequence[Row], events: Iterable[Row]) -> Verdict:
    """Compares cell by cell and replays the audit."""
    verdict = Verdict()
    held = {(cell["row_number"], cell["title"]): cell["content"] for cell in cells}
    for number, source in sources(contacts, edits).items():
        for title, content in {**source, **expected_row(source)}.items():
            verdict.cells += 1
            found = held.get((number, title))
            if found != content:
                verdict.lost += 1
                verdict.examples.append(f"row {number}, {title!r}: holds {found!r}, must hold {content!r}")
    _replay(verdict, cells, events)
    del verdict.examples[5:]
    return verdict


def _replay(verdict: Verdict, cells: Sequence[Row], events: Iterable[Row]) -> None:
    writes: Counter[tuple[Any, Any]] = Counter()
    value: dict[Any, str | None] = {}
    for event in events:
        cell = event["cell_id"]
        if event["task_id"] is not None:
            writes[cell, event["task_id"]] += 1
        verdict.broken += value.get(cell) != event["old_content"]
        value[cell] = event["new_content"]
    verdict.doubled = sum(count - 1 for count in writes.values())
    verdict.broken += sum(value.get(cell["id"]) != cell["content"] for cell in cells)
