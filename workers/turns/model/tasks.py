"""Payloads of the tasks, and the effects they decide on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from core import Effect


class NotifyApprovers(BaseModel):
    """A turn waits for an approval since this version."""

    turn_id: UUID
    version: int
    status: Literal["DFO_APPROVAL_NEEDED", "HO_APPROVAL_NEEDED"]


class FindOverdue(BaseModel):
    """Turns that should be complete by now."""


class CompactLog(BaseModel):
    """How long changes stay in the log, shapes that nobody follows, and answers to operations."""

    keep_days: float = Field(7.0, gt=0)
    keep_shapes_days: float = Field(7.0, gt=0)
    keep_operations_days: float = Field(90.0, ge=1)


@dataclass(frozen=True, slots=True)
class AddNotice(Effect):
    """A person is told about a turn, once for each version of it."""

    workspace_id: UUID
    turn_id: UUID
    to_user_id: UUID
    kind: str
    turn_version: int
    told: str


@dataclass(frozen=True, slots=True)
class PruneLog(Effect):
    """Takes the oldest changes out of the log, so many at once."""

    keep_s: float
    most: int


@dataclass(frozen=True, slots=True)
class ForgetShapes(Effect):
    """Takes away shapes that nobody follows, and answers that nobody asks for again."""

    shapes_s: float
    operations_s: float
