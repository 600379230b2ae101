"""`rowmill sheets`: what a person does with sheets besides typing into them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import cyclopts
from cyclopts import Parameter

from core import RowmillError
from core.cli.door import DataDir, Json, acting, console, counted, moment, pairs, print_json, table
from workers.spreadsheets.cli.person import PACKAGE, ColumnName, OnSheet, SheetId, User, on_sheet, say
from workers.spreadsheets.model import SetBudget
from workers.spreadsheets.model.structure import (
    CancelColumn,
    DeleteRows,
    MoveColumn,
    MoveRows,
    RestoreColumn,
    RestoreRows,
    RunColumn,
    ShareSpreadsheet,
    UndoEdit,
)

app = cyclopts.App(name="sheets", help="Sheets: list, show, share; run columns; move, delete, bring back; undo.")
Row = Annotated[int, Parameter(help="The number of a row.")]


@app.command(name="list")
def list_sheets(*, limit: int = 50, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List sheets by name."""
    rows = acting(
        data_dir, PACKAGE, None, lambda person: person.read("http_sheets", user_id=None, after=None, most=limit)
    )
    if as_json:
        print_json({"sheets": [dict(row) for row in rows]})
        return
    names = ("id", "name", "owner", "columns", "public", "changed")
    cells = (
        (row["id"], row["name"], row["owner"], row["columns"], row["is_public"], moment(row["updated_at"]))
        for row in rows
    )
    console().print(table(counted(len(rows), "sheet"), names, cells, whole=("id",)))


