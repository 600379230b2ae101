"""Changes that a person makes on the command line: the same commands as over HTTP, in that person's name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID, uuid4

import asyncpg

from core.cli.database import database
from core.db import catalogs
from core.db.connect import Slots
from core.effects import Effect, Target
from core.errors import RowmillError
from core.queue.commit.answers import Answer, Ask
from core.queue.commit.commands import Command, Commands
from core.settings import Settings

Done = TypeVar("Done")
ONE_USER: Final = 1


@dataclass(frozen=True, slots=True)
class Acting:
    """A person at work with one domain. `email` stands in what is written."""

    slots: Slots
    package: str
    user_id: UUID | None
    email: str

    async def read(self, statement: str, **values: Any) -> list[asyncpg.Record]:
        """The rows of a named statement of the domain."""
        async with self.slots.acquire() as connection:
            return await catalogs.of_package(self.package)[statement].fetch(connection, **values)

    async def apply(
        self,
        kind: str,
        effects: Sequence[Effect],
        *,
        seen: Mapping[Target, int] | None = None,
        workspace_id: UUID | None = None,
        content: object = None,
        ask: Ask | None = None,
    ) -> Answer:
        """Writes effects as one command of this person. Raises CommandRefused."""
        if self.user_id is None:
            raise RowmillError("say in whose name it is done, with --user name@example.org")
        command = Command(uuid4(), self.user_id, kind, effects, dict(seen or {}), workspace_id, content, ask)
        return await Commands(self.slots, self.package).apply(command)


def acting(data_dir: Path | None, package: str, user: str | None, work: Callable[[Acting], Awaitable[Done]]) -> Done:
    """Does the work on a session of its own. Without `user` the only active one is meant; a read needs none."""
    with database(data_dir) as dsn:
        return asyncio.run(_acted(dsn, package, user, work))


async def _acted(dsn: str, package: str, user: str | None, work: Callable[[Acting], Awaitable[Done]]) -> Done:
    slots = Slots(dsn, Settings(), "cli", 1)
    try:
        async with slots.acquire() as connection:
            rows = await catalogs.inspect()["acting_users"].fetch(connection, email=user)
        if user is not None and not rows:
            raise RowmillError(f"there is no active user {user}; make one with `rowmill token create --create-user`")
        known = rows[0] if len(rows) == ONE_USER else None
        return await work(Acting(slots, package, known["id"] if known else None, known["email"] if known else ""))
    finally:
        await slots.close()
