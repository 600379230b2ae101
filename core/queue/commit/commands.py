"""Commands: a change asked for by a person or a service. The same effects, the same writers, the same audit; an actor
and a `command_id` instead of a task. The command's row is its fence: a second try of the same id writes nothing and
hears the first one's answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from core.db import catalogs
from core.db.connect import DRIVER_TROUBLE, Connection, DatabaseUnreachable, Slots
from core.db.workspace import entering
from core.effects import Effect, Target, made_storable
from core.errors import CommandRefused
from core.queue.commit.answers import Answer, Ask, answer_of, answered, digest
from core.queue.commit.changes import Author
from core.queue.commit.faults import Poison, fault_of, is_connection_lost, sentence
from core.queue.commit.transaction import BEGIN, roll_back
from core.queue.commit.writes import Appeared, Found, Writes
from core.storable import Unstorable

WAIT: Final = "set local lock_timeout = '2s'"
TRIES: Final = 3
BUSY: Final = "somebody else is changing these rows right now; try again in a moment"
UNKNOWN: Final = (
    "the connection was lost, and it is not known whether this was written; "
    "send it again with the same command_id, it is never written twice"
)


@dataclass(frozen=True, slots=True)
class Command:
    """One change as it was asked for.

    id            the client's idempotency key; it is remembered for seven days
    actor         the user in whose name it is written; stands in the audit
    kind          a word for it, for example `cells.edit`
    seen          the versions the person saw: a row that has changed since refuses the command as a whole
    content       what was asked for, where the effects hold more than that (ids made up for it, rows read for it): it
                  decides whether a second try is the same. Without it the effects and `seen` do
    ask           a named statement whose rows become part of the answer
    """

    id: UUID
    actor: UUID
    kind: str
    effects: Sequence[Effect]
    seen: Mapping[Target, int] = field(default_factory=dict)
    workspace_id: UUID | None = None
    content: object = None
    ask: Ask | None = None


class Commands:
    """Applies commands of one domain package on the connections kept for them."""

    def __init__(self, slots: Slots, package: str) -> None:
        self._slots, self._package = slots, package

    async def apply(self, command: Command) -> Answer:
        """Writes the effects once and answers with the new version of each row. The same command again answers the
        same; `written` is False then. A lost COMMIT is resolved by asking for the command's row before trying again.

        Raises CommandRefused with a sentence; `why` says of what kind, `changed` names the rows of a stale one.
        """
        storable = replace(command, effects=_storable(command.effects))
        mark = digest(command.kind, storable.effects, command.seen, command.content)
        unknown = False  # whether an earlier try may have been written
        for _ in range(TRIES):
            try:
                answer = await _Try(self._slots, self._package, storable, mark).run()
            except _LostCommit:
                unknown = True
            except Appeared:
                continue
            except Poison as error:
                raise CommandRefused(f"{error}; read the rows again", "gone") from error
            except (DatabaseUnreachable, *DRIVER_TROUBLE) as error:
                if fault_of(error) != "repeat":
                    raise _refusal(error, unknown=unknown) from error
            else:
                return replace(answer, written=answer.written or unknown)
        if unknown:
            raise CommandRefused(UNKNOWN, "unknown")
        raise CommandRefused("the rows keep changing under this command; try again in a moment", "busy")


class _LostCommit(Exception):
    """COMMIT was sent, and its answer never came."""


@dataclass(slots=True)
class _Try:
    """One transaction of a command."""

    slots: Slots
    package: str
    command: Command
    digest: str
    asked: bool = False  # whether COMMIT was sent

    async def run(self) -> Answer:
        try:
            async with self.slots.acquire() as connection:
                try:
                    return await self._in_transaction(connection)
                except BaseException as error:
                    await roll_back(connection, error)
                    raise
        except DRIVER_TROUBLE as error:
            if self.asked and is_connection_lost(error):
                raise _LostCommit from error
            raise

    async def _in_transaction(self, connection: Connection) -> Answer:
        await connection.execute(self._opening())
        if (before := await self._before(connection)) is not None:
            await connection.execute("rollback")
            return before
        stored = await self._write(connection)
        self.asked = True
        await connection.execute("commit")
        return answer_of(stored, written=True)

    def _opening(self) -> str:
        workspace = self.command.workspace_id
        return f"{BEGIN}; {WAIT}" if workspace is None else f"{BEGIN}; {WAIT}; {entering(workspace)}"

    async def _before(self, connection: Connection) -> Answer | None:
        """The answer of an earlier try of this id; None = it is written now. The insert waits for a try that is under
        way, so what it says is final."""
        engine, command = catalogs.engine(), self.command
        own = {"command_id": command.id, "actor": command.actor, "kind": command.kind, "digest": self.digest}
        if await engine["command_insert"].fetch(connection, **own):
            return None
        rows = await engine["command_before"].fetch(connection, **own)
        if not rows or not rows[0]["same"]:
            reason = f"the command_id {command.id} was used for a different change; use a new one for each change"
            raise CommandRefused(reason, "reused")
        return answer_of(rows[0]["answer"], written=False)

    async def _write(self, connection: Connection) -> str:
        """Everything up to COMMIT; returns the answer as it is stored."""
        command, catalog = self.command, catalogs.of_package(self.package)
        writes = Writes(connection, catalog)
        targets = {target for effect in command.effects if (target := effect.target()) is not None}
        held, busy = await writes.lock(targets, wait=True)
        if busy:
            raise CommandRefused(BUSY, "busy")
        await self._compare(writes, held)
        author = Author(user_id=command.actor, command_id=command.id, workspace_id=command.workspace_id)
        await writes.write([(effect, author) for effect in command.effects], held)
        versions = await writes.versions({each for each in targets if f"{each[0]}.versions" in catalog})
        rows = await catalog[command.ask.statement].fetch(connection, **command.ask.values) if command.ask else []
        stored = answered(versions, [dict(row) for row in rows])
        await catalogs.engine()["command_answer"].fetch(connection, command_id=command.id, answer=stored)
        return stored

    async def _compare(self, writes: Writes, held: dict[Target, Found]) -> None:
        seen = self.command.seen
        current = {target: found.version for target, found in held.items()}
        current |= await writes.versions(set(seen) - current.keys())
        changed = {target: current[target] for target, version in seen.items() if current[target] != version}
        if changed:
            counted = "1 row has" if len(changed) == 1 else f"{len(changed)} rows have"
            them = "it" if len(changed) == 1 else "them"
            raise CommandRefused(f"{counted} changed since you read {them}; read {them} again", "stale", changed)


def _storable(effects: Sequence[Effect]) -> list[Effect]:
    try:
        return [made_storable(effect) for effect in effects]
    except Unstorable as error:
        raise CommandRefused(str(error)) from error


def _refusal(error: BaseException, *, unknown: bool) -> CommandRefused:
    if unknown:
        return CommandRefused(UNKNOWN, "unknown")
    match fault_of(error):
        case "locked":
            return CommandRefused(BUSY, "busy")
        case "poison":
            return CommandRefused(sentence(error))
        case _:
            return CommandRefused(sentence(error), "unreachable")
