"""What a benchmark ran on: processor, memory, versions, settings. No names of machines or paths."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.server import BenchServer
from benchmarks.system import System
from core.settings import PROJECT


def describe(server: BenchServer, peers: list[System]) -> dict[str, Any]:
    """The machine and the software, for the tables and the document."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "commit": _commit(),
        "python": platform.python_version(),
        "asyncpg": version("asyncpg"),
        "uvloop": version("uvloop"),
        "postgresql": server.settings,
        "peers": {peer.name: peer.version for peer in peers},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    """The commit that was measured; a folder without git has none."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return ran.stdout.strip() or "unknown"
