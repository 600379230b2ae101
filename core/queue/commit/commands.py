"""Commands: a change asked for by a person or a service. The same effects, the same writers, the same audit; an actor
and a `command_id` instead of a task. The command's row is its fence: a second try of the same id writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from core.db import catalogs
from core.db.connect import DRIVER_TROUBLE, Connection, DatabaseUnreachable, Slots
from core.effects import Effect, Target, made_storable
from core.errors import CommandRefused
from core.queue.commit.changes import Author
from core.queue.commit.faults import Poison, fault_of, is_connection_lost, sentence
from core.queue.commit.transaction import BEGIN
from core.queue.commit.writes import Appeared, Writes
from core.storable import Unstorable

WAIT = "set local lock_timeout = '2s'"


class Commands:
    """Applies commands of one domain package on the connections kept for them."""

    def __init__(self, slots: Slots, package: str) -> None:
        self._slots, self._package = slots, package

    async def apply(
        self,
        command_id: UUID,
        user_id: UUID,
        kind: str,
        effects: Sequence[Effect],
        *,
        seen: Mapping[Target, int] | None = None,
        workspace_id: UUID | None = None,
    ) -> bool:
        """Writes the effects once. True = written now, False = this command_id had been applied before.

        `seen` holds the versions the person saw; a row that has changed since refuses the command as a whole.
        Raises CommandRefused with a sentence.
        """
        author = Author(user_id=user_id, command_id=command_id, workspace_id=workspace_id)
        storable = _storable(effects, author)
        for _ in range(3):
            try:
                return await self._once(author, kind, storable, dict(seen or {}))
            except Appeared:
                continue
            except Poison as error:
                raise CommandRefused(f"{error}; read the rows again") from error
            except (DatabaseUnreachable, *DRIVER_TROUBLE) as error:
                if fault_of(error) == "repeat":
                    continue
                raise CommandRefused(_refusal(error)) from error
        raise CommandRefused("the rows keep changing under this command; try again in a moment")

    async def _once(
        self, author: Author, kind: str, effects: list[tuple[Effect, Author]], seen: dict[Target, int]
    ) -> bool:
        asked = False
        try:
            async with self._slots.acquire() as connection:
                try:
                    fresh = await self._prepare(connection, author, kind, effects, seen)
                    asked = True
                    await connection.execute("commit" if fresh else "rollback")
                except BaseException:
                    connection.terminate()
                    raise
                return fresh
        except DRIVER_TROUBLE as error:
            if asked and is_connection_lost(error):
                return await self._is_known(author)
            raise

    async def _prepare(
        self,
        connection: Connection,
        author: Author,
        kind: str,
        effects: list[tuple[Effect, Author]],
        seen: dict[Target, int],
    ) -> bool:
        engine = catalogs.engine()
        await connection.execute(f"{BEGIN}; {WAIT}")
        values = {"command_id": author.command_id, "actor": author.user_id, "kind": kind}
        if not await engine["command_insert"].fetch(connection, **values):
            return False
        writes = Writes(connection, catalogs.of_package(self._package))
        targets = {target for effect, _ in effects if (target := effect.target()) is not None}
        held, _ = await writes.lock(targets, wait=True)
        current = {target: found.version for target, found in held.items()}
        current |= await writes.versions(set(seen) - current.keys())
        changed = [target for target, version in seen.items() if current[target] != version]
        if changed:
            raise CommandRefused(f"{len(changed)} rows have changed since they were read; read them again")
        await writes.write(effects, held)
        return True

    async def _is_known(self, author: Author) -> bool:
        """After a lost COMMIT: the unique command row waits for the old transaction, so its answer is final."""
        values = {"command_id": author.command_id, "actor": author.user_id, "kind": "probe"}
        try:
            async with self._slots.acquire() as connection, connection.transaction():
                fresh = await catalogs.engine()["command_insert"].fetch(connection, **values)
                if fresh:
                    raise CommandRefused("the connection was lost before the command was written; send it again")
        except (DatabaseUnreachable, *DRIVER_TROUBLE) as error:
            raise CommandRefused(
                "the connection was lost, and it is not known whether this was written; "
                "send it again with the same command_id, it is never written twice"
            ) from error
        return True


def _storable(effects: Sequence[Effect], author: Author) -> list[tuple[Effect, Author]]:
    try:
        return [(made_storable(effect), author) for effect in effects]
    except Unstorable as error:
        raise CommandRefused(str(error)) from error


def _refusal(error: BaseException) -> str:
    if fault_of(error) == "locked":
        return "somebody else is changing these rows right now; try again in a moment"
    return sentence(error)
