"""Undoes edits of persons and robots from the audit. An undo is an edit itself, so it can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from core.web import Ask, Call, Refused, absent, route
from workers.spreadsheets.http.models import AskedSheet, Edited, EditedCell
from workers.spreadsheets.http.seeing import own_sheet
from workers.spreadsheets.http.shapes import UNDONE, Undo
from workers.spreadsheets.http.shown import Row
from workers.spreadsheets.model.structure import UndoEdit


@route("POST", "/api/spreadsheets/{id}/undo", scope="operate", refuses=(404, 409))
async def undo(call: Call[AskedSheet, Undo]) -> Edited:
    """Gives cells back what they held before some edits, all or none. A cell that has changed since refuses: 409
    names it with what it holds now."""
    sheet, body = await own_sheet(call, call.asked.id), call.body
    _check_asked(body)
    rows = await call.read(
        "http_edits",
        spreadsheet_id=call.asked.id,
        edit_ids=body.edits,
        command_id=body.command,
        task_id=body.task,
        most=UNDONE + 1,
    )
    _check_found(rows, body)
    cells = [list(edits) for _, edits in groupby(rows, key=lambda row: row["cell_id"])]
    if not body.anyway:
        _check_unchanged(cells)
    effects = [UndoEdit(edits[0]["cell_id"], edits[0]["old_content"]) for edits in cells]
    seen = {("cells", edits[0]["cell_id"]): edits[0]["version"] for edits in cells}
    ask = Ask("answer_cells", {"cell_id": [each.cell_id for each in effects]})
    answer = await call.apply("spreadsheets.undo", effects, seen=seen, workspace_id=sheet["workspace_id"], ask=ask)
    return Edited(cells=[EditedCell(**{k: v for k, v in row.items() if k != "ord"}) for row in answer.rows])


def _check_asked(body: Undo) -> None:
    if (len(body.edits) > 0) + (body.command is not None) + (body.task is not None) != 1:
        raise Refused(422, "nothing_to_do", "say what to undo: edits, or a command, or a task", field="edits")


def _check_found(rows: Sequence[Row], body: Undo) -> None:
    if not rows or (body.edits and len({row["id"] for row in rows}) < len(set(body.edits))):
        raise absent("edit")
    if len(rows) > UNDONE:
        raise Refused(409, "too_large", f"more than {UNDONE} edits; undo them by their ids, in parts")
    for row in rows:
        if not row["is_there"]:
            raise Refused(
                409, "gone", f"the cell of row {row['row_number']} was deleted; bring its row or column back first"
            )
        if row["is_formula"] or row["operator"] in {"spreadsheets.formula", "spreadsheets.lookup"}:
            raise Refused(
                409,
                "computed",
                f"the column {row['title']!r} is computed anew all the time; undo what it is computed from",
            )


def _check_unchanged(cells: Sequence[Sequence[Row]]) -> None:
    """Between the edits of one cell and after them nothing else may have happened to it: each begins with what the one
    before it has left."""
    changed = [_now(edits[-1]) for edits in cells if not _unbroken(edits)]
    if changed:
        what = "1 cell has" if len(changed) == 1 else f"{len(changed)} cells have"
        raise Refused(
            409,
            "stale",
            f"{what} changed since that edit, so nothing was undone; look at what is there now and decide",
            details={"cells": changed},
        )


def _unbroken(edits: Sequence[Row]) -> bool:
    left = [edit["new_content"] for edit in edits]
    found = [*(edit["old_content"] for edit in edits[1:]), edits[-1]["content"]]
    return left == found


def _now(row: Row) -> dict[str, Any]:
    names = ("cell_id", "column_id", "content", "version")
    return {"row": row["row_number"], **{name: row[name] for name in names}}
