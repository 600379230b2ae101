"""Bringing documents in: PDFs, and messages with PDFs attached. A message without one keeps no other file out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from cyclopts import Parameter

from core import RowmillError
from core.cli.door import Connection, DataDir, Json, ask, console, counted, print_json, progress_bar, table
from workers.work_orders import adapter
from workers.work_orders.cli.asking import User, Workspace, author, fetch, found_workspace, read_file

MOST_BYTES = 25_000_000  # of one file, as over HTTP
Files = Annotated[Path, Parameter(name="FILE", help="PDF files, or .eml messages with PDFs attached.")]
COLUMNS = ("file", "order or document", "new", "matched")


def ingest(
    *files: Files,
    workspace: Workspace,
    user: User = None,
    signed: Annotated[bool, Parameter(help="They are signed documents, not work orders.")] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Take PDFs in. The same bytes a second time change nothing; workers read what is new."""
    _look_at(files)

    async def write(connection: Connection) -> tuple[list[dict[str, Any]], list[str]]:
        workspace_id = await found_workspace(connection, workspace, user)
        by = await author(connection, user)
        told, left = [], []
        with progress_bar("ingesting", len(files)) as bar:
            for file in files:
                try:
                    found = list(_documents(file))
                except adapter.NoLetter as reason:
                    left.append(f"{file}: {reason}")
                    found = []
                for name, data, metadata in found:
                    given = await _kept(workspace_id, data, metadata)
                    told.append({"file": name, **await _written(connection, {**given, "author": by}, signed=signed)})
                bar.advance(1)
        return told, left

    told, left = ask(data_dir, write)
    if as_json:
        print_json({"ingested": told, "left_out": left})
    elif told:
        new = {True: "yes", False: "no"}
        rows = [(each["file"], each["id"], new[each["is_new"]], each["matched_work_order_id"]) for each in told]
        console().print(table(counted(len(rows), "document"), COLUMNS, rows, whole=("order or document",)))
    if left:
        raise RowmillError("; ".join(left))


def _look_at(files: Iterable[Path]) -> None:
    """Whether all files can be taken, before the first one is. Raises RowmillError."""
    if not files:
        raise RowmillError("no file is named; name PDFs or .eml messages")
    for file in files:
        try:
            with file.open("rb"):
                size = file.stat().st_size
        except OSError as error:
            raise RowmillError(f"{file} cannot be read ({error.strerror}); check its name") from None
        if not size:
            raise RowmillError(f"{file} is empty; leave it out")
        if size > MOST_BYTES:
            raise RowmillError(f"{file} has {size:,} bytes and at most {MOST_BYTES:,} are taken; send the order alone")


def _documents(file: Path) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    data = read_file(file)
    if file.suffix.lower() != ".eml":
        yield file.name, data, {"filename": file.name}
        return
    for each in adapter.attachments(data):
        yield f"{file.name}: {each.name}", each.data, each.metadata


async def _kept(workspace_id: UUID | None, data: bytes, metadata: dict[str, Any]) -> dict[str, Any]:
    """The bytes in the blob store, and what the functions want to know of them."""
    kept = await adapter.blob_store().keep(data)
    return {
        "workspace_id": workspace_id,
        "file_hash": kept.sha256,
        "blob": kept.path,
        "size_bytes": kept.size,
        "source_type": "GMAIL" if "message_id" in metadata else "CLI",
        "source_metadata": json.dumps(metadata),
    }


async def _written(connection: Connection, given: dict[str, Any], *, signed: bool) -> dict[str, Any]:
    if not signed:
        [row] = await fetch(connection, "http_ingest_order", **given, fields=None)
        return {"id": row["work_order_id"], "is_new": row["is_new"], "matched_work_order_id": None}
    nothing = ("fm_key", "work_order_number", "extraction_result", "signed_pdf_url", "signed_preview_image_url")
    [row] = await fetch(connection, "http_ingest_signed", **given, **dict.fromkeys(nothing))
    matched = row["matched_work_order_id"]
    return {"id": row["signed_document_id"], "is_new": row["is_new"], "matched_work_order_id": matched}
