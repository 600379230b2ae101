"""/api/operators: the task types that workers have published; pause and resume. A pause stops the work of every
workspace, so it is for admins."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import asyncpg
import orjson
from pydantic import Field

from core.db import catalogs
from core.db.connect import Connection
from core.web.acts import Deed, act, audit
from core.web.call import Call, absent
from core.web.model import Document, Model, Nothing
from core.web.routes import route


class OperatorPath(Model):
    """One task type."""

    task_type: str = Field(min_length=1, max_length=100)


class Operator(Model):
    """`workers` is how many living workers know the type."""

    task_type: str
    description: str | None
    defaults: Document | None
    published_at: datetime | None
    paused_at: datetime | None
    paused_by: str | None
    paused_reason: str | None
    workers: int


class OperatorWithSchema(Operator):
    """`payload_schema` is the JSON Schema of its payload."""

    payload_schema: Document | None


class OperatorList(Model):
    """All of them."""

    operators: list[Operator]


class Reason(Model):
    """Why a type is paused."""

    reason: str | None = Field(None, max_length=1000, description="Why, for those who look later.")


@route("GET", "/api/operators", scope="read")
async def list_operators(call: Call[Nothing, Nothing]) -> OperatorList:
    """List the task types that workers have published."""
    async with call.connection() as connection:
        rows = await catalogs.web()["operators"].fetch(connection)
    return OperatorList(operators=[Operator(**_plain(row)) for row in rows])


@route("GET", "/api/operators/{task_type}", scope="read", refuses=(404,))
async def tell_operator(call: Call[OperatorPath, Nothing]) -> OperatorWithSchema:
    """Tell one task type, with the schema of its payload."""
    async with call.connection() as connection:
        return await _operator(connection, call.asked.task_type)


@route("POST", "/api/operators/{task_type}/pause", scope="admin", refuses=(404,))
async def pause_operator(call: Call[OperatorPath, Reason]) -> OperatorWithSchema:
    """Stop claiming tasks of a type. What runs goes on; a second pause keeps the first one's reason."""

    async def change(connection: Connection) -> None:
        statements, name = catalogs.inspect(), call.asked.task_type
        await statements["pause"].fetch(connection, task_type=name, reason=call.body.reason)
        await catalogs.web()["paused_by"].fetch(connection, task_type=name, email=call.actor.email)

    return await _change(call, "pause", change)


@route("POST", "/api/operators/{task_type}/resume", scope="admin", refuses=(404,))
async def resume_operator(call: Call[OperatorPath, Nothing]) -> OperatorWithSchema:
    """Claim tasks of a paused type again."""

    async def change(connection: Connection) -> None:
        await catalogs.inspect()["resume"].fetch(connection, task_type=call.asked.task_type)

    return await _change(call, "resume", change)


async def _change(call: Call[OperatorPath, Any], verb: Literal["pause", "resume"], change: Any) -> OperatorWithSchema:
    async def work(connection: Connection) -> dict[str, Any]:
        await change(connection)
        told = await _operator(connection, call.asked.task_type)
        after = {"paused_reason": told.paused_reason}
        await audit(call, connection, Deed("operator", told.task_type, verb, after=after))
        return _stored(told)

    return _from_stored(await act(call, f"operators.{verb}", work))


async def _operator(connection: Connection, task_type: str) -> OperatorWithSchema:
    rows = await catalogs.web()["operator"].fetch(connection, task_type=task_type)
    if not rows:
        raise absent("task type")
    return OperatorWithSchema(**_plain(rows[0]))


def _plain(row: asyncpg.Record) -> dict[str, Any]:
    documents = {"defaults", "payload_schema"}
    return {name: Document.of(value) if name in documents else value for name, value in row.items()}


def _stored(told: OperatorWithSchema) -> dict[str, Any]:
    documents = {"defaults": told.defaults, "payload_schema": told.payload_schema}
    return told.model_dump() | {name: each and orjson.Fragment(each.text) for name, each in documents.items()}


def _from_stored(answer: dict[str, Any]) -> OperatorWithSchema:
    documents = {
        name: answer[name] and Document(orjson.dumps(answer[name]).decode()) for name in ("defaults", "payload_schema")
    }
    return OperatorWithSchema(**(answer | documents))
