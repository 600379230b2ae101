"""A person's sessions: opened by a password, closed by a logout, by time, by a new password. Knows no HTTP.

A session's secret is 256 random bits, shown once and kept as its SHA-256. No connection is held while argon2 works.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from core.db import catalogs
from core.db.connect import Connection
from core.errors import RowmillError
from core.people import attempts, passwords
from core.people.attempts import Attempt
from core.people.passwords import Hashing

PREFIX: Final = "rowmill-session_"
WRONG: Final = "the e-mail address or the password is wrong; try again"


class WrongPassword(RowmillError):
    """Of whom is not said: an address that nobody has gets the same answer, after the same time."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session just opened; `secret` is in no other place."""

    secret: str
    expires_at: datetime
    email: str


@dataclass(frozen=True, slots=True)
class People:
    """What it takes to judge a password: connections, and threads to hash in."""

    acquire: Callable[[], AbstractAsyncContextManager[Connection]]
    hashing: Hashing

    async def log_in(self, email: str, password: str, peer: str, life_s: float) -> Session:
        """Raises WrongPassword, TooManyAttempts, Overrun."""
        user, attempt = await self._judged(email, password, peer)
        outdated = passwords.is_outdated(user["password_hash"])
        kept = await self.hashing.run(lambda: passwords.hashed(password)) if outdated else user["password_hash"]
        secret = new_secret()
        async with self.acquire() as connection:
            await attempts.forget(connection, attempt)
            values = {"user_id": user["id"], "judged": user["password_hash"], "password_hash": kept}
            opened = await catalogs.people()["session.open"].fetch(
                connection, **values, digest=digest(secret), life_s=life_s
            )
        if not opened:  # another password since it was judged
            raise WrongPassword(WRONG)
        return Session(secret, opened[0]["expires_at"], user["email"])

    async def change_password(self, email: str, current: str, new: str, peer: str, own: str | None) -> int:
        """Ends every session but the own one; returns how many. Raises UnfitPassword and what log_in raises."""
        passwords.check(new, email)
        user, attempt = await self._judged(email, current, peer)
        kept = await self.hashing.run(lambda: passwords.hashed(new))
        async with self.acquire() as connection:
            await attempts.forget(connection, attempt)
            return await set_hash(connection, user["id"], kept, by=user["id"], own=own)

    async def _judged(self, email: str, password: str, peer: str) -> tuple[asyncpg.Record, Attempt]:
        async with self.acquire() as connection:
            attempt = await attempts.begin(connection, email, peer)
            found = await catalogs.people()["user.to_judge"].fetch(connection, email=_storable(email))
        user = found[0] if found else None
        kept = user["password_hash"] if user is not None else None
        if user is not None and await self.hashing.run(lambda: passwords.matches(password, kept)):
            return user, attempt
        if user is None:
            await self.hashing.run(lambda: passwords.matches(password, None))
        async with self.acquire() as connection:  # the same work for an address that nobody has
            await catalogs.people()["login.refused"].fetch(connection, user_id=user["id"] if user is not None else None)
        raise WrongPassword(WRONG)


async def set_hash(
    connection: Connection, user_id: UUID, kept: str, *, by: UUID | None, own: str | None = None, verified: bool = False
) -> int:
    """Another password; every session but the own one ends. Returns how many. `verified`: the address is the user's."""
    values = {"user_id": user_id, "password_hash": kept, "by": by, "own": digest(own) if own else None}
    (done,) = await catalogs.people()["password.set"].fetch(connection, **values, verified=verified)
    return int(done["ended"])


def new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is kept of a session. No salt and no slow hash: 256 random bits cannot be guessed."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _storable(email: str) -> str:
    """What no address can hold finds nobody, rather than an error."""
    return email.strip().replace("\x00", "").encode("utf-8", "replace").decode()
