"""`rowmill reports team`: a team of one's own, and the language its texts are searched in."""

from __future__ import annotations

from typing import Annotated, Final

import asyncpg
from cyclopts import Parameter

from core import RowmillError
from core.cli.door import Connection, DataDir, Json, ask, console, print_json, statements, text
from workers.reports.cli.place import PACKAGE, Env, enter

LONGEST_NAME: Final = 200
Name = Annotated[str, Parameter(name="NAME", help="The team, for example rocks.")]
Organization = Annotated[
    str | None, Parameter(name="--organization", help="Whose a new team is. One that is not there is added.")
]
Language = Annotated[
    str | None,
    Parameter(name="--language", help="Of its texts, for the search: german, french, simple (no word forms), …"),
]


def team(
    name: Name,
    /,
    *,
    organization: Organization = None,
    language: Language = None,
    env: Env = None,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Add a team with the schedules of its reports, or change the language its texts are searched in."""
    enter(env, data_dir)
    name, organization = _named(name, "team"), organization and _named(organization, "organisation")

    async def work(connection: Connection) -> tuple[str, asyncpg.Record]:
        await _check_language(connection, language)
        found = await statements(PACKAGE)["cli_team"].fetch(connection, name=name)
        async with connection.transaction():
            done = await _changed(connection, found[0], organization, language) if found else None
            if done is None:
                await _add(connection, name, organization, language)
        return done or "was added", (await statements(PACKAGE)["cli_team"].fetch(connection, name=name))[0]

    done, row = ask(data_dir, work)
    if as_json:
        print_json({"done": done, **row})
        return
    said = f"team {row['name']} of {row['organization']} {done}; its texts are searched in: {row['search_language']}"
    console().print(text(said), soft_wrap=True)


def _named(name: str, what: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise RowmillError(f"the name of the {what} must have 1 to {LONGEST_NAME} characters; give another one")
    return name


async def _check_language(connection: Connection, language: str | None) -> None:
    known = [row["name"] for row in await statements(PACKAGE)["cli_languages"].fetch(connection)]
    if language is not None and language not in known:
        raise RowmillError(f"this database has no language {language!r}; it has {', '.join(known)}")


async def _changed(connection: Connection, row: asyncpg.Record, organization: str | None, language: str | None) -> str:
    if organization not in {None, row["organization"]}:
        raise RowmillError(f"the team {row['name']!r} is there, and belongs to {row['organization']!r}; name that one")
    if language is None:
        return "was there already"
    asked = {"id": row["id"], "search_language": language}
    changed = await statements(PACKAGE)["cli_team_language"].fetch(connection, **asked)
    return "was indexed anew" if changed else "was there already"


async def _add(connection: Connection, name: str, organization: str | None, language: str | None) -> None:
    if organization is None:
        raise RowmillError(f"the team {name!r} is new: say whose it is, as in --organization 'Full Scale'")
    catalog = statements(PACKAGE)
    await catalog["cli_organization"].fetch(connection, name=organization)
    asked = {"name": name, "organization": organization, "search_language": language}
    [row] = await catalog["cli_team_made"].fetch(connection, **asked)
    await catalog["cli_team_schedules"].fetch(connection, id=row["id"])
