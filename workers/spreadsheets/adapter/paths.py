"""Where a file named by a user may lie: below the folder it belongs to, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from core import RowmillError


class PathRefused(RowmillError):
    """The name leads out of the folder it belongs to."""


def resolve(root: Path, name: str) -> Path:
    """The path of a file named by a user, certainly below `root`, symbolic links followed.

    Raises PathRefused for absolute names, `..`, links that lead out, and names no file can have. A link made between
    this check and the use is not covered: who can write below `root` is trusted that far.
    """
    parts = Path(name).parts
    if not name.strip() or "\x00" in name or Path(name).is_absolute() or ".." in parts:
        raise PathRefused(f"{name!r} is not a name inside the folder; use a plain name such as contacts.csv")
    try:
        base = root.resolve()
        found = (base / name).resolve()
    except (OSError, RuntimeError, ValueError) as reason:
        raise PathRefused(f"{name!r} cannot be followed; use a plain name such as contacts.csv") from reason
    if base not in found.parents:
        raise PathRefused(f"{name!r} leads out of the folder; put the file itself there")
    return found
