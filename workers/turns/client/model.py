"""Values of the client half."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Final, Literal, TypeAlias
from uuid import UUID

Strategy = Literal["local", "remote", "merge", "user"]
Value: TypeAlias = str | None  # as the server prints it
Row: TypeAlias = dict[str, Value]
Given: TypeAlias = str | int | float | bool | Decimal | date | datetime | UUID | None

BASE: Final = ("id", "created_at", "updated_at", "version", "created_by", "updated_by")
KEPT: Final = frozenset(BASE)  # the server's own: a device never sends them
_OWN: Final = {
    "properties": "property_id name street_address city state zip_code country year_built area_sqft bedrooms bathrooms "
    "is_active is_core property_manager_id sr_property_manager_id",
    "vendors": "name email phone trade is_active is_approved",
    "turn_stages": "name display_order color is_amount_required is_vendor_required requires_approval "
    "is_complete_stage is_active",
    "turns": "turn_id property_id stage_id wo_number move_out_date turn_amount approved_turn_amount vendor_id "
    "expected_completion_date turn_completion_date approval_status is_active",
}
TABLES: Final[dict[str, tuple[str, ...]]] = {table: (*BASE, *names.split()) for table, names in _OWN.items()}


@dataclass(frozen=True, slots=True)
class Local:
    """A row with what was changed on it here. `base` is the server's row that the changes began on; None = the server
    has none."""

    values: Row
    base: Row | None
    modified: frozenset[str] = frozenset()
    times: Mapping[str, str] = field(default_factory=dict)  # when each column was changed here
    deleted: bool = False
    asked: Mapping[str, Mapping[str, Value]] = field(
        default_factory=dict
    )  # what a person was asked and has not decided

    @property
    def is_touched(self) -> bool:
        return self.deleted or bool(self.modified) or self.base is None


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of a row. `values` None = it goes. `conflict` is what a person must decide."""

    values: Row | None
    base: Row | None = None
    modified: frozenset[str] = frozenset()
    deleted: bool = False
    conflict: dict[str, dict[str, Value]] | None = None
    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A change on its way to the server. Its id stays the same however often it is sent."""

    operation_id: str
    table: str
    row_id: str
    kind: str
    base_version: int | None
    values: Row

    def document(self) -> dict[str, object]:
        return {
            "operation_id": self.operation_id,
            "operation": self.kind,
            "id": self.row_id,
            "base_version": self.base_version,
            "values": self.values,
        }


@dataclass(frozen=True, slots=True)
class SyncMetrics:
    """The document's metrics of one shape. `sync_duration`: seconds of the last way from the first page to the end."""

    shape_name: str
    record_count: int
    sync_duration: float
    conflict_count: int
    error_count: int
    retry_count: int


def text(given: Given) -> Value:
    """A value as the server prints it, near enough: what the server makes of it comes back."""
    if given is None or isinstance(given, str):
        return given
    return str(given).lower() if isinstance(given, bool) else str(given)
