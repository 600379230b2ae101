"""What a worker tells the database about its operators when it starts: the registry behind `enqueue_task`.

Nothing is ever un-published here: a type whose workers are gone is still a type producers may enqueue.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from typing import Final

import orjson
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError

from core import log, storable
from core.db import catalogs
from core.db.connect import Connection
from core.registry import Operator

LIMIT_S: Final = 5.0  # somebody may hold a row of the registry: no reason to stay away from the work


async def publish(connection: Connection, worker_id: str, operators: Sequence[Operator]) -> None:
    """Writes what differs from what is published; whoever starts last is right. Gives up after LIMIT_S, with a warning:
    producers are then checked against what stood there before."""
    try:
        async with asyncio.timeout(LIMIT_S):
            await catalogs.engine()["publish"].fetch(
                connection,
                worker_id=worker_id,
                task_types=[each.task_type for each in operators],
                descriptions=[_description(each) for each in operators],
                schemas=[_schema(each) for each in operators],
                defaultses=[_defaults(each) for each in operators],
            )
    except TimeoutError:
        log.get("publish").warning("publish_failed", reason="a row of rowmill.task_types stays locked")


def _description(operator: Operator) -> str | None:
    """The first line of the function's docstring."""
    return (inspect.getdoc(operator.run) or "").partition("\n")[0] or None


def _schema(operator: Operator) -> str | None:
    """None where pydantic checks what JSON Schema cannot say: then producers are not checked, the worker still is."""
    try:
        schema = storable.value(operator.payload.json_schema(), f"the schema of {operator.task_type}")
        return orjson.dumps(schema).decode()
    except (PydanticInvalidForJsonSchema, PydanticUserError, storable.Unstorable):
        return None


def _defaults(operator: Operator) -> str:
    return orjson.dumps({"priority": operator.priority, "max_attempts": operator.max_attempts}).decode()
