"""Some rows of a shape at once, beside its log: what a client needs to merge them is told with them."""

from __future__ import annotations

from dataclasses import replace

import orjson

from workers.turns.model.shapes import Condition, Shape
from workers.turns.rules import offsets, where
from workers.turns.rules.access import Person
from workers.turns.rules.asked import Asked, Invalid, Subset, order_by
from workers.turns.rules.tokens import Refused
from workers.turns.shapes import answers, messages, printing
from workers.turns.shapes.answers import Answer
from workers.turns.shapes.serving import Shapes
from workers.turns.shapes.store import ConditionUnfit

_marks = iter(range(1, 2**62))


async def answer(shapes: Shapes, asked: Asked, subset: Subset, person: Person | None) -> Answer:
    """The rows, the transactions they show, and a number behind all of those in the log. Raises Invalid."""
    definition = await shapes.definition(asked, person)
    if asked.handle and asked.offset.is_mid_air:
        found = await shapes.store.by_handle(asked.handle, definition)
        if found is None:
            return await shapes.refetch(asked, person)
        shape = found
    else:
        shape = await shapes.store.current(definition)
    narrowed = _condition(subset, shape)
    if narrowed is not None:
        try:
            await shapes.store.check(replace(definition, where=where.both(definition.where, narrowed)))
        except ConditionUnfit as error:
            raise Invalid(subset=str(error)) from None
    mark = next(_marks)
    sql = printing.subset(
        definition,
        messages.row_headers(definition, snapshot_mark=mark),
        _tail(subset, shape),
        narrowed.on("r") if narrowed else "true",
    )
    async with shapes.source.printing("repeatable_read") as connection:
        (now,) = await shapes.source.statements["log_in_outbox"].fetch(connection)
        rows = [row["message"] for row in await connection.fetch(sql)]
    await shapes.settled(replace(shape, waiting=tuple(int(each) for each in now["waiting"])))
    head = await shapes.tail.read_head()
    metadata = {"snapshot_mark": mark, "database_lsn": str(head + 1), **messages.visibility(now["snapshot"])}
    after = asked.offset if asked.offset.is_mid_air else offsets.after(now["head"])
    headers = {
        **answers.places(shape.handle, after),
        "electric-schema": answers.schema_header(definition),
        "electric-snapshot": "true",
        "cache-control": "no-cache",
    }
    body = b'{"metadata":' + orjson.dumps(metadata) + b',"data":[' + ",".join(rows).encode() + b"]}"
    return Answer(200, body, headers)


def _condition(subset: Subset, shape: Shape) -> Condition | None:
    if subset.where is None:
        return None
    try:
        return where.condition(subset.where, subset.params, shape.definition.layout)
    except Refused as error:
        raise Invalid(subset=str(error)) from None


def _tail(subset: Subset, shape: Shape) -> str:
    parts = [f"order by {order_by(subset.order_by, shape.definition.layout, 'r')}"] if subset.order_by else []
    parts += [f"limit {subset.limit}"] if subset.limit is not None else []
    parts += [f"offset {subset.offset}"] if subset.offset is not None else []
    return " ".join(parts)
