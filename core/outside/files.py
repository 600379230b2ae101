"""The folder that files named in payloads live in; nothing outside it is ever opened for a task."""

from functools import cache
from pathlib import Path

from core.settings import Settings


@cache
def files_root() -> Path:
    """The setting `files_dir` (`ROWMILL_FILES_DIR`), absolute. Read once per process."""
    return Settings().files_dir.absolute()
