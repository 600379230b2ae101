"""Cells: read a window, edit in a batch on the versions that were read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from core.web import Ask, Call, CommandRefused, Nothing, Refused, route
from workers.spreadsheets.http.feed.place import Place
from workers.spreadsheets.http.models import (
    BODY_BYTES,
    WINDOW_CELLS,
    WINDOW_ROWS,
    AskedSheet,
    AskedWindow,
    Cell,
    CellEdit,
    CellEdits,
    Edited,
    EditedCell,
    Window,
)
from workers.spreadsheets.http.seeing import live_columns, own_sheet, seen_sheet
from workers.spreadsheets.http.shown import Row, window_cell
from workers.spreadsheets.model import PutCell

ROWS: Final = 100  # of a window whose end is not named
TRIES: Final = 3


@route("GET", "/api/spreadsheets/{id}/cells", scope="read", refuses=(404, 422))
async def read_window(call: Call[AskedWindow, Nothing]) -> Window:
    """The cells of some rows and columns, by row and column; blank places are left out."""
    asked = call.asked
    await seen_sheet(call, asked.id)
    return await window_of(call, asked.id, asked.first, asked.last, asked.column)


async def window_of(
    call: Call[Any, Any], sheet_id: UUID, first: int, last: int | None, wanted: Sequence[UUID] = ()
) -> Window:
    """The cells, and the place in the feed that they are from. Raises Refused 422."""
    columns = await live_columns(call, sheet_id)
    for at, each in enumerate(wanted):
        if each not in columns:
            raise Refused(422, "unknown_column", f"the sheet has no column {each}; read it again", field=f"column.{at}")
    ids, last = list(wanted) or list(columns), last or first + ROWS - 1
    _check_size(first, last, len(ids))
    rows = await call.read("http_window", column_id=ids, first_row=first, last_row=last)
    place = Place(sheet_id, rows[0]["epoch"], rows[0]["snapshot"], at=rows[0]["now"])
    cells = [Cell(**window_cell(row)) for row in rows if row["id"] is not None]
    return Window(token=place.token, first=first, last=last, cells=cells)


def _check_size(first: int, last: int, columns: int) -> None:
    rows = last - first + 1
    if rows < 1:
        raise Refused(422, "empty_window", "the last row stands before the first; swap them", field="last")
    if rows > WINDOW_ROWS or rows * columns > WINDOW_CELLS:
        raise Refused(
            422,
            "too_large",
            f"a window has at most {WINDOW_ROWS:,} rows and {WINDOW_CELLS:,} cells; ask for fewer rows or columns",
            field="last",
        )


@route("POST", "/api/spreadsheets/{id}/cells", scope="operate", refuses=(404, 409), body_bytes=BODY_BYTES)
async def edit_cells(call: Call[AskedSheet, CellEdits]) -> Edited:
    """Edits cells in one batch, all or none. A cell that has changed since it was read refuses the batch: 409 names it
    with what it holds now."""
    sheet, edits = await own_sheet(call, call.asked.id), call.body.edits
    _check_named(edits)
    for _ in range(TRIES):
        places = await _places(call, edits)
        effects = [_put(call.asked.id, edit, place) for edit, place in zip(edits, places, strict=True)]
        _check_once(effects)
        seen = {("cells", each.cell_id): edit.version for each, edit in zip(effects, edits, strict=True)}
        ask = Ask("answer_cells", {"cell_id": [each.cell_id for each in effects]})
        try:
            answer = await call.apply(
                "spreadsheets.edit_cells", effects, seen=seen, workspace_id=sheet["workspace_id"], ask=ask
            )
        except CommandRefused as error:
            if error.why not in {"stale", "gone", "busy"}:
                raise
            _check_versions(edits, await _places(call, edits))
            if error.why == "busy":
                raise
        else:
            return Edited(cells=[EditedCell(**_without(row, "ord")) for row in answer.rows])
    raise Refused(503, "busy", "these cells keep changing; try again in a moment", retry_after_s=1)


def _check_named(edits: Sequence[CellEdit]) -> None:
    for at, edit in enumerate(edits):
        by_place = edit.row is not None and edit.column_id is not None
        if (edit.cell_id is None) != by_place or (edit.row is None) != (edit.column_id is None):
            raise Refused(
                422, "place", "name the cell by cell_id, or by row and column_id, not by both", field=f"edits.{at}"
            )


async def _places(call: Call[AskedSheet, CellEdits], edits: Sequence[CellEdit]) -> Sequence[Row]:
    """What stands at each of them now. Raises Refused 422 for a place that is not in the sheet."""
    places = await call.read(
        "http_places",
        spreadsheet_id=call.asked.id,
        cell_id=[each.cell_id for each in edits],
        column_id=[each.column_id for each in edits],
        row_number=[each.row for each in edits],
    )
    for at, place in enumerate(places):
        if not place["place_exists"]:
            name = "column_id" if edits[at].cell_id is None else "cell_id"
            raise Refused(
                422, "unknown_cell", "there is no such place in this sheet; read it again", field=f"edits.{at}.{name}"
            )
    return places


def _put(sheet_id: UUID, edit: CellEdit, place: Row) -> PutCell:
    return PutCell(place["id"] or uuid4(), sheet_id, place["column_id"], place["row_number"], edit.content or None)


def _check_once(effects: Sequence[PutCell]) -> None:
    places = [(each.column_id, each.row_number) for each in effects]
    for at, place in enumerate(places):
        if place in places[:at] and len(set(places)) < len(places):
            raise Refused(
                422, "twice", "a cell is edited twice in one batch; send its last content", field=f"edits.{at}"
            )


def _check_versions(edits: Sequence[CellEdit], places: Sequence[Row]) -> None:
    """Raises Refused 409 with the cells that are not any more as they were read."""
    changed = [
        {
            "edit": at,
            "cell_id": place["id"],
            "row": place["row_number"],
            "column_id": place["column_id"],
            "content": place["content"],
            "version": place["version"],
        }
        for at, (edit, place) in enumerate(zip(edits, places, strict=True))
        if place["version"] != edit.version
    ]
    if changed:
        what = "1 cell has" if len(changed) == 1 else f"{len(changed)} cells have"
        raise Refused(
            409,
            "stale",
            f"{what} changed since you read the sheet, so nothing was written; look at what is there now and decide",
            field=f"edits.{changed[0]['edit']}",
            details={"cells": changed},
        )


def _without(row: Any, name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}
