"""The export queue: look, process here and now, begin anew."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

from cyclopts import Parameter
from cyclopts.validators import Number

from core import RowmillError
from core.cli.door import (
    Connection,
    DataDir,
    Json,
    ask,
    console,
    counted,
    database,
    moment,
    print_json,
    run_tasks,
)
from workers.work_orders.cli.asking import AnyWorkspace, User, fetch, found_workspace, print_list, user_id

Limit = Annotated[
    int,
    Parameter(
        help="How many exports to wait for and to count. What else is due in their spreadsheets goes along.",
        validator=Number(gte=1, lte=1000),
    ),
]
Rows = Annotated[int, Parameter(help="How many at most.", validator=Number(gte=1, lte=10_000))]
COLUMNS = ("id", "work order", "spreadsheet", "status", "attempts", "next attempt", "exported", "error")
EXPORT = "work_orders.export"
PATIENCE_S = 60.0


def exports(
    *,
    status: Literal["PENDING", "PROCESSING", "DONE", "FAILED"] | None = None,
    workspace: AnyWorkspace = None,
    limit: Rows = 50,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """List the exports of rows into spreadsheets, those that changed last first."""

    async def look(connection: Connection) -> list[Any]:
        workspace_id = await found_workspace(connection, workspace)
        return await fetch(
            connection, "http_exports", workspaces=None, workspace_id=workspace_id, status=status, most=limit
        )

    rows = ask(data_dir, look)
    if as_json:
        print_json({"exports": [dict(row) for row in rows]})
        return
    shown = [
        (
            *(row["id"], row["work_order_number"], row["spreadsheet_id"], row["status"], row["attempts"]),
            *(moment(row["next_attempt_at"]), moment(row["exported_at"]), row["last_error"]),
        )
        for row in rows
    ]
    print_list("export", COLUMNS, shown, "No such export; work orders that have been read make them.", "id")


def export(
    *,
    limit: Limit = 10,
    once: Annotated[bool, Parameter(help="Stop when these have been tried; for a cron job.")] = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Export in this process, beside any workers: what is due now with --once, else until Ctrl-C."""
    with database(data_dir) as dsn:
        told = asyncio.run(_exported(dsn, limit, once=once))
    if as_json:
        print_json({name: told[name] for name in ("processed", "failed", "quota_error")})
        return
    quota = "; Google's quota is used up for this minute" if told["quota_error"] else ""
    late = f"; {counted(told['waiting'], 'export')} not done yet" if told["waiting"] else ""
    console().print(f"processed {told['processed']:,}, failed {told['failed']:,}{quota}{late}", soft_wrap=True)


async def _exported(dsn: str, limit: int, *, once: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"processed": 0, "failed": 0, "quota_error": False, "waiting": 0}
    attempts: dict[UUID, int] = {}  # of each job that is counted, as it was found
    end = asyncio.get_running_loop().time() + PATIENCE_S

    async def looked(connection: Connection) -> bool:
        if not attempts or not once:
            await fetch(connection, "http_take_up", workspaces=None)
            due = await fetch(connection, "http_waiting_exports", workspaces=None, most=limit)
            attempts.update({row["id"]: row["attempts"] for row in due if row["id"] not in attempts})
        [row] = await fetch(connection, "http_processed", ids=list(attempts), attempts=list(attempts.values()))
        told.update(row)
        return once and (not row["waiting"] or asyncio.get_running_loop().time() > end)

    await run_tasks([EXPORT], looked, dsn)
    return told


def retry(
    *ids: Annotated[UUID, Parameter(name="ID", help="Exports; without any, all that have failed.")],
    workspace: AnyWorkspace = None,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Begin exports anew, with fresh attempts."""

    async def write(connection: Connection) -> int:
        chosen = list(ids)
        if not chosen:
            workspace_id = await found_workspace(connection, workspace)
            rows = await fetch(
                connection, "http_failed_exports", workspaces=None, workspace_id=workspace_id, most=10_000
            )
            chosen = [row["id"] for row in rows]
        by = await user_id(connection, user)
        return len(await fetch(connection, "http_restart_exports", ids=chosen, user_id=by))

    count = ask(data_dir, write)
    if ids and count < len(ids):
        raise RowmillError(f"{len(ids) - count} of these exports are not there; see `rowmill work-orders exports`")
    if as_json:
        print_json({"restarted": count})
    else:
        console().print(f"{counted(count, 'export')} will run again")
