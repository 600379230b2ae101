"""`rowmill spaces`: find what fits a deal, show, add."""

from __future__ import annotations

from typing import Annotated, Any, Final

import cyclopts
import orjson
from cyclopts import Parameter

from core.cli.door import DataDir, Json, console, counted, pairs, print_json, table
from workers.deals.cli.shared import From, Limit, Needs, SpaceId, User, at_desk, entry_of, plain, say
from workers.deals.desk import Desk
from workers.deals.entries import NewSpace, SpaceChanges, columns_of

COLUMNS: Final = ("id", "name", "rate", "neighborhood", "host", "has", "free")
DOCUMENTS: Final = ("amenities", "availability", "detailed_amenities")
app = cyclopts.App(name="spaces", help="Spaces: find what fits a deal, show, add.")


@app.command
def find(
    *,
    deal: Annotated[int | None, Parameter(name="--for", help="What fits this deal: needs, budget, place.")] = None,
    needs: Needs = (),
    limit: Limit = 50,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Find spaces, the cheapest first, for example `rowmill spaces find --for 7`."""
    rows = at_desk(data_dir, None, lambda desk: desk.fitting(deal, needs, limit))
    if as_json:
        print_json({"spaces": [plain(row, *DOCUMENTS[:2]) for row in rows]})
        return
    console().print(table(counted(len(rows), "space"), COLUMNS, map(_cells, rows), whole=("id",)))


def _cells(row: Any) -> tuple[object, ...]:
    has = ", ".join(name for name, value in orjson.loads(row["amenities"]).items() if value is True)
    free = ", ".join(day for day, times in orjson.loads(row["availability"]).items() if times)
    return row["id"], row["name"], f"${row['monthly_rate']:,}", row["neighborhood"], row["host_company"], has, free


@app.command
def show(
    space_id: SpaceId,
    /,
    *,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Show a space with all that replies may say about it."""
    whole = plain(at_desk(data_dir, None, lambda desk: desk.space(space_id)), *DOCUMENTS)
    if as_json:
        print_json(whole)
    else:
        console().print(pairs((name.replace("_", " "), value) for name, value in whole.items()))


@app.command
def add(file: From, /, *, user: User = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Add a space from a JSON file, as POST /api/spaces takes it."""
    entry = entry_of(file, NewSpace, "space")
    columns = columns_of(entry, "workspace_id")
    answer = at_desk(data_dir, user, lambda desk: desk.add_space(columns, entry.workspace_id))
    made = int(next(iter(answer.versions["spaces"])))
    say(f"added space {made}", {"id": made}, as_json=as_json)


@app.command
def change(
    space_id: SpaceId, file: From, /, *, user: User = None, as_json: Json = False, data_dir: DataDir = None
) -> None:
    """Change what a JSON file names of a space, as POST /api/spaces/ID takes it. Look at the drafts that stand on it:
    `rowmill drafts list --space ID`, and `rowmill drafts check`."""
    columns = columns_of(entry_of(file, SpaceChanges, "change of a space"))

    async def work(desk: Desk) -> Any:
        return await desk.change_space(space_id, (await desk.space(space_id))["version"], columns)

    version = at_desk(data_dir, user, work).version(("spaces", space_id))
    say(f"space {space_id} is changed", {"id": space_id, "version": version}, as_json=as_json)
