"""What happened to a shape after some place in the log, a page at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from workers.turns.model.shapes import Shape
from workers.turns.rules import offsets
from workers.turns.rules.offsets import Offset
from workers.turns.shapes import messages, printing
from workers.turns.shapes.database import Connection, Source
from workers.turns.shapes.messages import Message

BATCH: Final = 2000  # changes of the table looked at in one statement


class Truncated(Exception):
    """The table was emptied: its followers start anew."""


@dataclass(frozen=True, slots=True)
class Page:
    """`after` is where one stands behind it; `complete` = nothing up to the head is left."""

    bodies: tuple[bytes, ...]
    after: Offset
    complete: bool


async def read(source: Source, shape: Shape, since: Offset, head: int, most_bytes: int) -> Page:
    """The changes after `since` up to transaction `head`. Raises Truncated."""
    kept: list[Message] = []
    skip = since.part
    size, seen_of_next = 0, 0
    async with source.printing() as connection:
        async for message in _messages(connection, shape, since.lsn, head):
            if size >= most_bytes:
                return _cut(kept, skip if kept[0].lsn == since.lsn + 1 else 0, following=message.lsn)
            if message.lsn == since.lsn + 1 and seen_of_next < skip:
                seen_of_next += 1
                continue
            kept.append(message)
            size += _size(message)
    return _cut(kept, skip if kept and kept[0].lsn == since.lsn + 1 else 0) if kept else Page((), since, complete=True)


def _cut(kept: list[Message], before: int, following: int | None = None) -> Page:
    """`before` messages of the first transaction stood in the page before; `following` comes next, if anything."""
    ahead = [*(each.lsn for each in kept[1:]), following]
    bodies = tuple(each.to_json(last=next_lsn != each.lsn) for each, next_lsn in zip(kept, ahead, strict=True))
    last = kept[-1].lsn
    if following != last:
        return Page(bodies, offsets.after(last), following is None)
    count = sum(each.lsn == last for each in kept) + (before if kept[0].lsn == last else 0)
    return Page(bodies, offsets.inside(last, count), complete=False)


async def _messages(connection: Connection, shape: Shape, since: int, head: int) -> AsyncIterator[Message]:
    definition, place = shape.definition, (since, 2**31 - 1)
    sql, waiting = printing.changes(definition), frozenset(shape.waiting)
    while True:
        rows = await connection.fetch(sql, definition.layout.rel, place[0], head, place[1], BATCH)
        for row in rows:
            if row["op"] == "T":
                raise Truncated
            if row["xid"] not in waiting:
                for message in messages.of_change(definition, dict(row)):
                    yield message
        if len(rows) < BATCH:
            return
        place = (rows[-1]["lsn"], rows[-1]["pos"])


def _size(message: Message) -> int:
    return 220 + len(message.key) + sum(len(name) + len(value or "null") + 6 for name, value in message.value.items())
