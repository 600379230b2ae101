"""From a request to its answer: which shape, where in it, what is new. Holds no connection while it waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final

from workers.turns.model.shapes import Condition, Definition, Layout, Shape
from workers.turns.rules import access, names, offsets, where
from workers.turns.rules.access import Person
from workers.turns.rules.asked import Asked, Invalid
from workers.turns.rules.offsets import Offset
from workers.turns.rules.tokens import Refused
from workers.turns.shapes import answers, layouts, log, messages
from workers.turns.shapes.answers import Answer, Caching
from workers.turns.shapes.database import Source
from workers.turns.shapes.limits import Limits, Reader
from workers.turns.shapes.log import Page
from workers.turns.shapes.store import ConditionUnfit, Store
from workers.turns.shapes.tail import Gone, Stopping, Tail

LAG: Final = 500  # transactions behind the head after which an idle client is moved on
FRESH_S: Final = 1.0  # a live request believes for so long what the last one has read
SETTLE_S: Final = 15.0
KNOWN: Final = 5000


class Unsettled(Exception):
    """A transaction that the snapshot shows has no number yet, for longer than anybody should wait."""


@dataclass(slots=True)
class Shapes:
    """All that one process needs to serve shapes. `open_to_all`: any table, to anybody (the development server), which
    `prepare` sees to it is in the log."""

    source: Source
    limits: Limits
    tail: Tail
    store: Store = field(init=False)
    open_to_all: bool = False
    prepare: Callable[[Layout], Awaitable[None]] | None = None
    _reading: dict[tuple[str, Offset, int], asyncio.Task[Page]] = field(default_factory=dict)
    _known: dict[object, tuple[float, Definition, Shape | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = Store(self.source, self.limits.chunk_bytes)

    def caching(self) -> Caching:
        limits = self.limits
        return Caching(limits.max_age_s, limits.stale_s, limits.poll_s, personal=not self.open_to_all)

    # --- which shape ---

    async def layout(self, table: str) -> Layout:
        """Raises Invalid."""
        try:
            schema, name = names.table_name(table)
        except names.Unreadable as error:
            raise Invalid(table=str(error)) from None
        if not self.open_to_all and (schema != "public" or name not in access.SYNCED):
            raise Invalid(table=f"Table {table!r} is not synced; there are {', '.join(access.SYNCED)}")
        found = await layouts.read(self.source, schema, name)
        if found is None:
            raise Invalid(
                table=f'Table "{schema}"."{name}" does not exist. If the table name contains capitals or '
                "special characters you must quote it."
            )
        if self.prepare is not None:
            await self.prepare(found)
        return found

    async def definition(self, asked: Asked, person: Person | None) -> Definition:
        """Raises Invalid."""
        layout = await self.layout(asked.table)
        own = self._own_part(layout, person)
        try:
            asked_for = where.condition(asked.where, asked.params, layout) if asked.where else None
        except Refused as error:
            raise Invalid(where=str(error)) from None
        try:
            columns = names.columns(asked.columns, layout) if asked.columns else layout.columns
        except names.Unreadable as error:
            raise Invalid(columns=str(error)) from None
        made = Definition(layout, columns, where.both(own, asked_for), asked.replica, asked.log)
        await self._check(made)
        return made

    async def _check(self, made: Definition) -> None:
        try:
            await self.store.check(made)
        except ConditionUnfit as error:
            raise Invalid(where=str(error)) from None

    def _own_part(self, layout: Layout, person: Person | None) -> Condition | None:
        if person is None:
            return None
        part = access.part_of(person, layout.table)
        if part is None:
            raise Invalid(table=f"Table {layout.table!r} is not for your role")
        return where.condition(part.where, dict(enumerate(part.params, start=1)), layout)

    # --- answers ---

    async def answer(self, asked: Asked, person: Person | None) -> Answer:
        """Everything but a stream and a subset."""
        if asked.live:
            return await self._live(asked, person)
        definition = await self.definition(asked, person)
        if not asked.offset.is_mid_air:
            return await self._begun(asked, definition)
        shape = await self.store.by_handle(asked.handle or "", definition)
        if shape is None:
            return await self.refetch(asked, person)
        if asked.offset.kind == "snapshot" and asked.offset.part < shape.chunks - 1:
            return await self._chunk(asked, shape, asked.offset.part + 1)
        try:
            return await self._caught_up(asked, shape)
        except (log.Truncated, Gone):
            return await self.refetch(asked, person, shape)

    async def refetch(self, asked: Asked, person: Person | None, gone: Shape | None = None) -> Answer:
        """Start anew. The definition is read again: perhaps the table is another one by now. Raises Invalid."""
        if gone is not None:
            await self.forget(gone.handle)
        definition = await self.definition(asked, person)
        return answers.refetch((await self.store.current(definition)).handle)

    async def forget(self, handle: str) -> bool:
        self._known = {key: known for key, known in self._known.items() if not known[2] or known[2].handle != handle}
        self.tail.drop(handle)
        return await self.store.drop(handle)

    async def _begun(self, asked: Asked, definition: Definition) -> Answer:
        shape = await self.store.current(definition)
        if asked.offset.kind == "now":
            head = await self.tail.read_head()
            await self.settled(shape)
            return self._data(asked, shape, Page((), offsets.after(head), complete=True), head)
        return await self._chunk(asked, shape, 0)

    async def _chunk(self, asked: Asked, shape: Shape, number: int) -> Answer:
        body = await self.store.chunk(shape, number)
        if body is None:
            await self.forget(shape.handle)
            return answers.refetch((await self.store.current(shape.definition)).handle)
        after, caching = offsets.chunk(number), self.caching()
        headers = {
            **answers.places(shape.handle, after),
            "electric-schema": answers.schema_header(shape.definition),
            "electric-has-data": "true" if shape.row_count else "false",
            "etag": answers.etag(shape.handle, asked.offset, after),
            **(caching.first() if number == 0 else caching.later()),
        }
        return Answer(200, body, headers)

    async def _caught_up(self, asked: Asked, shape: Shape) -> Answer:
        since = await self._since(asked.offset, shape)
        head = await self.tail.read_head()
        if since.lsn > head:
            await asyncio.sleep(self.limits.poll_s / 2)
            head = await self.tail.read_head()
            if since.lsn > head:
                raise Invalid(offset="out of bounds for this shape")
        page = await self.read(shape, since, head)
        return self._data(asked, shape, page, head)

    async def _since(self, offset: Offset, shape: Shape) -> Offset:
        """The place in the log. Raises Gone where the log does not reach back to it."""
        await self.settled(shape)
        since = offsets.after(shape.snapshot_lsn) if offset.kind == "snapshot" else offset
        (state,) = await self.source.read("log_head")
        if since.lsn < state["pruned"] or since.lsn < shape.snapshot_lsn:
            raise Gone
        return since

    async def settled(self, shape: Shape) -> None:
        """Until every transaction that the snapshot shows has its number. Raises Unsettled."""
        waiting, deadline = [str(each) for each in shape.waiting], time.monotonic() + SETTLE_S
        while waiting:
            (found,) = await self.source.read("log_waiting", waiting=waiting)
            if not found["some"]:
                return
            if time.monotonic() > deadline:
                raise Unsettled
            await self.tail.read_head()
            await asyncio.sleep(0.005)

    async def read(self, shape: Shape, since: Offset, head: int) -> Page:
        """One page of the log; all who ask for the same one at once share it."""
        key = (shape.handle, since, head)
        task = self._reading.get(key)
        if task is None:
            task = asyncio.create_task(log.read(self.source, shape, since, head, self.limits.chunk_bytes))
            self._reading[key] = task
            task.add_done_callback(lambda done: self._read(key, done))
        return await asyncio.shield(task)

    def _read(self, key: tuple[str, Offset, int], done: asyncio.Task[Page]) -> None:
        self._reading.pop(key, None)
        if not done.cancelled():
            done.exception()  # whoever waits is told; nobody waiting is no news

    def _data(self, asked: Asked, shape: Shape, page: Page, head: int) -> Answer:
        """Messages, and up-to-date where they reach the head."""
        after = page.after if page.bodies or asked.offset.kind == "now" else _moved(asked.offset, shape, head)
        bodies = (*page.bodies, messages.up_to_date(head)) if page.complete else page.bodies
        headers = {
            **answers.places(shape.handle, after),
            "electric-has-data": "true" if page.bodies else "false",
            "etag": answers.etag(shape.handle, asked.offset, after, unique=asked.live and not page.bodies),
        }
        if page.complete:
            headers["electric-up-to-date"] = ""
        caching = self.caching()
        if asked.live:
            headers |= {"electric-cursor": caching.cursor(time.time(), asked.cursor), **caching.live()}
        else:
            headers |= {"electric-schema": answers.schema_header(shape.definition), **caching.later()}
        return Answer(200, b"[" + b",".join(bodies) + b"]", headers)

    # --- live ---

    async def known(self, asked: Asked, person: Person | None) -> tuple[Definition, Shape | None]:
        """Definition and shape of a live request; what was read a moment ago is good enough."""
        key = (asked.shape, asked.handle, person)
        found = self._known.get(key)
        if found is not None and time.monotonic() - found[0] < FRESH_S:
            return found[1], found[2]
        definition = await self.definition(asked, person)
        shape = await self.store.by_handle(asked.handle or "", definition)
        if len(self._known) > KNOWN:
            self._known.clear()
        if shape is not None:
            self._known[key] = (time.monotonic(), definition, shape)
        return definition, shape

    async def _live(self, asked: Asked, person: Person | None) -> Answer:
        definition, shape = await self.known(asked, person)
        if shape is None:
            return await self.refetch(asked, person)
        reader = Reader(asked.offset)
        limit = asyncio.timeout(self.limits.poll_s)
        try:
            async with limit, aclosing(self.follow(reader, shape)) as pages:
                async for page, head in pages:
                    if page.bodies:
                        return self._data(asked, shape, page, head)
        except Stopping:
            pass
        except TimeoutError:
            if not limit.expired():
                raise
        except (log.Truncated, Gone):
            return await self.refetch(asked, person, shape)
        quiet = self.tail.quiet_until(definition.layout.rel, max(reader.looked.lsn, shape.snapshot_lsn))
        return self._data(asked, shape, Page((), asked.offset, complete=True), quiet)

    async def follow(self, reader: Reader, shape: Shape) -> AsyncGenerator[tuple[Page, int], None]:
        """Pages for ever, each with the head it was read up to; empty ones where only other rows of the table changed.
        Raises Gone, Truncated."""
        layout = shape.definition.layout
        with self.tail.following(shape.handle, layout.rel, layout.digest):
            await self.since_known(reader, shape)
            while True:
                if reader.looked.part:
                    head = await self.tail.read_head()
                else:
                    head = await self.tail.wait_changed(shape.handle, layout.rel, reader.looked.lsn)
                page = await self.read(shape, reader.looked, head)
                yield page, head
                reader.looked = offsets.after(head) if page.complete else page.after

    async def since_known(self, reader: Reader, shape: Shape) -> None:
        """Puts the reader into the log. Raises Gone."""
        if self._is_far(reader.looked):
            reader.looked = await self._since(reader.looked, shape)

    def _is_far(self, offset: Offset) -> bool:
        """Whether the log must be asked if it reaches back so far. Where little happens it ends close behind the head,
        and a client may have slept for longer."""
        tail = self.tail
        return offset.kind == "snapshot" or not tail.head or offset.lsn < tail.pruned or tail.head - offset.lsn > LAG


def _moved(offset: Offset, shape: Shape, head: int) -> Offset:
    """Who has nothing new stays, so that caches see the same address again; but not so far behind that the log ends."""
    lsn = shape.snapshot_lsn if offset.kind == "snapshot" else offset.lsn
    return offsets.after(head) if head - lsn > LAG else offset
