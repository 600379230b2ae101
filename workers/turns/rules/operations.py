"""Reads operations as devices send them: ours, or a whole record with the document's sync columns (D1.15, K17)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson

from workers.turns.model.writes import Kind, Operation

TABLES: Final = ("properties", "vendors", "turn_stages", "turns")
MOST: Final = 500  # of one batch
FIELDS: Final = frozenset({"operation_id", "operation", "id", "base_version", "values"})
KINDS: Final = frozenset({"insert", "update", "delete"})
KEPT: Final = frozenset({"id", "version", "created_at", "updated_at", "created_by", "updated_by", "workspace_id"})


class Unreadable(ValueError):
    """This is no operation; the message says what is wrong with it."""


def of_body(body: object, table: str, key: str | None) -> tuple[list[Operation], bool]:
    """The operations, and whether it was a single one. `key` is the header of an idempotency key. Raises Unreadable."""
    if isinstance(body, Mapping):
        return [_one(body, table, key)], True
    if not isinstance(body, list):
        raise Unreadable("send one operation as an object, or a list of them")
    if len(body) > MOST:
        raise Unreadable(f"a batch has at most {MOST} operations; send the rest in another one")
    found = [_one(each, table, None) for each in body]
    if len({each.operation_id for each in found}) < len(found):
        raise Unreadable("two operations have the same operation_id; give each its own")
    return found, False


def _one(body: object, table: str, key: str | None) -> Operation:
    if not isinstance(body, Mapping):
        raise Unreadable("an operation is an object")
    if "operation" not in body:
        return _record(body, table, key)
    if unknown := set(body) - FIELDS:
        raise Unreadable(f"an operation has no field {min(unknown)}; its fields are {', '.join(sorted(FIELDS))}")
    kind = body["operation"]
    if kind not in KINDS:
        raise Unreadable("operation must be insert, update or delete")
    values = body.get("values") or {}
    if not isinstance(values, Mapping):
        raise Unreadable("values must be an object of columns")
    given = body.get("operation_id", key)
    return Operation(
        _uuid(given, "operation_id"), cast("Kind", kind), _uuid(body.get("id"), "id"), _version(body), dict(values)
    )


def _record(body: Mapping[str, Any], table: str, key: str | None) -> Operation:
    """A whole row: `_new` inserts it, `_deleted` deletes it, else its `_modified_columns` (or all) are written. The
    same record is the same operation, unless a key says otherwise."""
    row_id = _uuid(body.get("id"), "id")
    named = uuid5(NAMESPACE_URL, f"{table}:" + orjson.dumps(dict(body), option=orjson.OPT_SORT_KEYS).decode())
    kind: Kind = "delete" if body.get("_deleted") else "insert" if body.get("_new") else "update"
    columns = body.get("_modified_columns") if kind == "update" else None
    if columns is not None and not isinstance(columns, list):
        raise Unreadable("_modified_columns must be a list of columns")
    wanted = set(columns) if columns else {name for name in body if not name.startswith("_")} - KEPT
    values = {name: body[name] for name in wanted if name in body and name not in KEPT}
    base = _version({"base_version": body.get("base_version", body.get("version"))})
    operation_id = _uuid(key, "Idempotency-Key") if key else named
    return Operation(operation_id, kind, row_id, base, {} if kind == "delete" else values)


def _uuid(given: object, name: str) -> UUID:
    try:
        return UUID(given) if isinstance(given, str) else _missing(name)
    except ValueError:
        raise Unreadable(f"{name} must be a UUID") from None


def _missing(name: str) -> UUID:
    raise Unreadable(f"{name} must be a UUID")


def _version(body: Mapping[str, Any]) -> int | None:
    given = body.get("base_version")
    if isinstance(given, str) and given.isdecimal():
        given = int(given)  # rows of a shape are texts
    if given is not None and (not isinstance(given, int) or isinstance(given, bool) or not 0 < given < 2**31):
        raise Unreadable("base_version must be the version that was seen, a whole number")
    return given
