"""Profiles of facility managers: store them, list them, try one on a sample."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any, cast

from cyclopts import Parameter
from pydantic import ValidationError

from core import RowmillError
from core.cli.door import Connection, DataDir, Json, ask, console, counted, moment, print_json, table
from workers.work_orders import adapter
from workers.work_orders.cli.asking import (
    AnyWorkspace,
    User,
    Workspace,
    decoded,
    fetch,
    found_workspace,
    print_list,
    read_file,
    user_id,
)
from workers.work_orders.model import Profile

NO_PROFILE = "No profile yet; `rowmill work-orders profile FILE --workspace SPREADSHEET` stores one."
STORED = ("facility manager", "version", "fields", "stored", "workspace")


def _profile(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_file(file))
        Profile.model_validate(document)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise RowmillError(f"{file}: {where}: {fault['msg']}; correct it") from None
    except ValueError as error:
        raise RowmillError(f"{file} is no JSON ({error}); correct it") from None
    return cast("dict[str, Any]", document)


def profile(
    *files: Annotated[Path, Parameter(name="FILE", help="Profiles as JSON.")],
    workspace: Workspace,
    user: User = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Store facility managers' profiles, each as the next version of its own."""
    found = [(each, _profile(each)) for each in files]

    async def write(connection: Connection) -> list[dict[str, Any]]:
        workspace_id = await found_workspace(connection, workspace, user)
        by, told = await user_id(connection, user), []
        for file, document in found:
            given = {"fm_key": document["fm_key"], "profile": json.dumps(document), "user_id": by}
            [row] = await fetch(connection, "http_save_profile", workspace_id=workspace_id, **given)
            told.append({"file": str(file), "fm_key": document["fm_key"], "version": row["profile_version"]})
        return told

    told = ask(data_dir, write)
    if as_json:
        print_json({"profiles": told})
    else:
        rows = [(each["file"], each["fm_key"], each["version"]) for each in told]
        console().print(table(counted(len(rows), "profile"), ("file", "facility manager", "version"), rows))


def profiles(*, workspace: AnyWorkspace = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List the stored profiles, all versions; the newest of each facility manager is in use."""

    async def look(connection: Connection) -> list[Any]:
        workspace_id = await found_workspace(connection, workspace)
        return await fetch(connection, "http_profiles", workspaces=None, workspace_id=workspace_id)

    rows = [decoded(row, "profile") for row in ask(data_dir, look)]
    if as_json:
        print_json({"profiles": rows})
        return
    shown = [
        (
            *(row["fm_key"], row["profile_version"], ", ".join(row["profile"]["fields"])),
            *(moment(row["created_at"]), row["workspace_id"]),
        )
        for row in rows
    ]
    print_list("profile", STORED, shown, NO_PROFILE, "workspace")


def try_profile(
    profile_file: Annotated[Path, Parameter(name="PROFILE", help="A profile as JSON.")],
    pdf: Annotated[Path, Parameter(name="PDF", help="A sample.")],
    /,
    *,
    as_json: Json = False,
) -> None:
    """Read a sample by a profile and show what was found where, without any database."""
    document, data = _profile(profile_file), read_file(pdf)
    try:
        told = asyncio.run(adapter.read_pdf(data, [(document, 0)], None))
    except adapter.AsideFailed as reason:
        raise RowmillError(f"{pdf} cannot be read: {reason}; send it without what makes it so large") from None
    if as_json:
        print_json(told)
        return
    rows = [
        (name, each["value"], each["confidence"], each.get("page"), " ".join(map(str, each.get("box", ()))))
        for name, each in told["fields"].items()
    ]
    title = f"{told['outcome']}: {counted(len(rows), 'field')} of {pdf.name}"
    console().print(table(title, ("field", "value", "confidence", "page", "box (percent)"), rows))
    for warning in told["warnings"]:
        console().print(warning, soft_wrap=True, markup=False)
