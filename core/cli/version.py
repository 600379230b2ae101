"""Which code this is: the release, and the git revision where the project is a git checkout."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from core.settings import PROJECT, Settings

SHOWN_DIGITS: Final = 9


def release() -> str:
    """The version of the installed package."""
    try:
        return version("rowmill")
    except PackageNotFoundError:  # run from a folder that was only copied
        return "unreleased"


def code_version(settings: Settings) -> str:
    """`ROWMILL_CODE_VERSION`, else `0.1.0+g1a2b3c4d5`, else `0.1.0`."""
    revision = git_revision(PROJECT / ".git")
    return settings.code_version or (f"{release()}+g{revision[:SHOWN_DIGITS]}" if revision else release())


def git_revision(place: Path) -> str | None:
    """The commit that is checked out. Reads the files: git may be missing, and refuses folders of other users."""
    try:
        head = (place / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head or None
        name = head.removeprefix("ref: ")
        if (place / name).exists():
            return (place / name).read_text(encoding="utf-8").strip()
        packed = (place / "packed-refs").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), None)
