"""Thin: read, ask the outside, return what is to be written. What is to be decided is decided in `rules`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID

import orjson

from core import Backoff, Cancel, Done, Effect, Enqueue, Fail, Outcome, Retry, Row, Snooze, Task, operator
from workers.work_orders import adapter
from workers.work_orders.model import (
    BeginExport,
    CheckSheet,
    ExportSheet,
    FailExport,
    FinishExport,
    ForgetOldRuns,
    ForgetRuns,
    HoldExport,
    ReadSigned,
    ReadSource,
    RecordReading,
    RecordSigned,
    RestartExport,
    TakeUp,
)
from workers.work_orders.rules import decisions, exports

PATIENT = Backoff(base_s=2.0, limit_s=300.0)  # with the blob store
EXACT = Backoff(base_s=2.0, factor=2.0, limit_s=16.0, jitter=0.0)
JOBS = 1000  # of one export; due_jobs gives no more


@operator(decisions.READ, payload=ReadSource, concurrency=4, retry=PATIENT, max_attempts=5, run_timeout_s=120)
async def read(task: Task[ReadSource]) -> Outcome:
    """Reads a work order's PDF by its facility manager's profile. What cannot be read is a question for a person."""
    return await _read(task, "source_to_read", task.payload.source_id, decisions.recorded)


@operator(decisions.READ_SIGNED, payload=ReadSigned, concurrency=4, retry=PATIENT, max_attempts=5, run_timeout_s=120)
async def read_signed(task: Task[ReadSigned]) -> Outcome:
    """Reads the number of a signed document; matching follows in the same commit."""
    return await _read(task, "signed_to_read", task.payload.signed_document_id, decisions.recorded_signed)


async def _read(
    task: Task[Any],
    statement: str,
    document_id: UUID,
    recorded: Callable[[UUID, Mapping[str, Any], int], RecordReading | RecordSigned],
) -> Outcome:
    found = await task.read(statement, document_id)
    if not found:
        return Cancel("there is no such document")
    told = await _told(task, found[0])
    if isinstance(told, Retry):
        if task.attempts >= task.max_attempts:  # the task fails and may be retried; a person is asked all the same
            await task.commit([recorded(document_id, decisions.failed(told.reason), 0)])
        return told
    effect, number = recorded(document_id, *told), decisions.number_in(told[0])
    return Done([effect], output={"outcome": effect.outcome, "fm_key": effect.fm_key, "work_order_number": number})


async def _told(task: Task[Any], document: Row) -> tuple[dict[str, Any], int] | Retry:
    """What was read from a document's bytes, and how many milliseconds it took."""
    try:
        data = await adapter.blob_store().get(document["blob"])
    except adapter.BlobsFailed as reason:
        return Retry(str(reason))
    known = await profiles(task, document["workspace_id"])
    begun = monotonic()
    try:
        told = await adapter.read_pdf(data, known, document["sender"])
    except adapter.AsideFailed as reason:
        told = decisions.failed(f"the PDF cannot be read: {reason}")
    return told, int((monotonic() - begun) * 1000)


async def profiles(task: Task[Any], workspace_id: UUID) -> Sequence[tuple[Any, int]]:
    """The workspace's profiles with their versions."""
    rows = await task.read("profiles_of", workspace_id)
    return [(orjson.loads(row["profile"]), row["profile_version"]) for row in rows]


@operator(
    exports.EXPORT,
    payload=ExportSheet,
    concurrency=4,
    coalesce=True,
    retry=EXACT,
    max_attempts=exports.ATTEMPTS,
    run_timeout_s=200,
)
async def export(task: Task[ExportSheet]) -> Outcome:
    """Writes all rows of a spreadsheet that are due, with one read and one write. Intent before, receipt after; no
    transaction is open in between. Attempts are the jobs' own: this task has done its work when they know how it went.
    """
    spreadsheet_id = task.payload.spreadsheet_id
    key = exports.key_of(spreadsheet_id)
    if task.concurrency_key != key:
        return Done([Enqueue(exports.EXPORT, {"spreadsheet_id": spreadsheet_id}, concurrency_key=key)])
    jobs = await task.read("due_jobs", spreadsheet_id, None)
    if not jobs:
        return Done(output={"exported": 0})
    try:
        sheet = await _sheet(task, spreadsheet_id)
        await sheet.take_turn()
    except adapter.MustWait as early:
        return Snooze(early.seconds, f"waits for {spreadsheet_id}: {early}")
    except adapter.Unwritable as reason:
        return _not_exported(task, jobs, str(reason), for_good=True)
    await task.commit([BeginExport(job["id"]) for job in jobs])
    return await _exported(task, sheet, jobs)


