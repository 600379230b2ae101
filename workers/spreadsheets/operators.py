"""Thin: read, decide by a pure rule, return what is to be written. Files are opened in threads, through the adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson

from core import Cancel, Done, Enqueue, Fail, Outcome, Row, Snooze, Task, operator
from workers.spreadsheets import adapter, contact_steps, file_steps, page_steps  # noqa: F401 - they register steps
from workers.spreadsheets.calling import PATIENT, ask_model, call_api
from workers.spreadsheets.model import (
    AppendRows,
    ComputeFormulas,
    ComputeLookup,
    ExportFile,
    FetchPage,
    FillCells,
    ImportFile,
    SetCell,
    ShowValue,
    TransformCell,
    Value,
)
from workers.spreadsheets.rules import decisions, formulas, lookups, pages

EXPORT_PAGE_ROWS = 500
__all__ = ["ask_model", "call_api"]  # registered with these

CHUNK = 2000  # effects of one commit: a person's edit waits behind milliseconds


@operator(decisions.TRANSFORM, payload=TransformCell, concurrency=200, coalesce=True, on_stale="superseded")
async def transform(task: Task[TransformCell]) -> Outcome:
    """Fills one cell. Superseded is right here: the triggers enqueue a task for each change of an input, and runs of
    one cell never overlap, because only tasks of the cell's key compute."""
    return await _computed_cell(task)


@operator(decisions.CLASSIFY, payload=TransformCell, concurrency=200, coalesce=True, on_stale="superseded")
async def classify(task: Task[TransformCell]) -> Outcome:
    """Sorts one cell's text into a class. Superseded is right here as it is for transform."""
    return await _computed_cell(task)


async def _computed_cell(task: Task[TransformCell]) -> Outcome:
    cell_id = task.payload.cell_id
    if handed_over := decisions.handed_over(cell_id, task.concurrency_key, task.task_type):
        return handed_over
    columns = await task.read("column_of_cell", cell_id)
    if wait := decisions.waiting(
        columns
    ):  # asked before the cells are read: a fill that begins later sees more than we
        return wait
    return decisions.computed(task.task_type, cell_id, columns, await task.read("cell_with_inputs", cell_id))


@operator(decisions.FILL, payload=FillCells, concurrency=4)
async def fill_cells(task: Task[FillCells]) -> Outcome:
    """Fills many cells of a column: one commit, an audit row for each. A change of any of its inputs runs it again,
    in parts."""
    column, cells = task.payload.column_id, task.payload.cell_ids
    if task.run_no > task.attempts and len(cells) > decisions.UNDIVIDED:
        return decisions.parted(column, cells, task.concurrency_key)
    columns = await task.read("column", column)
    wanted = orjson.dumps([str(each) for each in cells]).decode()
    return decisions.filled(columns, await task.read("cells_to_fill", wanted))


@operator("spreadsheets.import_file", payload=ImportFile, concurrency=2, run_timeout_s=3600)
async def import_file(task: Task[ImportFile]) -> Outcome:
    """Appends a file's rows in chunks. Each chunk commits with the position after it, so that a run that dies half-way
    is followed by one that goes on there, and every row lands once."""
    sheet = task.payload.spreadsheet_id
    try:
        table = await asyncio.to_thread(adapter.open_table_below_root, task.workspace_id, task.payload.file)
    except (adapter.FileUnreadable, adapter.PathRefused) as error:
        return Fail(str(error))
    with table:
        mark = decisions.file_mark(table.size, table.mtime_ns, table.header)
        known = decisions.resumed(task.progress, mark)
        if isinstance(known, Fail):
            return known
        progress = known or await _begin(task, table.header, table.row_count, mark)
        if not progress:
            return Fail(f"there is no spreadsheet {sheet}; create it first")
        column_ids = tuple(UUID(each) for each in progress["column_ids"])
        size = decisions.chunk_rows(len(column_ids))
        while rows := await asyncio.to_thread(table.rows, progress["rows_done"], size):
            progress["rows_done"] += len(rows)
            await task.commit([AppendRows(sheet, column_ids, tuple(rows))], progress=progress)
    return Done(output={"rows": progress["rows_done"], "columns": len(column_ids)})


