"""Applies a batch of operations: one transaction, each operation in a savepoint of its own, fenced by its id."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from workers.turns.model.shapes import Layout
from workers.turns.model.writes import Found, Operation, Refusal
from workers.turns.rules import rights
from workers.turns.rules.access import Person
from workers.turns.shapes import printing
from workers.turns.shapes.database import Connection, Source

LOCK_MS: Final = 5000
DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "properties": {"is_active": True, "is_core": True, "country": "United States"},
    "vendors": {"is_active": True, "is_approved": False},
    "turn_stages": {
        "color": "#000000",
        "is_amount_required": False,
        "is_vendor_required": False,
        "requires_approval": False,
        "is_complete_stage": False,
        "is_active": True,
    },
    "turns": {"is_active": True},
}
RULES: Final = {
    "RM101": "amount_needed",
    "RM102": "vendor_needed",
    "RM103": "approval_needed",
    "RM104": "no_such_step",
    "RM105": "role",
    "RM106": "other_workspace",
}
SENTENCES: Final = {
    "23503": Refusal("unknown_reference", "it names a row that is not there, or is still named by others"),
    "23505": Refusal("taken", "another row has this value already; choose another one"),
    "23502": Refusal("missing", "a column that must have a value has none"),
}


@dataclass(slots=True)
class Batch:
    """The operations of one request, while they are applied."""

    source: Source
    layout: Layout
    person: Person
    connection: Connection
    txid: int = 0

    async def _run(self, name: str, **values: Any) -> list[asyncpg.Record]:
        return await self.source.statements[name].fetch(self.connection, **values)

    @property
    def _table(self) -> str:
        return self.layout.table

    async def apply(self, operations: Sequence[Operation]) -> list[dict[str, Any]]:
        """An answer for each. What is already there was locked in the order of ids, so that batches cannot deadlock."""
        (begun,) = await self._run("write_begin", user_id=str(self.person.user_id), lock_ms=LOCK_MS)
        self.txid = begun["txid"]
        found = await self._hold([each.row_id for each in operations])
        answers = []
        for operation in operations:
            answers.append(await self._once(operation, found))
            if answers[-1]["status"] == "applied":
                found |= await self._hold([operation.row_id])
                if operation.kind == "delete":
                    found.pop(operation.row_id, None)
        return answers

    async def _hold(self, ids: Sequence[UUID]) -> dict[UUID, Found]:
        rows = await self._run(f"{self._table}.hold", ids=list(ids), user_id=self.person.user_id)
        return {row["id"]: _found(row) for row in rows}

    async def _once(self, operation: Operation, found: Mapping[UUID, Found]) -> dict[str, Any]:
        """The answer of before, where this id was applied before. What is not applied leaves no trace: when it is sent
        again, the reason may be gone."""
        own = {"id": operation.operation_id, "user_id": self.person.user_id, "digest": _digest(self._table, operation)}
        if not await self._run("write_operation", **{**own, "id": str(own["id"])}):
            (before,) = await self._run("write_before", **own)
            if before["answer"] is None:
                return self._refused(operation, Refusal("reused", "this operation_id belongs to another change"))
            answer: dict[str, Any] = {**orjson.loads(before["answer"]), "repeated": True}
            return answer
        answer = await self._tried(operation, found.get(operation.row_id))
        if answer["status"] == "applied":
            await self._run("write_answered", id=operation.operation_id, answer=orjson.dumps(answer).decode())
        else:
            await self._run("write_forgotten", id=operation.operation_id)
        return answer

    async def _tried(self, operation: Operation, found: Found | None) -> dict[str, Any]:
        try:
            async with self.connection.transaction():
                return await self._done(operation, found)
        except asyncpg.PostgresError as error:
            refusal = refusal_of(error)
            if refusal is None:
                raise
            return self._refused(operation, refusal)

    async def _done(self, operation: Operation, found: Found | None) -> dict[str, Any]:
        """Refused, in conflict, or applied."""
        if found is None and operation.kind != "insert":  # it is gone, whoever asks
            gone = "applied" if operation.kind == "delete" else "conflict"
            return self._told(operation, gone, None)
        subject = await self._subject(operation)
        refusal = self._refusal(operation, found, subject)
        if refusal is not None:
            return self._refused(operation, refusal)
        if operation.kind == "insert":
            return await self._insert(operation, found, subject)
        if found is None or found.version != operation.base_version:
            return self._told(operation, "conflict", await self._row(operation.row_id) if found else None)
        name = f"{self._table}.write_{operation.kind}"
        await self._run(name, id=operation.row_id, values=orjson.dumps(dict(operation.values)).decode())
        return self._applied(operation, await self._row(operation.row_id) if operation.kind == "update" else None)

    def _refusal(self, operation: Operation, found: Found | None, subject: Found | None) -> Refusal | None:
        """By the row as it is, or will be; a turn that changes its property is looked at from both."""
        refusal = rights.refusal(self.person, self._table, operation, found or subject)
        moves = self._table == "turns" and operation.kind == "update" and "property_id" in operation.values
        return refusal or (rights.refusal(self.person, self._table, operation, subject) if moves else None)

    async def _subject(self, operation: Operation) -> Found | None:
        """What a turn will belong to: the property it names."""
        named = operation.values.get("property_id")
        if self._table != "turns" or not isinstance(named, str):
            return None
        rows = await self._run("write_property", id=UUID(named)) if _is_uuid(named) else []
        return _found(rows[0]) if rows else None

    async def _insert(self, operation: Operation, found: Found | None, subject: Found | None) -> dict[str, Any]:
        if found is not None:
            return self._told(operation, "conflict", await self._row(operation.row_id))
        workspace = subject.workspace_id if subject else await self._workspace()
        if workspace is None:
            return self._refused(operation, rights.ROW)
        values = orjson.dumps({**DEFAULTS[self._table], **operation.values}).decode()
        name = f"{self._table}.write_insert"
        await self._run(name, id=operation.row_id, workspace_id=workspace, values=values)
        return self._applied(operation, await self._row(operation.row_id))

    async def _workspace(self) -> UUID | None:
        visible = None if self.person.workspaces is None else list(self.person.workspaces)
        rows = await self._run("write_workspace", visible=visible)
        return rows[0]["id"] if rows else None

    async def _row(self, row_id: UUID) -> dict[str, Any] | None:
        """The row as shapes print it."""
        rows = await self.connection.fetch(printing.row_by_id(self.layout), row_id)
        return orjson.loads(rows[0]["row"]) if rows else None

    def _applied(self, operation: Operation, row: dict[str, Any] | None) -> dict[str, Any]:
        return self._told(operation, "applied", row)

    def _refused(self, operation: Operation, refusal: Refusal) -> dict[str, Any]:
        return {**self._told(operation, "refused", None), "code": refusal.code, "reason": refusal.reason}

    def _told(self, operation: Operation, status: str, row: dict[str, Any] | None) -> dict[str, Any]:
        version = int(row["version"]) if row else None
        return {
            "operation_id": str(operation.operation_id),
            "id": str(operation.row_id),
            "status": status,
            "txid": self.txid,
            "version": version,
            "row": row,
        }


def refusal_of(error: asyncpg.PostgresError) -> Refusal | None:
    """None for what is no fault of the operation."""
    code = error.sqlstate or ""
    if code in RULES:
        return Refusal(RULES[code], str(error.args[0]))
    if code in SENTENCES:
        column = getattr(error, "column_name", None)
        return replace(SENTENCES[code], reason=f"{SENTENCES[code].reason}{f' ({column})' if column else ''}")
    if code.startswith(("22", "23")):
        return Refusal("invalid", str(error.args[0]))
    return None


def _found(row: asyncpg.Record) -> Found:
    return Found(row["version"], row["workspace_id"], frozenset(row["managers"]), row["vendor"], row["active"])


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _digest(table: str, operation: Operation) -> bytes:
    told = (table, operation.kind, str(operation.row_id), operation.base_version, dict(operation.values))
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()
