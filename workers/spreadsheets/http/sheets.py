"""Sheets as a whole: list, make, read, rename, delete."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from core.web import Call, Document, Nothing, Refused, absent, route
from workers.spreadsheets.http.models import (
    AskedList,
    AskedSheet,
    Done,
    ListedSheet,
    NewSheet,
    Sheet,
    SheetChange,
    SheetList,
    ShownColumn,
)
from workers.spreadsheets.http.seeing import eyes, live_columns, own_sheet, seen_sheet
from workers.spreadsheets.http.shapes import Sharing
from workers.spreadsheets.http.shown import Row
from workers.spreadsheets.model import AddColumn, ChangeSpreadsheet, CreateSpreadsheet
from workers.spreadsheets.model.structure import ShareSpreadsheet


@route("GET", "/api/spreadsheets", scope="read")
async def list_sheets(call: Call[AskedList, Nothing]) -> SheetList:
    """The spreadsheets that you may see, by name."""
    asked = call.asked
    rows = await call.read("http_sheets", user_id=eyes(call), after=asked.after, most=asked.limit + 1)
    shown = [ListedSheet(**row) for row in rows[: asked.limit]]
    return SheetList(sheets=shown, more=len(rows) > asked.limit)


@route("POST", "/api/spreadsheets", scope="operate", status=201, refuses=(404,))
async def create_sheet(call: Call[Nothing, NewSheet]) -> Done:
    """Makes a spreadsheet with plain columns. It is yours, in the default workspace or in one of your own."""
    found = await call.read("http_workspace", user_id=eyes(call), workspace_id=call.body.workspace_id)
    if not found:
        raise absent("workspace")
    made_id, body = part_id(call.command_id, "sheet"), call.body
    sheet = CreateSpreadsheet(made_id, found[0]["id"], body.name, body.description, body.rows)
    titles = [
        AddColumn(part_id(call.command_id, f"column {at}"), made_id, at, title)
        for at, title in enumerate(body.columns, start=1)
    ]
    await call.apply("spreadsheets.create", [sheet, *titles], workspace_id=sheet.workspace_id)
    return Done(id=made_id)


@route("GET", "/api/spreadsheets/{id}", scope="read", refuses=(404,))
async def read_sheet(call: Call[AskedSheet, Nothing]) -> Sheet:
    """A spreadsheet with its columns and how they are filled in."""
    sheet = await seen_sheet(call, call.asked.id)
    return Sheet(**sheet, columns=[shown_column(each) for each in (await live_columns(call, call.asked.id)).values()])


@route("POST", "/api/spreadsheets/{id}", scope="operate", refuses=(404, 409))
async def change_sheet(call: Call[AskedSheet, SheetChange]) -> Done:
    """Renames or describes a spreadsheet."""
    sheet = await own_sheet(call, call.asked.id)
    if call.body.name is None and call.body.description is None:
        raise Refused(422, "nothing_to_do", "the change names nothing; send name or description", field="name")
    change = ChangeSpreadsheet(call.asked.id, call.body.name, call.body.description)
    await call.apply("spreadsheets.change", [change], workspace_id=sheet["workspace_id"])
    return Done(id=call.asked.id)


@route("POST", "/api/spreadsheets/{id}/delete", scope="operate", refuses=(404, 409))
async def delete_sheet(call: Call[AskedSheet, Nothing]) -> Done:
    """Takes a spreadsheet out of sight. Its cells and their history stay in the tables."""
    sheet = await own_sheet(call, call.asked.id)
    change = ChangeSpreadsheet(call.asked.id, deleted=True)
    await call.apply("spreadsheets.delete", [change], workspace_id=sheet["workspace_id"])
    return Done(id=call.asked.id)


@route("POST", "/api/spreadsheets/{id}/share", scope="operate", refuses=(404, 409))
async def share_sheet(call: Call[AskedSheet, Sharing]) -> Done:
    """Opens a spreadsheet to all who may log in, to read; closes it again; gives it to another owner. For its owner."""
    sheet, body = await own_sheet(call, call.asked.id), call.body
    if eyes(call) not in {None, sheet["owner_id"]}:
        raise Refused(403, "not_owner", "only its owner shares a sheet; ask them")
    if body.is_public is None and body.owner is None:
        raise Refused(422, "nothing_to_do", "the change names nothing; send is_public or owner", field="is_public")
    share = ShareSpreadsheet(call.asked.id, body.is_public, await _user(call, body.owner))
    await call.apply("spreadsheets.share", [share], workspace_id=sheet["workspace_id"])
    return Done(id=call.asked.id)


async def _user(call: Call[Any, Any], email: str | None) -> UUID | None:
    if email is None:
        return None
    found = await call.read("http_user", email=email.strip())
    if not found:
        raise Refused(422, "unknown_user", "nobody here has this e-mail address; check it", field="owner")
    user_id: UUID = found[0]["id"]
    return user_id


def part_id(command_id: UUID, part: str) -> UUID:
    """The id of what a command makes: a repeated request answers the same one."""
    return uuid5(command_id, part)


def shown_column(row: Row) -> ShownColumn:
    column: dict[str, Any] = {**row, "config": Document(row["config"])}
    return ShownColumn(**column)
