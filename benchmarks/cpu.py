"""Who uses the processors: the whole machine, our own processes, the server's, and so everybody else's. Linux only;
elsewhere the answers are None."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Cpu:
    """Processor seconds since the machine started."""

    at: float
    busy: float
    harness: float
    server: float


@dataclass(frozen=True, slots=True)
class Used:
    """Processor seconds between two looks."""

    seconds: float
    harness: float  # workers, producers and the harness itself
    server: float
    foreign_share: float  # of all cores, 0 to 1


def look(server_pid: int | None, proc: Path = PROC) -> Cpu | None:
    """The processor seconds now; None where there is no /proc."""
    if not (proc / "stat").exists():
        return None
    times = _times(proc)
    return Cpu(
        at=float((proc / "uptime").read_text(encoding="ascii").split()[0]),
        busy=_busy(proc),
        harness=_tree(times, os.getpid()),
        server=0.0 if server_pid is None else _tree(times, server_pid),
    )


def used(before: Cpu, after: Cpu, cores: int = CORES) -> Used:
    """What was used between two looks; what is neither ours nor the server's is foreign."""
    seconds = max(after.at - before.at, 0.01)
    harness, server = after.harness - before.harness, after.server - before.server
    foreign = after.busy - before.busy - harness - server
    return Used(seconds, harness, server, min(max(foreign / (seconds * cores), 0.0), 1.0))


def _busy(proc: Path) -> float:
    """User, nice, system, interrupts and stolen time; not idle, not waiting for a disk."""
    fields = [int(word) for word in (proc / "stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _wait, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq + steal) / TICKS


def _times(proc: Path) -> dict[int, tuple[int, float]]:
    """Parent and processor seconds of each process, with those of its children that have ended."""
    found: dict[int, tuple[int, float]] = {}
    for folder in proc.iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            found[int(folder.name)] = (int(fields[1]), sum(int(word) for word in fields[11:15]) / TICKS)
    return found


def _tree(times: dict[int, tuple[int, float]], root: int) -> float:
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in times.items():
        children.setdefault(parent, []).append(pid)
    return sum(times[pid][1] for pid in _below(children, root) if pid in times)


def _below(children: dict[int, list[int]], root: int) -> Iterable[int]:
    yield root
    for child in children.get(root, []):
        yield from _below(children, child)


def resident_mb(pid: int, proc: Path = PROC) -> float:
    """The memory a process holds now, shared pages included, in MB."""
    pages = int((proc / str(pid) / "statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
