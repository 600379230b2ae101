"""What becomes of a reading: the effect that records it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
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
        values(read).get(NUMBER),
        read["fields"],
        tuple(read["warnings"]),
        duration_ms,
    )


def values(read: Mapping[str, Any]) -> dict[str, Any]:
    """The plain values of a reading."""
    return {name: found["value"] for name, found in read["fields"].items()}