async def _begin(
    task: Task[ImportFile], header: tuple[str, ...], row_count: int, mark: dict[str, Any]
) -> dict[str, Any]:
    """Commits the sheet's new columns with the first position; {} where there is no such sheet."""
    sheet = task.payload.spreadsheet_id
    if not await task.read("sheet", sheet):
        return {}
    existing = await task.read("columns_of_sheet", sheet)
    places, added = decisions.import_columns(sheet, header, existing, [uuid4() for _ in header])
    column_ids = [str(place) for place in places]
    progress = {"column_ids": column_ids, "rows_done": 0, "rows_total": row_count, "file": mark}
    await task.commit(added, progress=progress)
    return progress


@operator("spreadsheets.export_file", payload=ExportFile, concurrency=2, run_timeout_s=3600)
async def export_file(task: Task[ExportFile]) -> Outcome:
    """Writes what a sheet shows. The file appears whole or not at all; doing it twice gives the same file."""
    sheet = task.payload.spreadsheet_id
    found = await task.read("sheet", sheet)
    if not found:
        return Fail(f"there is no spreadsheet {sheet}")
    columns = [row for row in await task.read("columns_of_sheet", sheet) if row["is_visible"]]
    column_ids = [row["id"] for row in columns]
    rows: list[tuple[int, str]] = []
    for first in range(1, found[0]["last_row"] + 1, EXPORT_PAGE_ROWS):
        page = await task.read("rows_of_sheet", sheet, first, first + EXPORT_PAGE_ROWS - 1)
        rows += [(row["row_number"], row["cells"]) for row in page]
    try:
        path = await asyncio.to_thread(
            adapter.write_below_root,
            task.workspace_id,
            task.payload.file,
            task.payload.format,
            [row["title"] for row in columns],
            _rows(rows, column_ids, found[0]["last_row"]),
        )
    except (adapter.PathRefused, adapter.TooLargeForXlsx) as error:
        return Fail(str(error))
    return Done(output={"file": str(path), "rows": found[0]["last_row"], "columns": len(columns)})


def _rows(found: list[tuple[int, str]], column_ids: list[UUID], last_row: int) -> Iterator[list[Value | None]]:
    """Every row up to the last one, blank ones included. The cells stay text until they are written."""
    by_number = dict(found)
    for number in range(1, last_row + 1):
        yield decisions.shown_row(orjson.loads(by_number.get(number, "{}")), column_ids)


@operator(pages.FETCH_PAGE, payload=FetchPage, concurrency=20, coalesce=True, on_stale="superseded", retry=PATIENT)
async def fetch_page(task: Task[FetchPage]) -> Outcome:
    """Fetches one page and fills its row in. Intent before, receipt after; no transaction is open in between.

    Superseded is right here: an edit of the address enqueues its own task. The output cells are no input.
    """
    cell_id = task.payload.cell_id
    if handed_over := decisions.handed_over(cell_id, task.concurrency_key, pages.FETCH_PAGE):
        return handed_over
    reads = (task.read(name, cell_id) for name in ("column_of_cell", "cell_with_inputs", "row_of_cell"))
    plan = pages.planned(cell_id, *await asyncio.gather(*reads))
    if not isinstance(plan, pages.Plan):
        return plan
    try:
        if wait_s := await adapter.take_turn(plan.address, task.take):
            return Snooze(wait_s, "waits for its turn at the host")
    except adapter.FetchRefused as reason:
        return Done(pages.refused(plan, str(reason), {}))
    await task.commit([plan.begun(task.now)])
    return await _fetched(task, plan.with_places(await task.read("row_of_cell", cell_id)))


async def _fetched(task: Task[FetchPage], plan: pages.Plan) -> Outcome:
    about: dict[str, Any] = {"at": task.now.isoformat()}
    try:
        found = await adapter.fetch(plan.address, task.take)
        about |= {"status": found.status, "url": found.url, "redirects": found.redirects}
        if (wrong := pages.answered(found.status)) is None:
            return pages.received(plan, await adapter.read_page(found, plan.max_links), about)
    except adapter.MustWait as early:
        return Snooze(early.seconds, str(early))
    except (adapter.FetchRefused, adapter.AsideFailed) as reason:
        return Done(pages.refused(plan, f"the page cannot be read: {reason}", about))
    except adapter.FetchFailed as reason:
        return await _later(task, pages.refused(plan, str(reason), about), str(reason))
    pause_s = pages.asks_for_mercy(found.status, found.retry_after_s)
    if pause_s is not None:
        await task.hold_off(adapter.host_limit(found.url), pause_s, wrong)
    if pages.may_pass(found.status):
        return await _later(task, pages.refused(plan, wrong, about), wrong, pause_s)
    return Done(pages.refused(plan, wrong, about))


