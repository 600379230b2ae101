"""The shape of a sheet: columns and rows are moved, inserted, shown otherwise, deleted and brought back."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from core.web import Call, Nothing, Refused, absent, route
from workers.spreadsheets.http.models import AskedColumn, AskedSheet, Done
from workers.spreadsheets.http.seeing import live_columns, own_sheet, seen_sheet
from workers.spreadsheets.http.shapes import (
    AskedDeletion,
    BlankRows,
    DeletedPart,
    DeletedParts,
    DeletedRows,
    MovedColumn,
    MovedRows,
    ShapedRow,
    ShapedRowList,
    ShapedRows,
    SomeRows,
)
from workers.spreadsheets.http.sheets import part_id
from workers.spreadsheets.model.structure import (
    DeleteRows,
    InsertRows,
    MoveColumn,
    MoveRows,
    RestoreColumn,
    RestoreRows,
    ShapeRows,
)

MOVED_CELLS: Final = 200_000
END: Final = 2_000_000
SHAPED: Final = 1000


@route("POST", "/api/spreadsheets/{id}/columns/{column_id}/move", scope="operate", refuses=(404, 409))
async def move_column(call: Call[AskedColumn, MovedColumn]) -> Done:
    """Puts a column in front of another, or behind the last one. Formulas read by position and are computed anew."""
    asked, before = call.asked, call.body.before
    sheet, columns = await own_sheet(call, asked.id), await live_columns(call, asked.id)
    if asked.column_id not in columns:
        raise absent("column")
    if before is not None and before not in columns:
        raise Refused(422, "unknown_column", f"the sheet has no column {before}; read it again", field="before")
    if before != asked.column_id:
        move = MoveColumn(asked.id, asked.column_id, before)
        await call.apply("spreadsheets.move_column", [move], workspace_id=sheet["workspace_id"])
    return Done(id=asked.column_id)


@route("GET", "/api/spreadsheets/{id}/deleted", scope="read", refuses=(404,))
async def list_deleted(call: Call[AskedSheet, Nothing]) -> DeletedParts:
    """Deleted columns and rows that can be brought back, the newest first."""
    await seen_sheet(call, call.asked.id)
    rows = await call.read("http_deleted", spreadsheet_id=call.asked.id)
    return DeletedParts(deleted=[DeletedPart(**_part(row)) for row in rows])


def _part(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in ("kind", "id", "title", "at", "first_row", "last_row")}


@route("POST", "/api/spreadsheets/{id}/columns/{column_id}/restore", scope="operate", refuses=(404, 409))
async def restore_column(call: Call[AskedColumn, Nothing]) -> Done:
    """Brings a deleted column back behind the last one, with its cells and their history, as a plain column."""
    sheet, asked = await own_sheet(call, call.asked.id), call.asked
    await _deleted(call, "column", asked.column_id)
    restore = RestoreColumn(asked.id, asked.column_id)
    await call.apply("spreadsheets.restore_column", [restore], workspace_id=sheet["workspace_id"])
    return Done(id=asked.column_id)


@route("POST", "/api/spreadsheets/{id}/rows/insert", scope="operate", status=201, refuses=(404, 409))
async def insert_rows(call: Call[AskedSheet, BlankRows]) -> SomeRows:
    """Inserts blank rows in front of a row; those from there on move down."""
    sheet, body = await own_sheet(call, call.asked.id), call.body
    await _movable(call, body.before, END)
    insert = InsertRows(call.asked.id, body.before, body.count)
    await call.apply("spreadsheets.insert_rows", [insert], workspace_id=sheet["workspace_id"])
    return SomeRows(first=body.before, last=body.before + body.count - 1)


@route("POST", "/api/spreadsheets/{id}/rows/move", scope="operate", refuses=(404, 409))
async def move_rows(call: Call[AskedSheet, MovedRows]) -> SomeRows:
    """Puts rows in front of another row, with everything that stands in them."""
    sheet, body = await own_sheet(call, call.asked.id), call.body
    _in_order(body)
    if body.first <= body.before <= body.last + 1:
        return SomeRows(first=body.first, last=body.last)
    await _movable(call, min(body.first, body.before), max(body.last, body.before - 1))
    move = MoveRows(call.asked.id, body.first, body.last, body.before)
    await call.apply("spreadsheets.move_rows", [move], workspace_id=sheet["workspace_id"])
    rows = body.last - body.first + 1
    first = body.before if body.before < body.first else body.before - rows
    return SomeRows(first=first, last=first + rows - 1)


@route("POST", "/api/spreadsheets/{id}/rows/delete", scope="operate", refuses=(404, 409))
async def delete_rows(call: Call[AskedSheet, DeletedRows]) -> Done:
    """Takes rows out of the sheet; their cells and history are kept. The id that comes back brings the rows back."""
    sheet, body = await own_sheet(call, call.asked.id), call.body
    _in_order(body)
    await _movable(call, body.first, body.last if body.keep_gap else END)
    event_id = part_id(call.command_id, "deleted rows")
    delete = DeleteRows(call.asked.id, event_id, body.first, body.last, body.keep_gap)
    await call.apply("spreadsheets.delete_rows", [delete], workspace_id=sheet["workspace_id"])
    return Done(id=event_id)


@route("POST", "/api/spreadsheets/{id}/rows/restore/{event_id}", scope="operate", refuses=(404, 409))
async def restore_rows(call: Call[AskedDeletion, Nothing]) -> SomeRows:
    """Brings deleted rows back to where they stood."""
    sheet = await own_sheet(call, call.asked.id)
    row = await _deleted(call, "rows", call.asked.event_id)
    first, last, keep_gap = row["first_row"], row["last_row"], row["keep_gap"]
    if not keep_gap:
        await _movable(call, first, END)
    restore = RestoreRows(call.asked.id, call.asked.event_id, first, last, keep_gap)
    await call.apply("spreadsheets.restore_rows", [restore], workspace_id=sheet["workspace_id"])
    return SomeRows(first=first, last=last)


@route("POST", "/api/spreadsheets/{id}/rows/shape", scope="operate", refuses=(404, 409))
async def shape_rows(call: Call[AskedSheet, ShapedRows]) -> SomeRows:
    """Hides rows, shows them again, or gives them another height."""
    sheet, body = await own_sheet(call, call.asked.id), call.body
    _in_order(body)
    if body.height is None and body.is_visible is None:
        raise Refused(422, "nothing_to_do", "the change names nothing; send height or is_visible", field="height")
    if body.last - body.first >= SHAPED:
        raise Refused(422, "too_large", f"at most {SHAPED:,} rows at a time; send several changes", field="last")
    shape = ShapeRows(call.asked.id, body.first, body.last, body.height, body.is_visible)
    await call.apply("spreadsheets.shape_rows", [shape], workspace_id=sheet["workspace_id"])
    return SomeRows(first=body.first, last=body.last)


@route("GET", "/api/spreadsheets/{id}/rows", scope="read", refuses=(404,))
async def list_rows(call: Call[AskedSheet, Nothing]) -> ShapedRowList:
    """The rows that are hidden or have a height of their own."""
    await seen_sheet(call, call.asked.id)
    rows = await call.read("http_rows", spreadsheet_id=call.asked.id)
    return ShapedRowList(rows=[ShapedRow(**row) for row in rows])


async def _movable(call: Call[Any, Any], first: int, last: int) -> None:
    """Raises Refused 422 before anything is locked; the database counts again."""
    found = await call.read("http_moved_cells", spreadsheet_id=call.asked.id, first_row=first, last_row=last)
    if found[0]["cells"] > MOVED_CELLS:
        raise Refused(
            422,
            "too_large",
            f"more than {MOVED_CELLS:,} cells would move; move fewer rows, or rows nearer to the end of the sheet",
            field="first",
        )


async def _deleted(call: Call[Any, Any], kind: str, wanted: UUID) -> Any:
    rows = await call.read("http_deleted", spreadsheet_id=call.asked.id)
    found = [row for row in rows if row["kind"] == kind and row["id"] == wanted]
    if not found:
        raise absent(f"deleted {kind}")
    return found[0]


def _in_order(rows: SomeRows) -> None:
    if rows.last < rows.first:
        raise Refused(422, "empty_window", "the last row stands before the first; swap them", field="last")
