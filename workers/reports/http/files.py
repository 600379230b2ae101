"""Files in, what became of them, and reading one again."""

from __future__ import annotations

import asyncio
import base64
from typing import Any
from uuid import UUID, uuid5

from core.web import Call, Document, Nothing, Refused, absent, route
from workers.reports import adapter
from workers.reports.http.models import (
    BODY_BYTES,
    Asked,
    AskedFiles,
    AskedRow,
    File,
    FileList,
    Received,
    Said,
    SentFile,
    SentFiles,
)
from workers.reports.http.seeing import team_id, team_row
from workers.reports.model import OpenIngestion, ReadAgain, Receive


@route(
    "POST", "/api/reports/files", scope="operate", status=202, body_bytes=BODY_BYTES, time_limit_s=60, refuses=(404,)
)
async def receive(call: Call[Nothing, SentFiles]) -> Received:
    """Takes files in: they lie in the blob store when this answers, and a worker reads them.

    A repeated request with the same Idempotency-Key takes nothing twice."""
    if reason := adapter.off():
        raise Refused(503, "switched_off", reason, retry_after_s=60)
    team, ingestion_id = await team_row(call, call.body.team), uuid5(call.command_id, "ingestion")
    sent = [_bytes_of(each, f"files.{at}") for at, each in enumerate(call.body.files)]
    blobs = await asyncio.gather(*(_kept(data) for data in sent))
    opened = OpenIngestion(ingestion_id, team["workspace_id"], team["id"], "http", call.actor.email, closed=True)
    files = [
        Receive(
            file_id=uuid5(call.command_id, f"file {at}"),
            ingestion_id=ingestion_id,
            name=each.name,
            blob_sha256=blob.sha256,
            blob_path=blob.path,
            size=blob.size,
            about=_about(each),
        )
        for at, (each, blob) in enumerate(zip(call.body.files, blobs, strict=True))
    ]
    told = [call.body.team, *([each.name, each.blob_sha256, each.about] for each in files)]
    await call.apply("reports.receive", [opened, *files], workspace_id=team["workspace_id"], content=told)
    return Received(ingestion_id=ingestion_id, file_ids=[each.file_id for each in files])


def _bytes_of(file: SentFile, where: str) -> bytes:
    if (file.content is None) == (file.content_base64 is None):
        told = "a file needs content or content_base64, and not both; send one of them"
        raise Refused(422, "content", told, field=where)
    _in_order(file, where)
    if file.content is not None:
        return file.content.encode()
    try:
        return base64.b64decode(file.content_base64 or "", validate=True)
    except ValueError:
        told = "this is no base64; send bytes in base64, or text as content"
        raise Refused(422, "content", told, field=f"{where}.content_base64") from None


def _in_order(said: Said, where: str) -> None:
    if said.week_end is not None and (said.week_start is None or said.week_end < said.week_start):
        told = "week_end needs a week_start that is not after it; correct one of them"
        raise Refused(422, "days", told, field=f"{where}.week_end".lstrip("."))


async def _kept(data: bytes) -> adapter.Blob:
    try:
        return await adapter.keep(data)
    except adapter.BlobsFailed as error:
        raise Refused(503, "blob_store", str(error), retry_after_s=10) from error


def _about(said: Said) -> dict[str, Any]:
    about = said.model_dump(mode="json", include={"kind", "author", "week_start", "week_end", "day_first"})
    return {name: value for name, value in about.items() if value not in {None, False}}


@route("GET", "/api/reports/files", scope="read", refuses=(404,))
async def list_files(call: Call[AskedFiles, Nothing]) -> FileList:
    """Received files, newest first, with what could not be read: reason and line."""
    asked = call.asked
    rows = await call.read(
        "http_files",
        workspaces=call.actor.visible,
        project_id=await team_id(call, asked.team),
        status=asked.status,
        before=asked.before,
        most=asked.limit + 1,
    )
    return FileList(files=[_shown(row) for row in rows[: asked.limit]], more=len(rows) > asked.limit)


def _shown(row: Any) -> File:
    return File(**{**row, "counts": Document(row["counts"]), "problems": Document(row["problems"])})


@route("POST", "/api/reports/files/{id}/again", scope="operate", status=202, refuses=(404, 409))
async def read_again(call: Call[AskedRow, Said]) -> Asked:
    """Reads a file once more, after a fix, or with what is now said about it."""
    file_id: UUID = call.asked.id
    rows = await call.read("http_file", id=file_id)
    if not rows:
        raise absent("file")
    call.need_workspace(rows[0]["workspace_id"], "file")
    _in_order(call.body, "")
    about = _about(call.body) or None
    await call.apply("reports.read_again", [ReadAgain(file_id, about)], workspace_id=rows[0]["workspace_id"])
    return Asked(id=file_id)