async def _later(task: Task[FetchPage], at_last: list[SetCell], reason: str, after_s: float | None = None) -> Outcome:
    """Another try; the last one leaves its reason in the cell."""
    outcome = pages.given_up(reason, task.attempts, task.max_attempts, after_s)
    if isinstance(outcome, Fail):
        await task.commit(at_last)
    return outcome


@operator(formulas.FORMULA, payload=ComputeFormulas, concurrency=2, coalesce=True, run_timeout_s=60)
async def compute_formulas(task: Task[ComputeFormulas]) -> Outcome:
    """Computes a sheet's formulas and writes what shows otherwise than before.

    No version is compared: runs of one sheet follow each other, and a result that is older than the newest edit is
    written and followed by the next. So a computation slower than the edits still converges.
    """
    sheet = task.payload.spreadsheet_id
    if task.concurrency_key != formulas.key_of(sheet):
        return Done([Enqueue(formulas.FORMULA, {"spreadsheet_id": str(sheet)}, concurrency_key=formulas.key_of(sheet))])
    reads = (task.read(name, sheet) for name in ("formulas_of_sheet", "inputs_of_sheet", "columns_of_sheet", "sheet"))
    found, filled, columns, sheets = await asyncio.gather(*reads)
    if not sheets:
        return Cancel("the spreadsheet is gone")
    if missing := formulas.missing_cells(sheet, found, sheets[0]["last_row"]):
        await task.commit(missing)
        found = await task.read("formulas_of_sheet", sheet)
    question = formulas.question(found, filled)
    wanted = question.wanted(columns)
    values = await asyncio.gather(*(task.read("values_of_column", column["id"]) for column in wanted))
    changed, problem = await _computed(question, formulas.inputs(question, wanted, values))
    for start in range(0, len(changed) - CHUNK, CHUNK):
        await task.commit(changed[start : start + CHUNK])
    left = changed[(len(changed) - 1) // CHUNK * CHUNK :]
    if problem is not None:
        await task.commit(left)
        return Fail(problem)
    return Done(left, output={"formulas": question.count, "changed": len(changed)})


@operator(lookups.LOOKUP, payload=ComputeLookup, concurrency=2, coalesce=True, run_timeout_s=600)
async def compute_lookup(task: Task[ComputeLookup]) -> Outcome:
    """Compares a column of lookups with what it should show, as a set, and writes what differs.

    No version is compared: runs of one column follow each other, and each change enqueues one that reads after it.
    """
    column = task.payload.column_id
    if task.concurrency_key != lookups.key_of(column):
        return Done([Enqueue(lookups.LOOKUP, {"column_id": str(column)}, concurrency_key=lookups.key_of(column))])
    plan = lookups.planned(column, await task.read("plain_column", column), await task.read("lookup_sources", column))
    if not isinstance(plan, lookups.Plan):
        return plan
    changed = after = 0
    while found := await _different(task, plan, after):
        if blanks := lookups.blanks(found[0]["spreadsheet_id"], column, found):
            await task.commit(blanks)
            found = await _different(task, plan, after)
        await task.commit(lookups.changes([each for each in found if each["cell_id"] is not None]))
        changed, after = changed + len(found), found[-1]["row_number"] if found else after + lookups.PIECE
    return Done(output={"changed": changed})


async def _different(task: Task[ComputeLookup], plan: lookups.Plan, after: int) -> Sequence[Row]:
    asked = (plan.column_id, plan.match, plan.value, after, plan.missing, plan.problem, lookups.PIECE)
    return await task.read("lookup_differences", *asked)


async def _computed(question: formulas.Question, inputs: list[dict[str, Any]]) -> tuple[list[ShowValue], str | None]:
    """What is to be written, and what went wrong with the sheet as a whole."""
    problem = formulas.too_many(question, inputs)
    if problem is None:
        try:
            return formulas.changes(question, await adapter.calculate(inputs, question.asked())), None
        except adapter.AsideFailed as reason:
            problem = str(reason)
    return formulas.failed(question, problem), problem
