"""Changes of rows as the protocol's messages. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from workers.turns.model.shapes import Definition

MUST_REFETCH = b'[{"headers":{"control":"must-refetch"}}]'
XIDS = 2**32


@dataclass(slots=True)
class Message:
    """One message of the log. `last` is known only when the next one has been looked for."""

    lsn: int
    key: str
    value: Mapping[str, str | None]
    headers: dict[str, Any]
    old_value: Mapping[str, str | None] | None = None

    def to_json(self, *, last: bool) -> bytes:
        headers = {**self.headers, "last": True} if last else self.headers
        document: dict[str, Any] = {"key": self.key, "value": self.value, "headers": headers}
        if self.old_value is not None:
            document["old_value"] = self.old_value
        return orjson.dumps(document)


def row_headers(definition: Definition, **more: Any) -> str:
    """Headers of a row of a snapshot, as JSON."""
    relation = [definition.layout.schema, definition.layout.table]
    return orjson.dumps({"operation": "insert", "relation": relation, **more}).decode()


def of_change(definition: Definition, row: Mapping[str, Any]) -> Iterator[Message]:
    """What a change of a row is for this shape: nothing, one message, or two where its key changed."""
    was, is_now = row["was"], row["is_now"]
    if was and is_now and row["old_key"] != row["new_key"]:
        yield _gone(definition, row, 0, key_change_to=row["new_key"])
        yield _new(definition, row, 1, key_change_from=row["old_key"])
    elif was and is_now:
        yield from _changed(definition, row)
    elif was:
        yield _gone(definition, row, 0)
    elif is_now:
        yield _new(definition, row, 0)


def _headers(definition: Definition, row: Mapping[str, Any], operation: str, part: int, **more: Any) -> dict[str, Any]:
    return {
        "operation": operation,
        "relation": [definition.layout.schema, definition.layout.table],
        "lsn": str(row["lsn"]),
        "op_position": 2 * row["pos"] + part,
        "txids": [row["xid"] % XIDS],
        **more,
    }


def _named(definition: Definition, values: Sequence[str | None]) -> dict[str, str | None]:
    return {each.name: value for each, value in zip(definition.columns, values, strict=True)}


def _new(definition: Definition, row: Mapping[str, Any], part: int, **more: Any) -> Message:
    headers = _headers(definition, row, "insert", part, **more)
    return Message(row["lsn"], row["new_key"], _named(definition, row["new_values"]), headers)


def _gone(definition: Definition, row: Mapping[str, Any], part: int, **more: Any) -> Message:
    value = _named(definition, row["old_values"])
    if definition.replica == "default":
        names = [definition.columns[place].name for place in definition.key_places]
        value = {name: value[name] for name in names}
    return Message(row["lsn"], row["old_key"], value, _headers(definition, row, "delete", part, **more))


def _changed(definition: Definition, row: Mapping[str, Any]) -> Iterator[Message]:
    """Nothing where no selected column changed."""
    old, new = _named(definition, row["old_values"]), _named(definition, row["new_values"])
    changed = [name for name in new if new[name] != old[name]]
    if not changed:
        return
    headers = _headers(definition, row, "update", 0)
    if definition.replica == "full":
        yield Message(row["lsn"], row["new_key"], new, headers, {name: old[name] for name in changed})
        return
    keys = {definition.columns[place].name for place in definition.key_places}
    value = {name: new[name] for name in new if name in keys or name in changed}
    yield Message(row["lsn"], row["new_key"], value, headers)


def up_to_date(lsn: int) -> bytes:
    return orjson.dumps({"headers": {"control": "up-to-date", "global_last_seen_lsn": str(lsn)}})


def snapshot_end(snapshot: str) -> bytes:
    """`snapshot` as PostgreSQL prints one: xmin:xmax:xip,xip."""
    return orjson.dumps({"headers": {"control": "snapshot-end", **visibility(snapshot)}})


def visibility(snapshot: str) -> dict[str, Any]:
    low, high, listed = snapshot.split(":")
    return {"xmin": low, "xmax": high, "xip_list": [each for each in listed.split(",") if each]}
