"""One claimed run, as this process holds it. Owned by its pool, from the claim to the last commit."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from core.effects import Target
from core.registry import Operator


@dataclass(slots=True)
class Member:
    """A task of a run: the leader itself, or a follower that a coalescing claim took with it."""

    id: UUID
    run_no: int
    payload: str


@dataclass(slots=True, eq=False)
class Run:
    """A leader with its followers. `seen` holds the version of every row the operator has read."""

    operator: Operator
    leader: Member
    attempts: int = 1
    max_attempts: int = 3
    key: str | None = None
    workspace_id: UUID | None = None
    output: str | None = None
    progress: dict[str, Any] | None = None  # what `output` held, kept up to date, and the signal in it
    signal: dict[str, Any] | None = None
    priority: int = 5
    wait_ms: float = 0.0
    due_at: datetime = datetime.min  # noqa: DTZ901 - the database's clock, like claimed_at; set by the claim
    claimed_at: datetime = datetime.min  # noqa: DTZ901
    followers: list[Member] = field(default_factory=list)
    seen: dict[Target, int] = field(default_factory=dict)
    cell_id: UUID | None = None
    started: float = 0.0  # loop time
    task: asyncio.Task[None] | None = None
    cancel_asked: bool = False
    overdue: bool = False  # ran longer than its operator allows
    lost: bool = False  # this process has claimed its task anew

    @property
    def id(self) -> UUID:
        return self.leader.id

    @property
    def run_no(self) -> int:
        return self.leader.run_no

    def members(self) -> list[Member]:
        return [self.leader, *self.followers]
