"""Files from a disk into the blob store and the table of received files, in pieces, each whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

import orjson

from core.cli.door import Connection, counted, statements
from workers.reports import adapter
from workers.reports.cli.place import PACKAGE

ENDINGS: Final = frozenset({".md", ".markdown", ".txt", ".vtt", ".srt"})
PIECE: Final = 200  # files of one transaction
PIECE_BYTES: Final = 32_000_000  # held in memory at once
AT_ONCE: Final = 32  # blobs on their way, each waiting for the disk


@dataclass(frozen=True, slots=True)
class Found:
    """A file on the disk, and the name it is known by."""

    path: Path
    name: str


@dataclass(slots=True)
class Taken:
    """What has been taken so far, and what was not, with the reason."""

    files: int = 0
    known: int = 0
    skipped: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


def found_below(paths: Sequence[Path], taken: Taken) -> list[Found]:
    """The files named, and those below the folders named, sorted; hidden ones and other kinds are counted only."""
    found: dict[Path, Found] = {}
    for path in paths:
        if path.is_dir():
            for file in sorted(each for each in path.rglob("*") if each.is_file()):
                inside = file.relative_to(path)
                if file.suffix.lower() in ENDINGS and not any(part.startswith(".") for part in inside.parts):
                    found.setdefault(file.resolve(), Found(file, f"{path.resolve().name}/{inside.as_posix()}"))
                else:
                    taken.skipped += 1
        elif path.exists():
            found.setdefault(path.resolve(), Found(path, path.name))
        else:
            taken.refused.append((str(path), "it does not exist"))
    return list(found.values())


@dataclass(slots=True)
class Taker:
    """Takes files in for one ingestion. A file has the same id each time it is taken in the same ingestion, so that
    what was taken before a crash is not taken again. `watches`: nor is what was taken last under its name."""

    connection: Connection
    project_id: UUID
    ingestion_id: UUID
    about: dict[str, Any]
    watches: bool = False

    async def take(self, files: Sequence[Found], taken: Taken, step: Callable[[int], None]) -> None:
        """Raises BlobsFailed; what was taken until then stays, and the same command goes on there."""
        for piece in _pieces(files, taken):
            await self._take_piece(piece, taken)
            step(len(piece))

    async def _new(self, piece: Sequence[tuple[Found, bytes]]) -> list[tuple[UUID, Found, bytes]]:
        hashes = [hashlib.sha256(data).hexdigest() for _, data in piece]
        ids = [
            uuid5(self.ingestion_id, f"{each.name}\n{digest}") for (each, _), digest in zip(piece, hashes, strict=True)
        ]
        known = {row["id"] for row in await statements(PACKAGE)["cli_known"].fetch(self.connection, ids=ids)}
        last: set[tuple[str, str]] = set()
        if self.watches:
            asked = {"names": [each.name for each, _ in piece], "project_id": self.project_id}
            rows = await statements(PACKAGE)["cli_watched"].fetch(self.connection, **asked)
            last = {(row["name"], row["blob_sha256"]) for row in rows}
        return [
            (row_id, each, data)
            for row_id, digest, (each, data) in zip(ids, hashes, piece, strict=True)
            if row_id not in known and (each.name, digest) not in last
        ]

    async def _take_piece(self, piece: Sequence[tuple[Found, bytes]], taken: Taken) -> None:
        new = await self._new(piece)
        limit = asyncio.Semaphore(AT_ONCE)

        async def kept(data: bytes) -> adapter.Blob:
            async with limit:
                return await adapter.keep(data)

        blobs = await asyncio.gather(*(kept(data) for _, _, data in new))
        if new:
            await statements(PACKAGE)["cli_receive"].fetch(
                self.connection,
                project_id=self.project_id,
                ingestion_id=self.ingestion_id,
                about=orjson.dumps(self.about).decode(),
                ids=[row_id for row_id, _, _ in new],
                names=[each.name for _, each, _ in new],
                blob_sha256s=[blob.sha256 for blob in blobs],
                blob_paths=[blob.path for blob in blobs],
                sizes=[blob.size for blob in blobs],
            )
        taken.files += len(new)
        taken.known += len(piece) - len(new)


def _pieces(files: Sequence[Found], taken: Taken) -> Iterator[list[tuple[Found, bytes]]]:
    """Files with their bytes, so many at a time that memory stays flat."""
    piece: list[tuple[Found, bytes]] = []
    size = 0
    for each in files:
        data = _bytes_of(each, taken)
        if data is None:
            continue
        piece.append((each, data))
        size += len(data)
        if len(piece) >= PIECE or size >= PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _bytes_of(each: Found, taken: Taken) -> bytes | None:
    try:
        size = each.path.stat().st_size
        if size > adapter.LARGEST_FILE:
            taken.refused.append((each.name, f"it is larger than {adapter.LARGEST_FILE // 1_000_000} MB; split it"))
            return None
        return each.path.read_bytes()
    except OSError as error:
        taken.refused.append((each.name, f"it cannot be read ({error.strerror or error})"))
        return None


def told(taken: Taken) -> Iterator[str]:
    """Sentences about what was taken, and what was not."""
    yield f"{counted(taken.files, 'file')} received"
    if taken.known:
        yield f"{counted(taken.known, 'file')} had been received before"
    if taken.skipped:
        yield f"{counted(taken.skipped, 'other file')} skipped (only {', '.join(sorted(ENDINGS))})"
    for name, reason in taken.refused:
        yield f"{name} was not received: {reason}"
