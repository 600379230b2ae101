"""Tokens of the HTTP API: 256 random bits, shown once, kept as their SHA-256. Knows no HTTP."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args
from uuid import UUID

import asyncpg

from core.db import catalogs
from core.db.connect import Connection
from core.db.workspace import DEFAULT_WORKSPACE
from core.errors import RowmillError
from core.people import users

Scope = Literal["read", "operate", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)  # each may what the ones before it may
PREFIX: Final = "rowmill_"  # so that secret scanners know one when they see it
LOCAL_USER: Final = "local@rowmill.invalid"
ID_DIGITS: Final = 32
FEWEST_DIGITS: Final = 8


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made; `secret` is in no other place."""

    id: UUID
    secret: str
    email: str
    scope: Scope
    expires_at: datetime | None


def sha256(secret: str) -> bytes:
    """What is kept of a token. No salt and no slow hash: 256 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


async def create(  # noqa: PLR0913 - what a token is made of, by name
    connection: Connection,
    email: str,
    scope: Scope,
    *,
    name: str = "",
    life_s: float | None = None,
    create_user: bool = False,
    workspaces: Sequence[UUID] = (),
    one_time: bool = False,
) -> NewToken:
    """Makes a token of this user; with `create_user` the user, too, as a member of the workspaces.

    Raises RowmillError where there is no such user or workspace.
    """
    secret = PREFIX + secrets.token_urlsafe(32)
    statements = catalogs.people()
    async with connection.transaction():
        user = await _user(connection, email, create_user=create_user)
        await users.join(connection, user["id"], workspaces)
        values = {"user_id": user["id"], "sha256": sha256(secret), "scope": scope, "name": name}
        made = await statements["token.insert"].fetch(connection, **values, life_s=life_s, one_time=one_time)
    return NewToken(made[0]["id"], secret, user["email"], scope, made[0]["expires_at"])


async def _user(connection: Connection, email: str, *, create_user: bool) -> asyncpg.Record:
    user = await users.found(connection, email)
    if user is None and not create_user:
        raise RowmillError(f"there is no user {email}; add --create-user to make one")
    if user is None:
        user = await users.insert(connection, email, ())
    if not user["is_active"]:
        raise RowmillError(f"the user {email} is switched off; set users.is_active, or choose another one")
    return user


async def create_one_time(connection: Connection, life_s: float) -> NewToken:
    """The token of a web server that starts where there is none: of a local user, of full scope, not for long."""
    return await create(
        connection,
        LOCAL_USER,
        "admin",
        name="made at the start of rowmill web",
        life_s=life_s,
        create_user=True,
        workspaces=[DEFAULT_WORKSPACE],
        one_time=True,
    )


async def found_id(connection: Connection, given: str) -> UUID:
    """The one token whose id is this, or begins like this."""
    digits = given.strip().replace("-", "").lower()
    if not re.fullmatch(rf"[0-9a-f]{{{FEWEST_DIGITS},{ID_DIGITS}}}", digits):
        raise RowmillError(f"{given!r} is no id of a token; list them with `rowmill token list`")
    low, high = UUID(digits.ljust(ID_DIGITS, "0")), UUID(digits.ljust(ID_DIGITS, "f"))
    found = await catalogs.people()["token.between"].fetch(connection, low=low, high=high)
    if len(found) != 1:
        count = "several tokens have" if found else "no token has"
        raise RowmillError(f"{count} an id that begins with {given}; list them with `rowmill token list`")
    return UUID(str(found[0]["id"]))
