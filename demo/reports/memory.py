"""How much memory the workers hold while they read: the peaks of the first and of the last third of the files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from core.queue.fleet import Fleet


@dataclass(slots=True)
class Peaks:
    """Megabytes of the largest worker, and of the largest process that reads files for one; 0 where nobody tells."""

    worker: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(3), 0))  # by third
    reader: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(3), 0))

    def look(self, fleet: Fleet, read: int, files: int) -> None:
        third = min(2, 3 * read // max(files, 1))
        for child in fleet.children.values():
            self.worker[third] = max(self.worker[third], _resident_mb(child.process.pid))
            sizes = [_resident_mb(pid) for pid in _children(child.process.pid)]
            self.reader[third] = max(self.reader[third], *sizes, 0)


def _resident_mb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return 0
    return max((int(line.split()[1]) // 1000 for line in lines if line.startswith("VmRSS")), default=0)


def _children(pid: int) -> Iterator[int]:
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return
    yield from map(int, listed.split())
