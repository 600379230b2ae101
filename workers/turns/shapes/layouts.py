"""Reads a table as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from workers.turns.model.shapes import Column, Layout
from workers.turns.shapes.database import Source

_FIELDS: Final = {  # of an interval's modifier
    4: "YEAR",
    2: "MONTH",
    8: "DAY",
    1024: "HOUR",
    2048: "MINUTE",
    4096: "SECOND",
    6: "YEAR TO MONTH",
    1032: "DAY TO HOUR",
    3080: "DAY TO MINUTE",
    7176: "DAY TO SECOND",
    3072: "HOUR TO MINUTE",
    7168: "HOUR TO SECOND",
    6144: "MINUTE TO SECOND",
}
_HALF: Final = 0xFFFF


async def read(source: Source, schema: str, table: str) -> Layout | None:
    """None where there is no such table."""
    rows = await source.read("layout", schema=schema, table=table)
    return of_rows(rows) if rows else None


def of_rows(rows: Sequence[asyncpg.Record]) -> Layout:
    first = rows[0]
    columns = tuple(
        Column(
            row["column"],
            row["kind"],
            row["dims"],
            row["not_null"],
            row["key_index"],
            tuple(_told(row["kind"], row["modifier"]).items()),
        )
        for row in rows
    )
    return Layout(first["rel"], first["schema"], first["name"], first["digest"], columns)


def _told(kind: str, modifier: int) -> dict[str, Any]:
    """What the modifier of a type says, as the protocol names it."""
    if modifier < 0:
        return {}
    if kind == "interval":
        return _interval(modifier)
    if kind == "numeric":
        scale = (modifier - 4) & 0x7FF
        return {"precision": (modifier - 4) >> 16 & _HALF, "scale": (scale ^ 1024) - 1024}
    sizes = {"varchar": ("max_length", modifier - 4), "bpchar": ("length", modifier - 4)}
    sizes |= dict.fromkeys(("time", "timetz", "timestamp", "timestamptz"), ("precision", modifier))
    sizes |= dict.fromkeys(("bit", "varbit"), ("length", modifier))
    return dict([sizes[kind]]) if kind in sizes else {}


def _interval(modifier: int) -> dict[str, Any]:
    fields, precision = _FIELDS.get(modifier >> 16 & 0x7FFF), modifier & _HALF
    told: dict[str, Any] = {"fields": fields} if fields else {}
    return told if precision == _HALF else {**told, "precision": precision}
