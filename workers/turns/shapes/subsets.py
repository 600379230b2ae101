"""Some rows of a shape at once, beside its log: what a client needs to merge them is told with them."""

from __future__ import annotations

from dataclasses import replace

import orjson

from workers.turns.model.shapes import Condition, Definition, Shape
from workers.turns.rules import offsets, where
from workers.turns.rules.access import Person
from workers.turns.rules.asked import MOST_ROWS, Asked, Invalid, Subset, order_by
from workers.turns.rules.offsets import Offset
from workers.turns.rules.tokens import Refused
from workers.turns.shapes import answers, messages, printing
from workers.turns.shapes.answers import Answer
from workers.turns.shapes.serving import Shapes
from workers.turns.shapes.store import ConditionUnfit

_marks = iter(range(1, 2**62))


async def answer(shapes: Shapes, asked: Asked, subset: Subset, person: Person | None) -> Answer:
    """The rows, the transactions they show, and a number behind all of those in the log. Raises Invalid."""
    definition = await shapes.definition(asked, person)
    shape = await _shape(shapes, asked, definition)
    if shape is None:
        return await shapes.refetch(asked, person)
    narrowed = await _narrowed(shapes, subset, shape)
    mark = next(_marks)
    headers = messages.row_headers(definition, snapshot_mark=mark)
    sql = printing.subset(definition, headers, _tail(subset, shape), narrowed.on("r") if narrowed else "true")
    async with shapes.source.printing("repeatable_read") as connection:
        (now,) = await shapes.source.statements["log_in_outbox"].fetch(connection)
        rows = [row["message"] for row in await connection.fetch(sql)]
    if len(rows) > MOST_ROWS:
        raise Invalid(subset=f"a subset has at most {MOST_ROWS:,} rows; give order_by and limit")
    await shapes.settled(replace(shape, waiting=tuple(int(each) for each in now["waiting"])))
    behind = await shapes.tail.read_head() + 1
    metadata = {"snapshot_mark": mark, "database_lsn": str(behind), **messages.visibility(now["snapshot"])}
    after = asked.offset if asked.offset.is_mid_air else offsets.after(now["head"])
    body = b'{"metadata":' + orjson.dumps(metadata) + b',"data":[' + ",".join(rows).encode() + b"]}"
    return Answer(200, body, _headers(shape, after))


def _headers(shape: Shape, after: Offset) -> dict[str, str]:
    return {
        **answers.places(shape.handle, after),
        "electric-schema": answers.schema_header(shape.definition),
        "electric-snapshot": "true",
        "cache-control": "no-cache",
    }


async def _shape(shapes: Shapes, asked: Asked, definition: Definition) -> Shape | None:
    """The one the client follows, or the current one where it follows none; None = what it follows is gone."""
    if asked.handle and asked.offset.is_mid_air:
        return await shapes.store.by_handle(asked.handle, definition)
    return await shapes.store.current(definition)


async def _narrowed(shapes: Shapes, subset: Subset, shape: Shape) -> Condition | None:
    """The subset's own condition, after PostgreSQL has looked at it. Raises Invalid."""
    narrowed = _condition(subset, shape)
    if narrowed is not None:
        definition = shape.definition
        try:
            await shapes.store.check(replace(definition, where=where.both(definition.where, narrowed)))
        except ConditionUnfit as error:
            raise Invalid(subset=str(error)) from None
    return narrowed


def _condition(subset: Subset, shape: Shape) -> Condition | None:
    if subset.where is None:
        return None
    try:
        return where.condition(subset.where, subset.params, shape.definition.layout)
    except Refused as error:
        raise Invalid(subset=str(error)) from None


def _tail(subset: Subset, shape: Shape) -> str:
    parts = [f"order by {order_by(subset.order_by, shape.definition.layout, 'r')}"] if subset.order_by else []
    parts.append(f"limit {MOST_ROWS + 1 if subset.limit is None else subset.limit}")
    parts += [f"offset {subset.offset}"] if subset.offset is not None else []
    return " ".join(parts)
