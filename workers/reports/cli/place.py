"""What all commands of this domain share: the environment they speak to, the team they are about."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final, Literal, cast, get_args

import asyncpg
from cyclopts import Parameter

from core import RowmillError
from core.cli.door import Connection, database_url, environment, statements

PACKAGE: Final = "workers.reports"
Environment = Literal["dev", "staging", "prod"]
Env = Annotated[
    Environment | None,
    Parameter(name="--env", help="Reads .env.dev, .env.staging or .env.prod too; NEON_ENV says the same."),
]
Team = Annotated[str, Parameter(name="--team", help="The team, for example rocks.")]
NO_DATABASE: Final = (
    "DATABASE_URL is not set: the environment {} needs a database of its own; "
    "set DATABASE_URL=postgresql://user:password@host:5432/database, or write it into .env.{}"
)


def enter(env: Environment | None, data_dir: Path | None = None) -> Environment:
    """Makes the settings those of this environment. Raises RowmillError where it has no database: the embedded server
    is for development."""
    if env is not None:
        os.environ["ROWMILL_ENV"] = env
    chosen = environment() or "dev"
    if chosen not in get_args(Environment):
        raise RowmillError(f"there is no environment {chosen!r}; NEON_ENV is dev, staging or prod")
    if chosen != "dev" and data_dir is None and database_url() is None:
        raise RowmillError(NO_DATABASE.format(chosen, chosen))
    return cast("Environment", chosen)


async def team_of(connection: Connection, name: str) -> asyncpg.Record:
    """The team's row. Raises RowmillError with the next step."""
    found = await statements(PACKAGE)["cli_team"].fetch(connection, name=name)
    if not found:
        raise RowmillError(f"no team {name!r}: run `rowmill reports seed`, or add it with `rowmill reports team`")
    return found[0]
