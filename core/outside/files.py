"""The folder that files named in payloads live in; nothing outside it is ever opened for a task."""

from functools import cache
from pathlib import Path
from typing import Final
from uuid import UUID

from core.db.workspace import DEFAULT_WORKSPACE
from core.outside.blobs import blob_store
from core.settings import Settings

_OWN: Final = frozenset({"blobs", "mail", "work-orders", "workspaces"})  # below the root, by whatever case


@cache
def files_root() -> Path:
    """The setting `files_dir` (`ROWMILL_FILES_DIR`), absolute. Read once per process."""
    return Settings().files_dir.absolute()


def folder_of(workspace_id: UUID | None) -> Path:
    """The folder of a workspace's files: the root for the default one, for any other a folder of its own below it."""
    if workspace_id in {None, DEFAULT_WORKSPACE}:
        return files_root()
    return files_root() / "workspaces" / str(workspace_id)


def is_own(found: Path, root: Path) -> bool:
    """Whether a file below `root`, both without links, lies where Rowmill keeps what is its own: its folders there, and
    those of mails and blobs wherever below `root` the settings put them. No payload names them."""
    if found.relative_to(root).parts[0].casefold() in _OWN:
        return True
    kept = [each.resolve() for each in (Settings().mail_dir, blob_store().folder) if each is not None]
    return any(root in each.parents and found.is_relative_to(each) for each in kept)  # not a folder around the root
