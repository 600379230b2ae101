"""`rowmill reports seed`: organisations, teams and report types by name, and the file of their ids (D2.5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from core.cli.door import Connection, DataDir, Json, ask, console, print_json, statements, table, text
from workers.reports.cli.place import PACKAGE, Env, enter

SEED: Final = Path(__file__).resolve().parent.parent / "seed.sql"
IDS: Final = ".neon-db-ids.{}.json"


def seed(*, env: Env = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Add the organisations, teams, report types and schedules that are not there; write the file of their ids."""
    chosen = enter(env, data_dir)

    async def work(connection: Connection) -> dict[str, Any]:
        async with connection.transaction():
            await connection.execute(SEED.read_text(encoding="utf-8"))
        return await ids(connection)

    found = ask(data_dir, work)
    file = Path(IDS.format(chosen))
    state = written(file, found)
    if as_json:
        print_json({"environment": chosen, "file": str(file), "file_state": state, **found})
        return
    rows = [(kind, name, row_id) for kind in sorted(found) for name, row_id in found[kind].items()]
    console().print(table(f"Seeded {chosen}", ("kind", "name", "id"), rows, whole=("id",)))
    console().print(text(f"{file} {state}; the database is the truth, this file is for other programs"), soft_wrap=True)


async def ids(connection: Connection) -> dict[str, Any]:
    """Names and ids as the database has them."""
    found: dict[str, Any] = {"organizations": {}, "teams": {}, "reportTypes": {}}
    for row in await statements(PACKAGE)["cli_ids"].fetch(connection):
        found[row["kind"]][row["name"]] = str(row["id"])
    return found


def written(file: Path, found: Mapping[str, Any]) -> str:
    """Writes the file where it is missing or says otherwise; whole or not at all. Returns what was done."""
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        before, state = None, "was written"
    except (OSError, ValueError):
        before, state = None, "could not be read and was written anew"
    else:
        state = "was of other ids and was written anew"
    if before == found:
        return "is up to date"
    draft = file.with_name(f"{file.name}.new")
    draft.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    draft.replace(file)
    return state
