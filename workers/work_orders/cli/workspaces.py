"""Workspaces and their spreadsheets: list them, correct them."""

from __future__ import annotations

from typing import Annotated, Any

import asyncpg
from cyclopts import Parameter

from core import RowmillError
from core.cli.door import Connection, DataDir, Json, ask, print_json
from workers.work_orders.cli.asking import Workspace, fetch, found_workspace, print_list

NO_WORKSPACE = "No workspace yet; the first `rowmill work-orders ingest` with a --user makes one."
COLUMNS = ("workspace", "spreadsheet", "sheet", "drive folder")
Spreadsheet = Annotated[str | None, Parameter(help="Another spreadsheet: all rows are exported to it.")]
SheetName = Annotated[str | None, Parameter(help="The sheet in it: all rows are exported to it.")]
Folder = Annotated[str | None, Parameter(help="Stored and not used: nothing is uploaded to Drive.")]


def workspaces(*, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List the workspaces and the spreadsheets they are exported to."""

    async def look(connection: Connection) -> list[Any]:
        return await fetch(connection, "http_workspaces", workspaces=None)

    _print(ask(data_dir, look), as_json=as_json)


def workspace(
    *,
    workspace: Workspace,
    spreadsheet: Spreadsheet = None,
    sheet_name: SheetName = None,
    drive_folder: Folder = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Correct the spreadsheet of a workspace, or the name of its sheet. What is not named stays."""

    async def write(connection: Connection) -> list[Any]:
        found = await found_workspace(connection, workspace)
        given = {"spreadsheet_id": spreadsheet, "sheet_name": sheet_name, "drive_folder_id": drive_folder}
        try:
            return await fetch(connection, "http_settings", workspace_id=found, **given)
        except asyncpg.UniqueViolationError:
            raise RowmillError(f"another workspace has the spreadsheet {spreadsheet} already; name that one") from None
        except asyncpg.StringDataRightTruncationError:
            raise RowmillError("the name of a sheet has 100 characters at most; shorten it") from None

    _print(ask(data_dir, write), as_json=as_json)


def _print(rows: list[Any], *, as_json: bool) -> None:
    if as_json:
        print_json({"workspaces": [dict(row) for row in rows]})
        return
    names = ("workspace_id", "spreadsheet_id", "sheet_name", "drive_folder_id")
    shown = [tuple(row[name] for name in names) for row in rows]
    print_list("workspace", COLUMNS, shown, NO_WORKSPACE, "workspace", "spreadsheet")
