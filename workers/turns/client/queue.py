"""Operations on their way. One is made of a row that has been quiet for a moment, kept before it is sent, and kept
until its answer is settled: whoever is killed in between sends the same one again."""

from __future__ import annotations

import json
from typing import Any, Final
from uuid import uuid4

from workers.turns.client import merging
from workers.turns.client.model import KEPT, TABLES, Operation, Row
from workers.turns.client.schema import NOW
from workers.turns.client.store import Store, local_of

BATCH: Final = 100
ORDER: Final = ("turn_stages", "vendors", "properties", "turns")  # what is named before what names it
SENT: Final = (*((table, False) for table in ORDER), *((table, True) for table in reversed(ORDER)))  # deletes go last
WAITS: Final = "_synced = 0 and _operation is null and _conflict_data is null and _sync_error is null"


async def collect(store: Store, quiet_s: float) -> int:
    """Makes operations of the rows that changed and were left alone for so long. Tells how many wait altogether. A time
    that is still to come is of a clock that was set back, and waits for nothing."""
    for table in TABLES:
        rows = await store.fetch(
            f"select id from {table} where {WAITS} "
            "and (? = 0 or julianday(_local_modified_at) "
            "not between julianday('now') - ? / 86400.0 and julianday('now', '+1 second'))",
            quiet_s,
            quiet_s,
        )
        for found in rows:
            await _make(store, table, found["id"])
    (waiting,) = await store.fetch("select count(*) as number from _operations")
    return int(waiting["number"])


async def _make(store: Store, table: str, row_id: str) -> None:
    async with store.transaction():
        found = await store.fetch(f"select * from {table} where id = ? and {WAITS}", row_id)
        if not found:  # since it was listed, a pull has settled it or asked a person about it
            return
        local = local_of(table, found[0])
        kind = "delete" if local.deleted else "insert" if local.base is None else "update"
        names = set(TABLES[table]) - KEPT if kind == "insert" else local.modified - KEPT
        values = {name: local.values[name] for name in sorted(names)} if kind != "delete" else {}
        if kind == "insert":
            values = {name: value for name, value in values.items() if value is not None}
        if kind == "update" and not values:
            await store.run(f"update {table} set _synced = 1, _sent_to_server = 1, _base = null where id = ?", row_id)
            return
        operation_id, base = str(uuid4()), int(local.base["version"] or 0) if local.base else None
        await store.run(
            "insert into _operations (operation_id, table_name, row_id, kind, base_version, row_values, made_at) "
            f"values (?, ?, ?, ?, ?, ?, {NOW})",
            *(operation_id, table, row_id, kind, base, json.dumps(values)),
        )
        await store.run(f"update {table} set _operation = ? where id = ?", operation_id, row_id)


async def batch(store: Store) -> tuple[str, list[Operation]] | None:
    """The next operations of one table, oldest first; None = nothing waits."""
    sql = "select * from _operations where table_name = ? and (kind = 'delete') = ? order by rowid limit ?"
    for table, deletes in SENT:
        rows = await store.fetch(sql, table, deletes, BATCH)
        if rows:
            return table, [_operation(row) for row in rows]
    return None


def _operation(row: dict[str, Any]) -> Operation:
    return Operation(
        row["operation_id"],
        row["table_name"],
        row["row_id"],
        row["kind"],
        row["base_version"],
        json.loads(row["row_values"]),
    )


async def sending(store: Store, table: str, operations: list[Operation]) -> None:
    async with store.transaction():
        for each in operations:
            await store.run("update _operations set sent = sent + 1 where operation_id = ?", each.operation_id)
            await store.run(
                f"update {table} set _sent_to_server = 1, _last_sync_attempt = {NOW} where id = ?", each.row_id
            )


async def failed(store: Store, table: str, operations: list[Operation]) -> None:
    """Not answered: the same operations are sent again. The error of the network is no error of the row."""
    async with store.transaction():
        for each in operations:
            await store.run(
                f"update {table} set _sent_to_server = 0, _sync_retries = _sync_retries + 1 where id = ?", each.row_id
            )


async def answered(store: Store, operation: Operation, answer: dict[str, Any]) -> str:
    """Settles one answer; returns `applied`, `conflict` or `refused`, or `asked` where a person must decide."""
    table, row_id, status = operation.table, operation.row_id, str(answer["status"])
    async with store.transaction():
        done = await store.run("delete from _operations where operation_id = ?", operation.operation_id)
        held = await store.held(table, row_id)
        if not done or held is None:
            return status
        stashed = held["_remote"]
        await store.run(f"update {table} set _operation = null, _remote = null where id = ?", row_id)
        if status == "refused":
            await _refused(store, table, held, f"{answer['code']}: {answer['reason']}")
            return status
        local, row = local_of(table, held), _known(table, answer["row"])
        newest = _newest(row, stashed, gone=status == "applied" and operation.kind == "delete")
        if status == "applied" and row is not None:
            local = merging.after_sent(local, operation.values, row)
        asked = await store.settle(table, row_id, local, newest, held["_generation"])
        await store.drop_unseen(table, row_id)
        return "asked" if asked else status


async def _refused(store: Store, table: str, held: dict[str, Any], told: str) -> None:
    """Stays as it is on top of what the shape told meanwhile, with the reason, until somebody edits it again or takes
    it back."""
    row_id, stashed = held["id"], held["_remote"]
    if stashed == "null":
        await store.take_gone(table, row_id)
    elif stashed is not None:
        await store.take(table, json.loads(stashed), held["_generation"], whole=True)
    await store.run(
        f"update {table} set _sync_error = ?, _sent_to_server = 0 where id = ? and _synced = 0", told[:500], row_id
    )


def _known(table: str, row: Row | None) -> Row | None:
    return None if row is None else {name: row.get(name) for name in TABLES[table]}


def _newest(row: Row | None, stashed: str | None, *, gone: bool) -> Row | None:
    """What the server has, of its answer and of what the shape told meanwhile."""
    if gone or stashed == "null":
        return None
    told: Row | None = json.loads(stashed) if stashed else None
    if row is None or (told is not None and int(told["version"] or 0) > int(row["version"] or 0)):
        return told if row is not None else None
    return row
