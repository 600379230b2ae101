"""`rowmill token`: who may use the HTTP API. A token is shown once; the database keeps its SHA-256."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

import asyncpg
import cyclopts
from cyclopts import Parameter, Token

from core.cli.asking import ask
from core.cli.database import DataDir
from core.cli.filters import length
from core.cli.showing import Json, age, console, counted, moment, print_json, table, text
from core.db import catalogs
from core.db.connect import Connection
from core.db.workspace import DEFAULT_WORKSPACE
from core.errors import RowmillError
from core.people import tokens
from core.people.tokens import NewToken, Scope

EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
COLUMNS: Final = ("id", "user", "scope", "name", "state", "made", "last used", "ends")
LONGEST_NAME: Final = 100
LONGEST_LIFE: Final = timedelta(days=3660)

app = cyclopts.App(name="token", help="Tokens of the HTTP API: create, list, revoke.")


def _life_of(_kind: object, given: Sequence[Token]) -> timedelta:
    """Raises ValueError with the forms that are understood."""
    written = given[0].value.strip()
    try:
        found = length(written)
    except OverflowError:
        found = None
    if found is None or not timedelta(0) < found <= LONGEST_LIFE:
        raise ValueError(f"{written!r} is no length of time for a token; write 90d, 12h, 30m or 4w, ten years at most")
    return found


User = Annotated[str, Parameter(name="--user", help="The e-mail address of the user in whose name it acts.")]
ScopeOption = Annotated[
    Scope, Parameter(name="--scope", help="read looks, operate changes, admin sees every workspace and pauses types.")
]
Expires = Annotated[
    timedelta | None,
    Parameter(name="--expires", converter=_life_of, help="How long it is good: 90d, 12h; else for ever."),
]
Name = Annotated[str, Parameter(name="--name", help="What it is for.")]
CreateUser = Annotated[
    bool, Parameter(name="--create-user", negative="", help="Make the user if there is none, in the default workspace.")
]
Workspaces = Annotated[
    tuple[UUID, ...],
    Parameter(
        name="--workspace", negative="", show_default=False, help="Make the user a member of it; may be repeated."
    ),
]
OfUser = Annotated[str | None, Parameter(name="--user", help="Of this user only.")]
TokenId = Annotated[str, Parameter(help="The id of a token, or its beginning.")]


@app.command
def create(  # noqa: PLR0913 - one option for each thing a token is made of
    *,
    user: User,
    scope: ScopeOption,
    expires: Expires = None,
    name: Name = "",
    create_user: CreateUser = False,
    workspace: Workspaces = (),
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make a token and show it, this once."""
    if not EMAIL.fullmatch(user):
        raise RowmillError(f"{user!r} is no e-mail address; give the user as name@example.org")
    if len(name) > LONGEST_NAME:
        raise RowmillError(f"the name has {len(name)} characters and may have {LONGEST_NAME}; shorten it")
    joined = workspace or ((DEFAULT_WORKSPACE,) if create_user else ())
    life_s = None if expires is None else expires.total_seconds()

    async def make(connection: Connection) -> NewToken:
        return await tokens.create(
            connection, user, scope, name=name, life_s=life_s, create_user=create_user, workspaces=joined
        )

    made = ask(data_dir, make)
    if as_json:
        told = {"id": made.id, "user": made.email, "scope": made.scope, "expires_at": made.expires_at}
        print_json({"token": made.secret, **told})
        return
    until = f" until {moment(made.expires_at)}" if made.expires_at else ""
    said = f"{made.scope} token {made.id} of {made.email}{until}; this is the only time it is shown:"
    console(stderr=True).print(text(said), soft_wrap=True)
    console().print(text(made.secret), soft_wrap=True)


@app.command(name="list")
def list_tokens(*, user: OfUser = None, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List the tokens, without what they are."""

    async def look(connection: Connection) -> list[asyncpg.Record]:
        return await catalogs.people()["token.list"].fetch(connection, email=user)

    found = ask(data_dir, look)
    if as_json:
        print_json({"tokens": [{name: value for name, value in row.items() if name != "seen_at"} for row in found]})
    elif found:
        console().print(table(counted(len(found), "token"), COLUMNS, map(_cells, found), whole=("id", "state")))
    else:
        console().print("There is no token; make one with `rowmill token create`.")


def _cells(row: asyncpg.Record) -> tuple[object, ...]:
    now = row["seen_at"]
    used = age(row["last_used_at"], now) or "never"
    made, ends = age(row["created_at"], now), age(row["expires_at"], now) or "never"
    return row["id"], row["email"], row["scope"], row["name"], row["state"], made, used, ends


@app.command
def revoke(token_id: TokenId, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """Make a token worthless, from the next request on. Sessions that stand on it end with it."""

    async def change(connection: Connection) -> asyncpg.Record:
        found = await tokens.found_id(connection, token_id)
        return (await catalogs.people()["token.revoke"].fetch(connection, id=found))[0]

    revoked = ask(data_dir, change)
    if as_json:
        print_json(dict(revoked))
    else:
        console().print(text(f"token {revoked['id']} is revoked since {moment(revoked['revoked_at'])}"), soft_wrap=True)
