"""What several commands need: the statements, the workspace of a spreadsheet, the id of a user, rows as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from cyclopts import Parameter

from core import RowmillError
from core.cli.door import Connection, console, counted, statements, table, text

Workspace = Annotated[str, Parameter(name="--workspace", help="The id of the workspace's spreadsheet, or its own id.")]
AnyWorkspace = Annotated[str | None, Parameter(name="--workspace", help="Only this one: spreadsheet id or own id.")]
User = Annotated[str | None, Parameter(name="--user", help="In whose name: an e-mail address. Makes a new workspace.")]


async def fetch(connection: Connection, name: str, **values: Any) -> list[Any]:
    """A named statement of the work orders."""
    return list(await statements("workers.work_orders")[name].fetch(connection, **values))


async def found_workspace(connection: Connection, named: str | None, user: str | None = None) -> UUID | None:
    """The workspace named; with a user it is made where its spreadsheet is new."""
    if named is None:
        return None
    known = await fetch(connection, "http_workspaces", workspaces=None)
    for row in known:
        if named in {row["spreadsheet_id"], str(row["workspace_id"])}:
            workspace_id: UUID = row["workspace_id"]
            return workspace_id
    if user is None:
        raise RowmillError(f"no workspace has the spreadsheet {named}; name a --user to make one")
    [made] = await fetch(connection, "http_workspace_of", spreadsheet_id=named, user_id=user)
    new_id: UUID = made["workspace_id"]
    return new_id


async def author(connection: Connection, user: str | None) -> str:
    """Who acts, as the functions take it. Without a user it is nobody: the audit says the command line's login only."""
    return json.dumps({} if user is None else {"user_id": str(await user_id(connection, user))})


async def user_id(connection: Connection, user: str | None) -> UUID | None:
    if user is None:
        return None
    rows = await fetch(connection, "http_user", email=user)
    if not rows:
        raise RowmillError(f"there is no user {user}; make one with `rowmill token create --create-user`")
    found: UUID = rows[0]["id"]
    return found


def decoded(row: Any, *documents: str) -> dict[str, Any]:
    """A row for `--json`: its jsonb columns are values, not texts of values."""
    return {**dict(row), **{name: json.loads(row[name]) for name in documents if row[name] is not None}}


def read_file(file: Path) -> bytes:
    """The bytes of a file that somebody has named."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise RowmillError(f"{file} cannot be read ({error.strerror}); check its name") from None


def print_list(noun: str, columns: Sequence[str], rows: Sequence[Sequence[object]], nothing: str, *whole: str) -> None:
    """A table, or where there is nothing a sentence that says how something comes."""
    if rows:
        console().print(table(counted(len(rows), noun), columns, rows, whole=whole))
    else:
        console().print(text(nothing), soft_wrap=True)
