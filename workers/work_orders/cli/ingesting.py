"""Bringing documents in, and the profiles they are read by."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, cast

from cyclopts import Parameter
from pydantic import ValidationError

from core import RowmillError
from core.cli.door import Connection, DataDir, Json, ask, console, counted, print_json, progress_bar, table
from workers.work_orders import adapter
from workers.work_orders.cli.asking import User, Workspace, author, fetch, found_workspace
from workers.work_orders.model import Profile

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
    found = [each for file in files for each in _documents(file)]
    if not found:
        raise RowmillError("no file is named; name PDFs or .eml messages")

    async def write(connection: Connection) -> list[dict[str, Any]]:
        workspace_id = await found_workspace(connection, workspace, user)
        told = []
        with progress_bar("ingesting", len(found)) as bar:
            for name, data, metadata in found:
                kept = await adapter.blob_store().keep(data)
                given = {
                    "workspace_id": workspace_id,
                    "file_hash": kept.sha256,
                    "blob": kept.path,
                    "size_bytes": kept.size,
                    "source_type": "GMAIL" if "message_id" in metadata else "CLI",
                    "source_metadata": json.dumps(metadata),
                    "author": await author(connection, user),
                }
                told.append({"file": name, **await _written(connection, given, signed=signed)})
                bar.advance(1)
        return told

    told = ask(data_dir, write)
    if as_json:
        print_json({"ingested": told})
        return
    new = {True: "yes", False: "no"}
    rows = [(each["file"], each["id"], new[each["is_new"]], each["matched_work_order_id"]) for each in told]
    console().print(table(counted(len(rows), "document"), COLUMNS, rows, whole=("order or document",)))


async def _written(connection: Connection, given: dict[str, Any], *, signed: bool) -> dict[str, Any]:
    if not signed:
        [row] = await fetch(connection, "http_ingest_order", **given, fields=None)
        return {"id": row["work_order_id"], "is_new": row["is_new"], "matched_work_order_id": None}
    nothing = ("fm_key", "work_order_number", "extraction_result", "signed_pdf_url", "signed_preview_image_url")
    [row] = await fetch(connection, "http_ingest_signed", **given, **dict.fromkeys(nothing))
    matched = row["matched_work_order_id"]
    return {"id": row["signed_document_id"], "is_new": row["is_new"], "matched_work_order_id": matched}


def _documents(file: Path) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    data = _read(file)
    if file.suffix.lower() != ".eml":
        yield file.name, data, {"filename": file.name}
        return
    try:
        for each in adapter.attachments(data):
            yield f"{file.name}: {each.name}", each.data, each.metadata
    except adapter.NoLetter as reason:
        raise RowmillError(f"{file}: {reason}") from None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RowmillError(f"{file} cannot be read ({error.strerror}); check its name") from None


def _profile(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(_read(file))
        Profile.model_validate(document)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise RowmillError(f"{file}: {where}: {fault['msg']}; correct it") from None
    except ValueError as error:
        raise RowmillError(f"{file} is no JSON ({error}); correct it") from None
    return cast("dict[str, Any]", document)


def profile(
    *files: Annotated[Path, Parameter(name="FILE", help="Profiles as JSON.")],
    workspace: Workspace,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Store facility managers' profiles, each as the next version of its own."""
    found = [(each, _profile(each)) for each in files]

    async def write(connection: Connection) -> list[dict[str, Any]]:
        workspace_id = await found_workspace(connection, workspace, user)
        told = []
        for file, document in found:
            given = {"fm_key": document["fm_key"], "profile": json.dumps(document)}
            [row] = await fetch(connection, "http_save_profile", workspace_id=workspace_id, **given)
            told.append({"file": str(file), "fm_key": document["fm_key"], "version": row["profile_version"]})
        return told

    told = ask(data_dir, write)
    if as_json:
        print_json({"profiles": told})
    else:
        rows = [(each["file"], each["fm_key"], each["version"]) for each in told]
        console().print(table(counted(len(rows), "profile"), ("file", "facility manager", "version"), rows))


def try_profile(
    profile_file: Annotated[Path, Parameter(name="PROFILE", help="A profile as JSON.")],
    pdf: Annotated[Path, Parameter(name="PDF", help="A sample.")],
    /,
    *,
    as_json: Json = False,
) -> None:
    """Read a sample by a profile and show what was found where, without any database."""
    document, data = _profile(profile_file), _read(pdf)
    try:
        told = asyncio.run(adapter.read_pdf(data, [(document, 0)], None))
    except adapter.AsideFailed as reason:
        raise RowmillError(f"{pdf} cannot be read: {reason}; send it without what makes it so large") from None
    if as_json:
        print_json(told)
        return
    rows = [
        (name, each["value"], each["confidence"], each.get("page"), " ".join(map(str, each.get("box", ()))))
        for name, each in told["fields"].items()
    ]
    title = f"{told['outcome']}: {counted(len(rows), 'field')} of {pdf.name}"
    console().print(table(title, ("field", "value", "confidence", "page", "box (percent)"), rows))
    for warning in told["warnings"]:
        console().print(warning, soft_wrap=True, markup=False)
