"""`rowmill user`: people who log in with a password. It is never an argument: those stand in process lists."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated
from uuid import UUID

import asyncpg
import cyclopts
from cyclopts import Parameter

from core.cli.asking import ask
from core.cli.database import DataDir
from core.cli.showing import Json, age, console, counted, print_json, table, text
from core.cli.token import EMAIL, Workspaces
from core.db import catalogs
from core.db.connect import Connection
from core.db.workspace import DEFAULT_WORKSPACE
from core.errors import RowmillError
from core.people import logins, passwords, users
from core.people.users import Role

COLUMNS = ("user", "name", "role", "state", "verified", "last login", "sessions")

app = cyclopts.App(name="user", help="People who log in: create, list, set, password, logout.")

Email = Annotated[str, Parameter(help="The user's e-mail address.")]
RoleOption = Annotated[
    Role | None,
    Parameter(name="--role", help="What the user may do, USER unless told; SUPER_ADMIN has scope admin."),
]
FirstName = Annotated[str | None, Parameter(name="--first-name", help="The first name.")]
LastName = Annotated[str | None, Parameter(name="--last-name", help="The last name.")]
Active = Annotated[
    bool | None,
    Parameter(name="--active", negative="--inactive", help="Let log in again; --inactive: switch off and log out."),
]
Verified = Annotated[
    bool | None,
    Parameter(name="--verified", negative="--unverified", help="The address is known to be this person's."),
]
Generate = Annotated[bool, Parameter(name="--generate", negative="", help="Make one up and show it, this once.")]


@app.command
def create(
    email: Email,
    /,
    *,
    role: RoleOption = None,
    first_name: FirstName = None,
    last_name: LastName = None,
    workspace: Workspaces = (),
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Make a user, in the default workspace unless told. `rowmill user password` is the next step."""
    if not EMAIL.fullmatch(email):
        raise RowmillError(f"{email!r} is no e-mail address; give the user as name@example.org")

    async def make(connection: Connection) -> asyncpg.Record:
        async with connection.transaction():
            if await users.found(connection, email) is not None:
                raise RowmillError(f"there is a user {email} already; change it with `rowmill user set`")
            made = await users.insert(connection, email, workspace or (DEFAULT_WORKSPACE,))
            return await users.change(connection, made["id"], role=role, first_name=first_name, last_name=last_name)

    _say(ask(data_dir, make), "made", as_json=as_json)


@app.command(name="list")
def list_users(*, as_json: Json = False, data_dir: DataDir = None) -> None:
    """List the users: role, whether they can log in, when they last did."""

    async def look(connection: Connection) -> list[asyncpg.Record]:
        return await catalogs.people()["user.list"].fetch(connection)

    found = ask(data_dir, look)
    if as_json:
        print_json({"users": [{name: value for name, value in row.items() if name != "seen_at"} for row in found]})
    elif found:
        console().print(table(counted(len(found), "user"), COLUMNS, map(_cells, found), whole=("state",)))
    else:
        console().print("There is no user; make one with `rowmill user create`.")


def _cells(row: asyncpg.Record) -> tuple[object, ...]:
    name = " ".join(filter(None, (row["first_name"], row["last_name"])))
    verified = "yes" if row["email_verified"] else "no"
    last = age(row["last_login"], row["seen_at"]) or "never"
    return row["email"], name, row["role"], row["state"], verified, last, row["sessions"]


@app.command(name="set")
def set_user(  # noqa: PLR0913 - one option for each thing that can be set
    email: Email,
    /,
    *,
    role: RoleOption = None,
    active: Active = None,
    verified: Verified = None,
    first_name: FirstName = None,
    last_name: LastName = None,
    workspace: Workspaces = (),
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Change a user; what is not named stays. Who is switched off is logged out at once."""

    async def change(connection: Connection) -> asyncpg.Record:
        async with connection.transaction():
            user_id = (await users.needed(connection, email))["id"]
            await users.join(connection, user_id, workspace)
            names = {"first_name": first_name, "last_name": last_name}
            return await users.change(connection, user_id, role=role, is_active=active, verified=verified, **names)

    _say(ask(data_dir, change), "changed", as_json=as_json)


@app.command
def password(
    email: Email,
    /,
    *,
    generate: Generate = False,
    verified: Verified = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Set a user's password: typed twice, or a line on stdin. Every session of the user ends."""
    chosen = passwords.made_up() if generate else _typed(email)
    passwords.check(chosen, email)
    kept = passwords.hashed(chosen)

    async def change(connection: Connection) -> int:
        user_id: UUID = (await users.needed(connection, email))["id"]
        return await logins.set_hash(connection, user_id, kept, by=None, verified=bool(verified))

    ended = ask(data_dir, change)
    if as_json:
        print_json({"user": email, "sessions_ended": ended} | ({"password": chosen} if generate else {}))
        return
    said = f"{email} has a new password; {counted(ended, 'session')} ended"
    console(stderr=True).print(text(said), soft_wrap=True)
    if generate:
        console().print(text(chosen), soft_wrap=True)


def _typed(email: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass(f"New password of {email}: ")
    if getpass.getpass("Once more: ") != first:
        raise RowmillError("the two passwords differ; try again")
    return first


@app.command
def logout(email: Email, /, *, as_json: Json = False, data_dir: DataDir = None) -> None:
    """End every session of a user."""

    async def end(connection: Connection) -> int:
        values = {"user_id": (await users.needed(connection, email))["id"], "by": None, "own": None}
        return int((await catalogs.people()["sessions.end"].fetch(connection, **values))[0]["ended"])

    ended = ask(data_dir, end)
    if as_json:
        print_json({"user": email, "sessions_ended": ended})
    else:
        console().print(text(f"{counted(ended, 'session')} of {email} ended"), soft_wrap=True)


def _say(user: asyncpg.Record, done: str, *, as_json: bool) -> None:
    if as_json:
        print_json(dict(user))
        return
    state = "" if user["is_active"] else ", switched off"
    console().print(text(f"{user['email']} is {done}: {user['role']}{state}"), soft_wrap=True)
