"""Passwords: what may be one, and argon2 of it. Knows no database.

A hash takes 64 MiB and a tenth of a second on purpose (RFC 9106, the second recommended choice), so it runs beside the
loop, two at a time, and there is a queue that is full one day.
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import RowmillError

SHORTEST: Final = 12  # characters; length is what guards a password, not a mixture of signs
LONGEST: Final = 200
FEWEST_DIFFERENT: Final = 5
AT_ONCE: Final = 2
WAITING: Final = 20
Result = TypeVar("Result")
_argon2: Final = PasswordHasher()


class UnfitPassword(RowmillError):
    """This may not be a password."""


class Overrun(RowmillError):
    """More people log in at once than this process can hash for."""


def check(password: str, email: str) -> None:
    """Raises UnfitPassword."""
    if len(password) < SHORTEST:
        raise UnfitPassword(f"a password needs at least {SHORTEST} characters; take a longer one, words are fine")
    if len(password) > LONGEST:
        raise UnfitPassword(f"a password may have {LONGEST} characters; take a shorter one")
    if not password.isprintable():
        raise UnfitPassword("a password may not hold control characters; take letters, digits, signs and spaces")
    plain, name = password.casefold(), email.casefold().partition("@")[0]
    if len(set(plain)) < FEWEST_DIFFERENT or plain in {email.casefold(), name * (len(plain) // max(1, len(name)))}:
        raise UnfitPassword("this password is guessed at once; take one with more different characters")


def hashed(password: str) -> str:
    """What is kept: argon2id, with its salt and parameters in it."""
    return _argon2.hash(_plain(password))


def matches(password: str, kept: str | None) -> bool:
    """Whether this is the password. As long for a user who has none, or does not exist."""
    if len(password) > LONGEST:
        password, kept = "", None
    try:
        _argon2.verify(kept or _nobodys(), _plain(password))
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Whether it was hashed with weaker parameters than today's."""
    return _argon2.check_needs_rehash(kept)


def made_up() -> str:
    """A password that nobody guesses: 120 random bits."""
    return "-".join(secrets.token_hex(3) for _ in range(5))


@cache
def _nobodys() -> str:
    return _argon2.hash(secrets.token_urlsafe(32))


def _plain(password: str) -> bytes:
    """The same bytes however a keyboard composes its accents."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace")


class Hashing:
    """Runs the work of argon2 off the loop's thread, a little at a time."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")
        self._running = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """Raises Overrun."""
        if self._running >= AT_ONCE + WAITING:
            raise Overrun("too many people log in at once; try again in a few seconds")
        self._running += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._running -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
