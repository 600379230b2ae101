"""Thin: read, decide by a pure rule, return what is to be written. Files are opened in threads, through the adapter."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import orjson

from core import Done, Fail, Outcome, Task, operator
from workers.spreadsheets import adapter
from workers.spreadsheets.model import AppendRows, ExportFile, ImportFile, TransformCell, Value
from workers.spreadsheets.rules import decisions

EXPORT_PAGE_ROWS = 500


@operator(decisions.TRANSFORM, payload=TransformCell, concurrency=200, coalesce=True, on_stale="superseded")
async def transform(task: Task[TransformCell]) -> Outcome:
    """Fills one cell. Superseded is right here: the triggers enqueue a task for each change of an input, and runs of
    one cell never overlap, because only tasks of the cell's key compute."""
    cell_id = task.payload.cell_id
    if handed_over := decisions.handed_over(cell_id, task.concurrency_key):
        return handed_over
    columns, cells = await asyncio.gather(task.read("column_of_cell", cell_id), task.read("cell_with_inputs", cell_id))
    return decisions.transformed(cell_id, columns, cells)


@operator("spreadsheets.import_file", payload=ImportFile, concurrency=2, run_timeout_s=3600)
async def import_file(task: Task[ImportFile]) -> Outcome:
    """Appends a file's rows in chunks. Each chunk commits with the position after it, so that a run that dies half-way
    is followed by one that goes on there, and every row lands once."""
    sheet = task.payload.spreadsheet_id
    try:
        table = await asyncio.to_thread(adapter.open_table_below_root, task.payload.file)
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
