"""How often somebody may try a password. Kept in the database: all web processes count together, and a restart forgets
nothing. An attempt is counted before it is judged, so that a hundred at the same moment are not all the first one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from core.db import catalogs
from core.db.connect import Connection
from core.errors import RowmillError

WINDOW_S: Final = 900.0
LIMITS: Final = {"here": 5, "account": 50, "peer": 100}  # of wrong ones within the window


class TooManyAttempts(RowmillError):
    """`wait_s` until the next one is judged."""

    def __init__(self, message: str, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def _minutes(wait_s: float) -> str:
    minutes = max(1, -(-int(wait_s) // 60))
    return "a minute" if minutes == 1 else f"{minutes} minutes"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that is being judged."""

    id: UUID
    account: bytes
    peer: str


async def begin(connection: Connection, email: str, peer: str) -> Attempt:
    """Raises TooManyAttempts. The account is kept as a hash: people type passwords into the wrong field."""
    account = hashlib.sha256(email.strip().casefold().encode("utf-8", "replace")).digest()
    statements = catalogs.people()
    (made,) = await statements["attempt.insert"].fetch(connection, account=account, peer=peer)
    (found,) = await statements["attempt.count"].fetch(connection, account=account, peer=peer, window_s=WINDOW_S)
    if any(found[name] > limit for name, limit in LIMITS.items()):
        await statements["attempt.delete"].fetch(connection, id=made["id"])
        wait_s = max(1.0, found["wait_s"])
        raise TooManyAttempts(f"too many wrong passwords; wait {_minutes(wait_s)}, then try again", wait_s)
    return Attempt(made["id"], account, peer)


async def forget(connection: Connection, attempt: Attempt) -> None:
    """The right password: what was mistyped here before counts no more."""
    await catalogs.people()["attempt.forget"].fetch(connection, account=attempt.account, peer=attempt.peer)
