"""GET and POST /v1/shape: shapes for whoever has a token, narrowed by the server to what that person may see."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from core.web import Actor, Refused, Shell, StreamResponse, Visit, log, protocol, service
from workers.turns.rules.access import Person
from workers.turns.shapes.answers import Answer, told
from workers.turns.shapes.database import Source
from workers.turns.shapes.limits import Limits
from workers.turns.shapes.serving import Shapes
from workers.turns.shapes.speaking import NotLetIn, preflight, speak
from workers.turns.shapes.tail import Tail

DOMAIN: Final = "workers.turns"
PERSON_S: Final = 2.0  # how soon a changed role or workspace is noticed


@dataclass(slots=True)
class Desk:
    """The shapes of this process, and who has asked lately."""

    shapes: Shapes
    people: dict[tuple[UUID, tuple[UUID, ...] | None], tuple[float, Person]] = field(default_factory=dict)

    async def person(self, actor: Actor) -> Person:
        """Raises Refused."""
        visible = None if actor.visible is None else tuple(actor.visible)
        known = self.people.get((actor.user_id, visible))
        if known is not None and time.monotonic() - known[0] < PERSON_S:
            return known[1]
        rows = await self.shapes.source.read("person", user_id=actor.user_id)
        if not rows:
            raise Refused(403, "inactive", "this user is switched off; ask an administrator")
        found = Person(actor.user_id, rows[0]["role"], visible, tuple(rows[0]["vendors"]))
        if len(self.people) > 10_000:  # noqa: PLR2004 - a bound on memory
            self.people.clear()
        self.people[actor.user_id, visible] = (time.monotonic(), found)
        return found


@service
@asynccontextmanager
async def desk(shell: Shell) -> AsyncIterator[Desk]:
    """The one reader of the log in this process, while it serves."""
    settings = shell.settings
    source = Source(shell.pool.acquire, shell.statements(DOMAIN))
    limits = Limits(settings.shape_chunk_bytes, settings.shape_poll_s, settings.shape_max_age_s, settings.shape_stale_s)
    tail = Tail(source, settings.shape_tick_s, lambda error: _note("shapes_wait", error))
    running = [asyncio.create_task(_keep_running(tail)), asyncio.create_task(_stop(shell, tail))]
    try:
        yield Desk(Shapes(source, limits, tail))
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _keep_running(tail: Tail) -> None:
    while True:
        try:
            await tail.run()
        except Exception as error:  # noqa: BLE001 - the outermost guard of a duty
            log.get("shapes").error("shapes_failed", frames=log.frames(error))
            await asyncio.sleep(1)


async def _stop(shell: Shell, tail: Tail) -> None:
    await shell.stopping.wait()
    tail.stop()


def _note(event: str, error: BaseException) -> None:
    log.get("shapes").warning(event, error=type(error).__name__)


def _refusal(error: Refused) -> Answer:
    again = {} if error.retry_after_s is None else {"retry-after": str(max(1, round(error.retry_after_s)))}
    return told(error.status, {"message": str(error), **error.document()}, **again)


@protocol("/v1/shape", "GET", "HEAD", "POST", "OPTIONS")
async def shape(visit: Visit) -> StreamResponse:
    """A shape: its snapshot, then its log, live."""
    if visit.request.method == "OPTIONS":
        return preflight(visit.request)
    own = visit.service(desk)

    async def person() -> Person:
        try:
            return await own.person(await visit.let_in("read"))
        except Refused as error:
            raise NotLetIn(_refusal(error)) from error

    return await speak(visit.request, own.shapes, person)