async def _sheet(task: Task[Any], spreadsheet_id: str) -> adapter.Sheet:
    found = await task.read("sheet_of", spreadsheet_id)
    if not found:
        raise adapter.Unwritable("no workspace has this spreadsheet any more; correct its spreadsheet id, then retry")
    return adapter.sheet(spreadsheet_id, found[0]["sheet_name"], task.take)


async def _exported(task: Task[ExportSheet], sheet: adapter.Sheet, jobs: Sequence[Row]) -> Outcome:
    rows = [
        row for found in await asyncio.gather(*(task.read("export_row", job["id"]) for job in jobs)) for row in found
    ]
    try:
        await sheet.upsert(exports.HEADER, {str(row["id"]): exports.cells(row) for row in rows})
    except adapter.QuotaMet as reason:
        paused = await _paused(task, sheet, reason)
        await task.commit([HoldExport(job["id"], f"quota: {reason}") for job in jobs])
        return paused
    except adapter.MustWait as early:
        await task.commit([HoldExport(job["id"], str(early)) for job in jobs])
        return Snooze(early.seconds, f"waits for {task.payload.spreadsheet_id}: {early}")
    except adapter.SheetFailed as reason:
        return _not_exported(task, jobs, str(reason))
    except adapter.Unwritable as reason:
        return _not_exported(task, jobs, str(reason), for_good=True)
    effects = [FinishExport(row["job_id"], row["job_version"]) for row in rows]
    return Done([*effects, *_further(task, jobs)], output={"exported": len(rows)})


async def _paused(task: Task[Any], sheet: adapter.Sheet, reason: adapter.QuotaMet) -> Snooze:
    """Nobody writes to this spreadsheet before the next minute."""
    pause_s = exports.to_next_minute_s(task.now)
    await task.hold_off(sheet.limit, pause_s, str(reason))
    return Snooze(pause_s, f"{reason}; the spreadsheet is paused to the next minute")


def _not_exported(task: Task[ExportSheet], jobs: Sequence[Row], reason: str, *, for_good: bool = False) -> Done:
    delays = [None if for_good else exports.next_delay_s(job["attempts"] + 1) for job in jobs]
    effects = [FailExport(job["id"], reason, delay_s) for job, delay_s in zip(jobs, delays, strict=True)]
    return Done([*effects, *_further(task, jobs)], output={"failed": len(jobs)})


def _further(task: Task[ExportSheet], jobs: Sequence[Row]) -> list[Effect]:
    """A task for the jobs that did not fit into this run: their own was coalesced into it."""
    if len(jobs) < JOBS:
        return []
    return [Enqueue(exports.EXPORT, task.payload.model_dump(), concurrency_key=task.concurrency_key)]


@operator(exports.CHECK, payload=CheckSheet, concurrency=2, retry=PATIENT, run_timeout_s=200)
async def check_sheet(task: Task[CheckSheet]) -> Outcome:
    """Compares a sheet with the rows, which are right: what it lacks or shows otherwise is exported anew."""
    spreadsheet_id = task.payload.spreadsheet_id
    await task.commit([TakeUp()])
    try:
        sheet = await _sheet(task, spreadsheet_id)
    except adapter.Unwritable as reason:
        return Fail(str(reason))
    try:
        shown = await sheet.rows()
    except adapter.MustWait as early:
        return Snooze(early.seconds, f"waits for {spreadsheet_id}: {early}")
    except adapter.QuotaMet as reason:
        return await _paused(task, sheet, reason)
    except adapter.SheetFailed as reason:
        return Retry(str(reason))
    except adapter.Unwritable as reason:
        return Fail(str(reason))
    rows = {str(row["id"]): row for row in await task.read("rows_of_sheet", spreadsheet_id)}
    found = exports.compared(rows, shown)
    again = [rows[key]["job_id"] for key in (*found.missing, *found.different) if rows[key]["job_status"] == "DONE"]
    for start in range(0, len(again), JOBS):
        await task.commit([RestartExport(job_id) for job_id in again[start : start + JOBS]])
    counts = {"missing": len(found.missing), "different": len(found.different), "unknown": found.unknown}
    return Done(output={"rows": len(rows), **counts, "exported_anew": len(again)})


@operator(exports.FORGET, payload=ForgetOldRuns, concurrency=1, run_timeout_s=600)
async def forget_runs(task: Task[ForgetOldRuns]) -> Outcome:
    """Deletes extraction runs that are old and not the newest of their document."""
    return Done([ForgetRuns(task.now - timedelta(days=task.payload.days))])
