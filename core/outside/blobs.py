"""The blob store: bytes under their own SHA-256, in a local folder or in a bucket. Knows no domain.

A blob is never changed and never deleted here. What `keep` has returned lies there whole: it was read back and hashed,
and in a local folder the file and its folders are on the disk.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, from_url

from core.errors import RowmillError
from core.settings import Settings

RETRIES: Final[Any] = {"max_retries": 2}


class BlobsFailed(RowmillError):
    """The store could not keep or give the bytes; the message says why."""


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that lie in the store: their hash, where, and how many."""

    sha256: str
    path: str
    size: int


class Blobs:
    """One store, by its URL: `s3://bucket/folder` (keys and endpoint from AWS_*), `file:///folder`, or a folder."""

    def __init__(self, url: str) -> None:
        local = url.removeprefix("file://") if "://" not in url or url.startswith("file://") else None
        self.folder = None if local is None else Path(local).absolute()
        self._url = url
        self._store: Any = None

    async def keep(self, data: bytes) -> Blob:
        """Writes the bytes once; the same bytes again change nothing. Raises BlobsFailed."""
        sha256 = hashlib.sha256(data).hexdigest()
        blob = Blob(sha256, f"sha256/{sha256[:2]}/{sha256}", len(data))
        try:
            await obstore.put_async(self._opened(), blob.path, data, mode="create")
        except AlreadyExistsError:
            pass
        except (BaseError, OSError) as error:
            raise BlobsFailed(f"the blob store cannot be written ({_said(error)}); check ROWMILL_BLOB_URL") from error
        if self.folder is not None:
            await asyncio.to_thread(_make_durable, self.folder / blob.path, self.folder)
        await self.get(blob.path)
        return blob

    async def get(self, path: str) -> bytes:
        """The bytes of a blob, whole. Raises BlobsFailed where they are not what their name says."""
        try:
            answer = await obstore.get_async(self._opened(), path)
            data = bytes(await answer.bytes_async())
        except FileNotFoundError as error:
            raise BlobsFailed(f"the blob store has no {path}; check ROWMILL_BLOB_URL") from error
        except (BaseError, OSError) as error:
            raise BlobsFailed(f"the blob store cannot be read ({_said(error)}); check ROWMILL_BLOB_URL") from error
        if hashlib.sha256(data).hexdigest() != path.rpartition("/")[2]:
            raise BlobsFailed(f"the blob {path} is damaged; put its file back from a backup")
        return data

    def _opened(self) -> Any:
        if self._store is None and self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._store = LocalStore(self.folder)
        elif self._store is None:
            self._store = from_url(self._url, retry_config=RETRIES)
        return self._store


@cache
def blob_store() -> Blobs:
    """The store of this installation (`ROWMILL_BLOB_URL`). Read once per process."""
    settings = Settings()
    return Blobs(settings.blob_url or str(settings.files_dir.absolute() / "blobs"))


def _make_durable(file: Path, root: Path) -> None:
    """On the disk: the file, and the entry of it and of each folder above it."""
    for place in (file, *(each for each in file.parents if each.is_relative_to(root))):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _said(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
