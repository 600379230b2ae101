"""`rowmill spaces`: find what fits a deal, show, add."""

from __future__ import annotations

from typing import Annotated, Any, Final

import cyclopts
import orjson
from cyclopts import Parameter
from pydantic import ValidationError

from core import RowmillError
from core.cli.door import DataDir, Json, console, counted, pairs, print_json, table
from workers.deals.cli.shared import From, Needs, User, at_desk, object_of, plain, say
from workers.deals.entries import NewSpace, columns_of

COLUMNS: Final = ("id", "name", "rate", "neighborhood", "host", "has", "free")
DOCUMENTS: Final = ("amenities", "availability", "detailed_amenities")
app = cyclopts.App(name="spaces", help="Spaces: find what fits a deal, show, add.")


@app.command
def find(
    *,
    deal: Annotated[int | None, Parameter(name="--for", help="What fits this deal: needs, budget, place.")] = None,
    needs: Needs = (),
    limit: int = 50,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Find spaces, the cheapest first, for example `rowmill spaces find --for 7`."""
    wanted = orjson.dumps(dict.fromkeys(needs, True)).decode()
    values = {"visible": None, "deal_id": deal, "needs": wanted, "most": limit}
    rows = at_desk(data_dir, None, lambda desk: desk.read("find_spaces", **values))
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
    space_id: Annotated[int, Parameter(name="SPACE", help="The id of a space.")],
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
    try:
        entry = NewSpace.model_validate_json(object_of(file))
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in wrong["loc"])
        raise RowmillError(f"{file} is no space: {where}: {wrong['msg']}; correct it") from error
    columns = columns_of(entry, "workspace_id")
    answer = at_desk(data_dir, user, lambda desk: desk.add_space(columns, entry.workspace_id))
    made = int(next(iter(answer.versions["spaces"])))
    say(f"added space {made}", {"id": made}, as_json=as_json)
