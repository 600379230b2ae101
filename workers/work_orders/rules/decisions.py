"""What becomes of a reading: the effect that records it, where its fields stand, what a person is asked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from workers.work_orders.model.effects import RecordReading, RecordSigned
from workers.work_orders.model.profiles import NUMBER

READ: Final = "work_orders.read"
READ_SIGNED: Final = "work_orders.read_signed"


def failed(reason: str) -> dict[str, Any]:
    """A reading that gave nothing: it ends in a question for a person, not in a failed task."""
    return {"outcome": "FAILED", "fm_key": "", "profile_version": None, "fields": {}, "warnings": [reason], "pages": 0}


def recorded(source_id: UUID, read: Mapping[str, Any], duration_ms: int) -> RecordReading:
    return RecordReading(
        source_id,
        read["outcome"],
        read["fm_key"],
        read["profile_version"],
        values(read),
        read["fields"],
        tuple(read["warnings"]),
        duration_ms,
    )


def recorded_signed(signed_id: UUID, read: Mapping[str, Any], duration_ms: int) -> RecordSigned:
    return RecordSigned(
        signed_id,
        read["outcome"],
        read["fm_key"],
        read["profile_version"],
        number_in(read),
        read["fields"],
        tuple(read["warnings"]),
        duration_ms,
    )


def values(read: Mapping[str, Any]) -> dict[str, Any]:
    """The plain values of a reading."""
    return {name: found["value"] for name, found in read["fields"].items()}


def number_in(read: Mapping[str, Any]) -> str | None:
    """The order's number, where it was found."""
    found: str | None = values(read).get(NUMBER)
    return found


def boxes_on(page: int, found: Mapping[str, Any]) -> list[Sequence[float]]:
    """Where on this page the fields of a run stand. What a caller has read says nothing of places."""
    return [
        each["box"] for each in found.values() if isinstance(each, dict) and each.get("page") == page and "box" in each
    ]


def question(kind: str, details: Mapping[str, Any]) -> str:
    """What a person has to decide, in words."""
    fields = details.get("fields")
    if fields:
        return "; ".join(f"{name} is {each['is']}, read {each['read']}" for name, each in fields.items())
    said = details.get("reason") or "; ".join(details.get("warnings") or ())
    if said:
        return str(said)
    if kind == "same_number":
        number, others = details.get("work_order_number"), details.get("others")
        return f"the number {number} has {others} more, perhaps the same order; accept makes them one, keep leaves both"
    read = details.get("read") or {}
    return "no number was found; read: " + (", ".join(f"{name} {value}" for name, value in read.items()) or "nothing")
