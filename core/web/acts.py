"""Changes that are functions of the SQL contract: retry, cancel, enqueue, pause. One transaction holds the idempotency
key, the act, its audit with the user, and the answer; a repeated request hears that answer and changes nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from asyncpg.transaction import Transaction

from core.db import catalogs
from core.db.connect import DRIVER_TROUBLE, Connection
from core.queue.commit.faults import is_connection_lost
from core.web.call import Call
from core.web.refusals import Refused

Work = Callable[[Connection], Awaitable[dict[str, Any]]]
LOCK_MS: Final = 2000
ROLLBACK_S: Final = 1.0
TRIES: Final = 2
REUSED: Final = "this Idempotency-Key was used for a different request; use a new one for each change"
UNKNOWN: Final = (
    "the connection was lost, and it is not known whether this was done; "
    "send it again with the same Idempotency-Key, it is never done twice"
)


@dataclass(frozen=True, slots=True)
class Deed:
    """What the audit says was done."""

    entity: str
    entity_id: str
    action: str
    workspace_id: UUID | None = None
    before: Any = None
    after: Any = None


async def act(call: Call[Any, Any], kind: str, work: Work) -> dict[str, Any]:
    """Does the work once per idempotency key, and returns its answer as JSON gives it back.

    The digest holds path, query and body: the same key with others of these, or of another user, is refused.
    """
    told = (kind, call.asked.model_dump(mode="json"), call.body.model_dump(mode="json"))
    own = {
        "command_id": call.command_id,
        "actor": call.actor.user_id,
        "kind": kind,
        "digest": hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest(),
    }
    for _ in range(TRIES):  # a lost COMMIT is answered by the key's row
        try:
            return await _once(call, own, work)
        except _LostCommit:
            continue
    raise Refused(503, "unknown", UNKNOWN, retry_after_s=1)


class _LostCommit(Exception):
    """COMMIT was sent, and its answer never came."""


async def _once(call: Call[Any, Any], own: dict[str, Any], work: Work) -> dict[str, Any]:
    asked = False
    async with call.shell.commands.acquire() as connection:
        transaction = connection.transaction()
        try:
            await transaction.start()
            stored = await _in_transaction(call, connection, own, work)
            asked = True
            await transaction.commit()
        except DRIVER_TROUBLE as error:
            if asked and is_connection_lost(error):
                connection.terminate()
                raise _LostCommit from error
            await _roll_back(connection, transaction)
            raise
        except BaseException:
            await _roll_back(connection, transaction)
            raise
    answer: dict[str, Any] = orjson.loads(stored)
    return answer


async def _roll_back(connection: Connection, transaction: Transaction) -> None:
    """A connection that cannot be rolled back soon is cut; the server rolls back then."""
    try:
        async with asyncio.timeout(ROLLBACK_S):
            await transaction.rollback()
    except DRIVER_TROUBLE:
        connection.terminate()


async def _in_transaction(call: Call[Any, Any], connection: Connection, own: dict[str, Any], work: Work) -> str:
    statements, settings = catalogs.web(), call.shell.settings
    limit_ms = int(settings.web_time_limit_s * 1000)
    await statements["limits"].fetch(connection, statement_ms=limit_ms, lock_ms=LOCK_MS)
    if not await statements["act.begin"].fetch(connection, **own):
        before = await statements["act.before"].fetch(connection, **own)
        if not before or not before[0]["same"]:
            raise Refused(409, "reused", REUSED, field="Idempotency-Key")
        return str(before[0]["answer"])
    stored = orjson.dumps(await work(connection), default=str).decode()
    await statements["act.answer"].fetch(connection, command_id=call.command_id, answer=stored)
    return stored


async def audit(call: Call[Any, Any], connection: Connection, deed: Deed) -> None:
    """The audit row of an act, in its transaction, in the name of the user."""
    await catalogs.web()["act.audit"].fetch(
        connection,
        workspace_id=deed.workspace_id,
        entity=deed.entity,
        entity_id=deed.entity_id,
        action=deed.action,
        before=None if deed.before is None else orjson.dumps(deed.before, default=str).decode(),
        after=None if deed.after is None else orjson.dumps(deed.after, default=str).decode(),
        user_id=call.actor.user_id,
        command_id=call.command_id,
    )
