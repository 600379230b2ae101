"""The folder that files named in payloads live in; nothing outside it is ever opened for a task."""

from functools import cache
from pathlib import Path
from typing import Final
from uuid import UUID

from core.db.workspace import DEFAULT_WORKSPACE
from core.settings import Settings

OWN_FOLDERS: Final = frozenset({"blobs", "mail", "work-orders", "workspaces"})  # below the root; no payload names them


@cache
def files_root() -> Path:
    """The setting `files_dir` (`ROWMILL_FILES_DIR`), absolute. Read once per process."""
    return Settings().files_dir.absolute()


def folder_of(workspace_id: UUID | None) -> Path:
    """The folder of a workspace's files: the root for the default one, for any other a folder of its own below it."""
    if workspace_id in {None, DEFAULT_WORKSPACE}:
        return files_root()
    return files_root() / "workspaces" / str(workspace_id)