@app.command
def show(sheet_id: SheetId, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Show a sheet with its columns, its budget, and what can be brought back."""

    async def work(sheet: OnSheet) -> tuple[Any, Any, Any, Any]:
        (budget,) = await sheet.read("http_budget")
        return sheet.sheet, await sheet.columns(), budget, await sheet.read("http_deleted")

    sheet, columns, budget, deleted = on_sheet(data_dir, None, sheet_id, work)
    if as_json:
        told = {"columns": [dict(row) for row in columns], "deleted": [dict(row) for row in deleted]}
        print_json({**dict(sheet), **told, "budget": dict(budget)})
        return
    out = console()
    out.print(pairs((name, sheet[name]) for name in ("name", "owner", "is_public", "rows")))
    names = ("id", "title", "filled in by", "shown")
    cells = ((row["id"], row["title"], row["operator"] or "people", row["is_visible"]) for row in columns)
    out.print(table(counted(len(columns), "column"), names, cells, whole=("id",)))
    if deleted:
        gone = ((row["id"], row["kind"], row["title"] or f"{row['first_row']}–{row['last_row']}") for row in deleted)
        out.print(table("Deleted", ("id", "what", "which"), gone, whole=("id",)))


@app.command
def share(
    sheet_id: SheetId,
    /,
    *,
    public: bool | None = None,
    owner: Annotated[str | None, Parameter(help="The e-mail address of its new owner.")] = None,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Open a sheet to all who may log in, to read; close it (--no-public); give it to another owner."""
    if public is None and owner is None:
        raise RowmillError("say what is to be shared how: --public, --no-public or --owner name@example.org")

    async def work(sheet: OnSheet) -> None:
        found = await sheet.person.read("http_user", email=owner) if owner else [{"id": None}]
        if not found:
            raise RowmillError(f"nobody here has the e-mail address {owner}; check it")
        await sheet.apply("share", ShareSpreadsheet(sheet_id, public, found[0]["id"]))

    on_sheet(data_dir, user, sheet_id, work)
    say("the sheet is shared so from now on", {"id": str(sheet_id)}, as_json=as_json)


@app.command
def budget(
    sheet_id: SheetId,
    tokens: Annotated[int, Parameter(help="How many its language-model columns may use in all.")],
    /,
    *,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Set the budget of a sheet for language models."""
    if tokens < 0:
        raise RowmillError("a budget is 0 tokens or more; write another number")
    on_sheet(data_dir, user, sheet_id, lambda sheet: sheet.apply("set_budget", SetBudget(sheet_id, tokens)))
    say(f"the sheet may use {tokens:,} tokens in all", {"id": str(sheet_id), "tokens": tokens}, as_json=as_json)


@app.command(name="run")
def run_column(
    sheet_id: SheetId,
    column: ColumnName,
    /,
    *,
    rows: Annotated[str | None, Parameter(help="Only these, like 1-20,25.")] = None,
    only: Literal["all", "missing", "errors"] = "all",
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Compute a column anew, or some of its rows."""
    ranges = None if rows is None else _ranges(rows)

    async def work(sheet: OnSheet) -> None:
        found = await _operated(sheet, column)
        await sheet.apply("run_column", RunColumn(sheet_id, found["id"], ranges, only))

    on_sheet(data_dir, user, sheet_id, work)
    say(f"{column} is computed; workers do it", {"id": str(sheet_id), "column": column}, as_json=as_json)


@app.command
def cancel(
    sheet_id: SheetId, column: ColumnName, /, *, user: User = None, as_json: Json = False, data_dir: DataDir = None
) -> None:
    """End what waits or runs for a column. What has been filled in stays."""

    async def work(sheet: OnSheet) -> None:
        found = await _operated(sheet, column)
        await sheet.apply("cancel_column", CancelColumn(sheet_id, found["id"]))

    on_sheet(data_dir, user, sheet_id, work)
    say(f"what was waiting for {column} is cancelled", {"id": str(sheet_id), "column": column}, as_json=as_json)


def _ranges(rows: str) -> str:
    """As PostgreSQL writes a set of ranges."""
    found = [re.fullmatch(r"\s*([1-9]\d{0,6})(?:-([1-9]\d{0,6}))?\s*", part) for part in rows.split(",")]
    pairs = [(int(each[1]), int(each[2] or each[1])) for each in found if each]
    if len(pairs) < len(found) or any(last < first for first, last in pairs):
        raise RowmillError(f"{rows!r} names no rows; write them like 1-20,25")
    return "{" + ",".join(f"[{first},{last}]" for first, last in pairs) + "}"


async def _operated(sheet: OnSheet, name: str) -> Any:
    found = await sheet.column(name)
    if found["operator"] is None:
        raise RowmillError(f"{name} is a plain column; nothing fills it in")
    return found


@app.command
def move_column(
    sheet_id: SheetId,
    column: ColumnName,
    /,
    *,
    before: Annotated[str | None, Parameter(help="In front of which column; without it to the end.")] = None,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Move a column in front of another, or to the end."""

    async def work(sheet: OnSheet) -> None:
        place = None if before is None else (await sheet.column(before))["id"]
        await sheet.apply("move_column", MoveColumn(sheet_id, (await sheet.column(column))["id"], place))

    on_sheet(data_dir, user, sheet_id, work)
    say(f"{column} is moved", {"id": str(sheet_id), "column": column}, as_json=as_json)


@app.command
def move_rows(
    sheet_id: SheetId,
    first: Row,
    last: Row,
    before: Row,
    /,
    *,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Move rows, from FIRST to LAST, in front of the row BEFORE."""
    if not 1 <= first <= last or first <= before <= last + 1 or before < 1:
        raise RowmillError("rows go somewhere else, from the first to the last; write 2 4 9 to move 2 to 4 before 9")
    on_sheet(data_dir, user, sheet_id, lambda sheet: sheet.apply("move_rows", MoveRows(sheet_id, first, last, before)))
    say(f"rows {first} to {last} are moved", {"id": str(sheet_id)}, as_json=as_json)


@app.command
def delete_rows(
    sheet_id: SheetId,
    first: Row,
    last: Row,
    /,
    *,
    keep_gap: bool = False,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Delete rows from FIRST to LAST; their cells and history are kept, `restore` brings them back."""
    if not 1 <= first <= last:
        raise RowmillError("rows go from the first to the last; write 2 4 to delete 2 to 4")
    event = uuid4()
    delete = DeleteRows(sheet_id, event, first, last, keep_gap)
    on_sheet(data_dir, user, sheet_id, lambda sheet: sheet.apply("delete_rows", delete))
    say(
        f"rows {first} to {last} are deleted; `rowmill sheets restore {sheet_id} {event}` brings them back",
        {"id": str(event)},
        as_json=as_json,
    )


@app.command
def restore(
    sheet_id: SheetId,
    part_id: Annotated[UUID, Parameter(name="PART", help="The id of a deleted column or of deleted rows.")],
    /,
    *,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Bring a deleted column or deleted rows back; `rowmill sheets show` lists them."""

    async def work(sheet: OnSheet) -> None:
        found = next((row for row in await sheet.read("http_deleted") if row["id"] == part_id), None)
        if found is None:
            raise RowmillError(f"nothing deleted has the id {part_id}; `rowmill sheets show` lists what can come back")
        if found["kind"] == "column":
            await sheet.apply("restore_column", RestoreColumn(sheet_id, part_id))
            return
        rows = RestoreRows(sheet_id, part_id, found["first_row"], found["last_row"], found["keep_gap"])
        await sheet.apply("restore_rows", rows)

    on_sheet(data_dir, user, sheet_id, work)
    say("it is back", {"id": str(part_id)}, as_json=as_json)


@app.command
def undo(
    sheet_id: SheetId,
    edit_id: Annotated[UUID, Parameter(name="EDIT", help="The id of an edit, from the history of a cell.")],
    /,
    *,
    anyway: Annotated[bool, Parameter(help="Also where the cell has changed since.")] = False,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Undo one edit of a person or a robot. An undo is an edit itself."""

    async def work(sheet: OnSheet) -> None:
        rows = await sheet.read("http_edits", edit_ids=[edit_id], command_id=None, task_id=None, most=1)
        if not rows or not rows[0]["is_there"]:
            raise RowmillError(f"there is no edit {edit_id} of a cell that is there; look into the cell's history")
        if rows[0]["content"] != rows[0]["new_content"] and not anyway:
            raise RowmillError(f"the cell has changed since, to {rows[0]['content']!r}; --anyway overwrites that")
        await sheet.apply("undo", UndoEdit(rows[0]["cell_id"], rows[0]["old_content"]))

    on_sheet(data_dir, user, sheet_id, work)
    say("it is undone", {"id": str(edit_id)}, as_json=as_json)
