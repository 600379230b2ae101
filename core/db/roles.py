"""Roles and grants: the files of `sql/roles/`, then each domain's `roles.sql`.

They say what holds, not what changes, so they run again whenever migrations have made something new. Where the login
may not create roles there are none, and the owner works as before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import asyncpg

from core import log
from core.domains import Domain
from core.settings import PROJECT

FILES: Final = PROJECT / "sql" / "roles"
ONE_AT_A_TIME: Final = "select pg_advisory_xact_lock(1785684596)"  # two sessions granting on one object collide
LIMIT_S: Final = 60.0


def files(domains: Sequence[Domain]) -> Iterator[Path]:
    """In the order they run."""
    yield from sorted(FILES.glob("*.sql"))
    for domain in domains:
        if (own := domain.home / "roles.sql").exists():
            yield own


async def apply(dsn: str, domains: Sequence[Domain]) -> bool:
    """Runs all files. True = the roles exist and have their grants; else a warning says what is missing."""
    connection = await asyncpg.connect(dsn, timeout=LIMIT_S, command_timeout=LIMIT_S)
    notices: list[str] = []
    connection.add_log_listener(lambda _, notice: notices.append(notice.message or ""))
    try:
        first, *others = files(domains)
        await connection.execute(first.read_text(encoding="utf-8"))  # committed at once: other databases wait for it
        async with connection.transaction():
            await connection.execute(ONE_AT_A_TIME)
            for file in others:
                await connection.execute(file.read_text(encoding="utf-8"))
    finally:
        await connection.close(timeout=LIMIT_S)
    for notice in notices:
        log.get("migrate").warning("roles", reason=notice)
    return not notices
