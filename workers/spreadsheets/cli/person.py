"""A person at work on one sheet from the command line: the same commands as over HTTP, in that person's name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from cyclopts import Parameter

from core import Effect, RowmillError
from core.cli.door import Acting, acting, console, print_json, text

PACKAGE: Final = "workers.spreadsheets"
Done = TypeVar("Done")
User = Annotated[
    str | None, Parameter(name="--user", help="In whose name, an e-mail address; the only user where there is one.")
]
SheetId = Annotated[UUID, Parameter(name="SHEET", help="The id of a sheet; `rowmill sheets list` shows it.")]
ColumnName = Annotated[str, Parameter(name="COLUMN", help="The title of a column, or its id.")]


@dataclass(frozen=True, slots=True)
class OnSheet:
    """What may be done to it. Whoever has the database's address sees every sheet."""

    person: Acting
    sheet: Any

    async def read(self, statement: str, **values: Any) -> Sequence[Any]:
        return await self.person.read(statement, spreadsheet_id=self.sheet["id"], **values)

    async def columns(self) -> Sequence[Any]:
        return await self.read("http_columns")

    async def column(self, name: str) -> Any:
        """By its id, or the one with this title."""
        found = [row for row in await self.columns() if name in {str(row["id"]), row["title"]}]
        if len(found) != 1:
            what = "no column" if not found else f"{len(found)} columns"
            raise RowmillError(f"the sheet has {what} {name!r}; name one by its id, `rowmill sheets show` tells it")
        return found[0]

    async def apply(self, kind: str, effect: Effect) -> Any:
        return await self.person.apply(f"spreadsheets.{kind}", [effect], workspace_id=self.sheet["workspace_id"])


def on_sheet(
    data_dir: Path | None, user: str | None, sheet_id: UUID, work: Callable[[OnSheet], Awaitable[Done]]
) -> Done:
    """Does the work. Raises RowmillError for a sheet that is not there."""

    async def on(person: Acting) -> Done:
        rows = await person.read("http_sheet", spreadsheet_id=sheet_id, user_id=None)
        if not rows:
            raise RowmillError(f"there is no sheet {sheet_id}; `rowmill sheets list` shows what there is")
        return await work(OnSheet(person, rows[0]))

    return acting(data_dir, PACKAGE, user, on)


def say(sentence: str, told: dict[str, Any], *, as_json: bool) -> None:
    """One sentence for people, or the same for machines."""
    if as_json:
        print_json(told)
    else:
        console().print(text(sentence), soft_wrap=True)
