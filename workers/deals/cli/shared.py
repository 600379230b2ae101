"""What the three groups of commands share: options, and a desk for the person who acts."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from cyclopts import Parameter
from cyclopts.validators import Number
from pydantic import BaseModel, ValidationError

from core import RowmillError
from core.cli.door import Acting, acting, console, print_json, text
from workers.deals.desk import Desk

PACKAGE: Final = "workers.deals"
Done = TypeVar("Done")
User = Annotated[
    str | None, Parameter(name="--user", help="In whose name, an e-mail address; the only user where there is one.")
]
Needs = Annotated[
    tuple[str, ...], Parameter(name="--needs", negative="", show_default=False, help="A flag; may be repeated.")
]
Entry = TypeVar("Entry", bound=BaseModel)
_AN_ID: Final = Number(gte=1, lte=2**31 - 1)
DealId = Annotated[int, Parameter(name="DEAL", help="The id of a deal.", validator=_AN_ID)]
SpaceId = Annotated[int, Parameter(name="SPACE", help="The id of a space.", validator=_AN_ID)]
DraftId = Annotated[int, Parameter(name="DRAFT", help="The id of a draft.", validator=_AN_ID)]
OfDeal = Annotated[int | None, Parameter(help="Those of this deal.", validator=_AN_ID)]
OfSpace = Annotated[
    int | None, Parameter(help="Those whose reasoning stands on a fact of this space.", validator=_AN_ID)
]
Limit = Annotated[int, Parameter(help="So many at most.", validator=Number(gte=1, lte=10_000))]
From = Annotated[Path, Parameter(name="FILE", help="A JSON file.")]


def at_desk(data_dir: Path | None, user: str | None, work: Callable[[Desk], Awaitable[Done]]) -> Done:
    """Whoever has the database's address sees every workspace."""

    async def on(person: Acting) -> Done:
        return await work(Desk(person.read, person.apply, person.email, None))

    return acting(data_dir, PACKAGE, user, on)


def plain(row: Any, *documents: str) -> dict[str, Any]:
    """A row for machines: documents as JSON."""
    return {name: json.loads(value) if name in documents and value else value for name, value in dict(row).items()}


def say(sentence: str, told: dict[str, Any], *, as_json: bool) -> None:
    """One sentence for people, or the same for machines."""
    if as_json:
        print_json(told)
    else:
        console().print(text(sentence), soft_wrap=True)


def entry_of(path: Path, kind: type[Entry], what: str) -> Entry:
    """What a JSON file holds, by the shape of its route. The first mistake is named."""
    try:
        return kind.model_validate_json(_object_of(path))
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in wrong["loc"])
        raise RowmillError(f"{path} is no {what}: {where}: {wrong['msg']}; correct it") from error


def _object_of(path: Path) -> str:
    try:
        found = path.read_text(encoding="utf-8")
        if not isinstance(json.loads(found), dict):
            raise RowmillError(f"{path} holds no JSON object; write one, as docs/deals.md shows it")
    except (OSError, UnicodeDecodeError) as error:
        raise RowmillError(f"{path} cannot be read ({type(error).__name__}); name a JSON file") from error
    except ValueError as error:
        raise RowmillError(f"{path} is no JSON ({error}); correct it") from error
    return found
