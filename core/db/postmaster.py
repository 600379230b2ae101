"""What a data directory's postmaster.pid says, checked against the processes that really run.

Owns the difference between a server that runs, one that is starting and the leavings of one that was killed.
"""

import os
from contextlib import suppress
from enum import Enum
from pathlib import Path

PID_LINE, STATUS_LINE = 0, 7
PROCESSES = Path("/proc")


class State(Enum):
    """Absent also means: there is a pid file, but its process is gone, a zombie, or some other program."""

    ABSENT = "absent"
    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"


def state(data: Path) -> State:
    lines = _pid_file(data)
    if not lines or not runs_on(data, int(lines[PID_LINE])):
        return State.ABSENT
    status = lines[STATUS_LINE].strip() if len(lines) > STATUS_LINE else ""
    return {"ready": State.READY, "stopping": State.STOPPING}.get(status, State.STARTING)


def pid(data: Path) -> int | None:
    """Return the process id of the server that runs on this data directory, or None."""
    return int(_pid_file(data)[PID_LINE]) if state(data) is not State.ABSENT else None


def runs_on(data: Path, process: int) -> bool:
    """Tell whether this process is alive and works in this data directory, as every server process does.

    Its id alone proves nothing: it may be reused, it may stand in a copied directory's pid file, and a killed
    postmaster stays a zombie where process 1 reaps late or never.
    """
    if not PROCESSES.joinpath("self").exists():
        return runs(process)
    with suppress(OSError):
        return PROCESSES.joinpath(str(process), "cwd").samefile(data)  # a zombie has no working directory
    return False


def runs(process: int) -> bool:
    """Tell whether the process exists and is no zombie (where /proc shows that)."""
    try:
        os.kill(process, 0)
        status = PROCESSES.joinpath(str(process), "stat").read_text(encoding="utf-8", errors="replace")
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, so it exists
        return True
    except FileNotFoundError:
        return not PROCESSES.joinpath("self").exists()
    return status.rpartition(")")[2].split()[0] != "Z"


def remove_leavings(data: Path, sockets: Path) -> None:
    """Remove the lock files of a server that is gone: its process id, now somebody else's, would block the start."""
    for leaving in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock", sockets / ".s.PGSQL.5432"):
        leaving.unlink(missing_ok=True)


def _pid_file(data: Path) -> list[str]:
    with suppress(FileNotFoundError):
        lines = (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        if lines and lines[PID_LINE].strip().isdigit():
            return lines
    return []
