"""What devices send, and what they hear. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

Kind = Literal["insert", "update", "delete"]
Status = Literal["applied", "conflict", "refused"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One change of one row. `base_version` is the version that the device had seen when it made it."""

    operation_id: UUID
    kind: Kind
    row_id: UUID
    base_version: int | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """A row as it is on the server: its columns, and who manages the property it belongs to."""

    version: int
    workspace_id: UUID
    managers: frozenset[UUID] = frozenset()
    vendor: bool = False  # the person answers for its vendor
    active: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an operation is not done."""

    code: str
    reason: str
